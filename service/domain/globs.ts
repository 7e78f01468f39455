/** `*` stands for any characters, `/` included; there is nothing else to know about patterns. */
export function isGlob(pattern: string): boolean {
  return pattern.includes('*')
}

/** Takes time by the length of both, whatever the pattern. */
export function matchesGlob(pattern: string, name: string): boolean {
  const [first = '', ...rest] = pattern.split('*')
  const last = rest.pop()
  if (last === undefined) return pattern === name
  const end = name.length - last.length
  if (!name.startsWith(first) || !name.endsWith(last) || first.length > end) return false
  let from = first.length
  for (const part of rest) {
    const at = name.indexOf(part, from)
    if (at === -1 || at + part.length > end) return false
    from = at + part.length
  }
  return true
}

/** Of one block of entries the one that holds for a name: its own, else the last glob that matches. */
export function entryFor<E extends { pattern: string }>(entries: readonly E[], name: string): E | null {
  return (
    entries.find(({ pattern }) => pattern === name) ??
    entries.findLast(({ pattern }) => isGlob(pattern) && matchesGlob(pattern, name)) ??
    null
  )
}
