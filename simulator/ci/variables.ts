export type Variables = Record<string, string>

const reference = /\$\$|\$\{(\w*)\}|\$(\w+)/g

/** Replaces `$NAME` and `${NAME}` as GitLab Runner does: unknown names become empty, `$$` becomes `$`. */
export function expandText(text: string, lookup: (name: string) => string | undefined): string {
  return text.replace(reference, (match: string, braced?: string, bare?: string) => {
    if (match === '$$') return '$'
    return lookup(braced ?? bare ?? '') ?? ''
  })
}

/**
 * Expands variables that may name each other or those of `base`, which are taken as they are.
 * A variable that names itself gets the value of `base`.
 */
export function expandVariables(variables: Variables, base: Variables): Variables {
  const own = new Map(Object.entries(variables))
  const known = new Map(Object.entries(base))

  function resolve(name: string, open: ReadonlySet<string>): string | undefined {
    const text = open.has(name) ? undefined : own.get(name)
    if (text === undefined) return known.get(name)
    const inside = new Set(open).add(name)
    return expandText(text, (inner) => resolve(inner, inside))
  }

  return Object.fromEntries([...own.keys()].map((name) => [name, resolve(name, new Set()) ?? '']))
}
