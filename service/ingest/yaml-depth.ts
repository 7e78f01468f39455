import { CST } from 'yaml'

/**
 * The offset of what is nested deeper than `depth`, null where nothing is. Looked for before anything recursive runs:
 * Node ends the process, without an exception, when a regular expression is compiled on a stack that is almost used up.
 */
export function findTooDeep(tokens: readonly CST.Token[], most: number): number | null {
  const stack: { token: CST.Token | null | undefined; depth: number }[] = tokens.map((token) => ({
    token,
    depth: 0,
  }))
  for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
    const { token, depth } = at
    if (token?.type === 'document') stack.push({ token: token.value, depth })
    if (!CST.isCollection(token)) continue
    if (depth >= most) return token.offset
    for (const { key, value } of token.items) {
      stack.push({ token: key, depth: depth + 1 }, { token: value, depth: depth + 1 })
    }
  }
  return null
}
