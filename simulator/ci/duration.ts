const secondsOf: ReadonlyArray<[RegExp, number]> = [
  [/^w(?:ee)?k?s?$/, 604_800],
  [/^d(?:ays?)?$/, 86_400],
  [/^h(?:(?:ou)?rs?)?$/, 3_600],
  [/^m(?:in(?:ute)?s?)?$/, 60],
  [/^s(?:ec(?:ond)?s?)?$/, 1],
]

/** Reads `timeout:` as GitLab does (`1h 30m`, `90 minutes`, `3600`), in seconds; null if it is no duration. */
export function parseDuration(text: string): number | null {
  const words = text.trim().toLowerCase()
  if (/^\d+$/.test(words)) return Number(words)
  if (!/^(?:\d+(?:\.\d+)?\s*[a-z]+[\s,]*(?:and\s+)?)+$/.test(words)) return null
  let seconds = 0
  for (const [, amount, unit] of words.matchAll(/(\d+(?:\.\d+)?)\s*([a-z]+)/g)) {
    const factor = secondsOf.find(([pattern]) => pattern.test(unit ?? ''))?.[1]
    if (factor === undefined) return null
    seconds += Number(amount) * factor
  }
  return seconds
}
