/** The value that `share` of the values do not exceed. */
export function percentile(values: Float64Array, share: number): number {
  if (values.length === 0) return Number.NaN
  const sorted = Float64Array.from(values).sort()
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN
}

export function median(values: number[]): number {
  return percentile(Float64Array.from(values), 0.5)
}

export function sum(values: number[]): number {
  return values.reduce((total, value) => total + value, 0)
}

export function joined(parts: Float64Array[]): Float64Array {
  const all = new Float64Array(sum(parts.map((part) => part.length)))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}

export function whole(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}

export function print(...lines: string[]): void {
  process.stdout.write(`${lines.join('\n')}\n`)
}

/** Whether an aim is reached, to stand behind its figure. */
export function against(value: number, aim: { atLeast: number } | { atMost: number }): string {
  if ('atLeast' in aim)
    return value >= aim.atLeast ? `aim ≥ ${aim.atLeast}: reached` : `aim ≥ ${aim.atLeast}: MISSED`
  return value <= aim.atMost ? `aim ≤ ${aim.atMost}: reached` : `aim ≤ ${aim.atMost}: MISSED`
}
