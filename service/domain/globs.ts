/** `*` stands for any characters, `/` included; there is nothing else to know about patterns. */
export function isGlob(pattern: string): boolean {
  return pattern.includes('*')
}

/** Reads a pattern once for many names. Matching takes time by the length of both, whatever the pattern. */
export function createGlob(pattern: string): (name: string) => boolean {
  const [first = '', ...rest] = pattern.split('*')
  const last = rest.pop()
  if (last === undefined) return (name) => name === pattern
  return (name) => matchesParts({ first, rest, last }, name)
}

interface Parts {
  first: string
  /** Those between two stars. */
  rest: readonly string[]
  last: string
}

function matchesParts({ first, rest, last }: Parts, name: string): boolean {
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
export function createEntries<E extends { pattern: string }>(
  entries: readonly E[],
): (name: string) => E | null {
  const named = new Map(entries.map((entry) => [entry.pattern, entry]))
  const globs = entries
    .filter(({ pattern }) => isGlob(pattern))
    .map((entry) => ({ entry, matches: createGlob(entry.pattern) }))
  return (name) => named.get(name) ?? globs.findLast(({ matches }) => matches(name))?.entry ?? null
}
