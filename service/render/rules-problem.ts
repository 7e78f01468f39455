import type { RulesProblem } from '../domain/rules.js'
import { plainLine } from './plain.js'

/** `file:line:column: key: what is wrong. Did you mean "x"?` on one line. */
export function problemLine(path: string, { line, column, key, message, suggestion }: RulesProblem): string {
  const about = key === '' ? '' : `${key}: `
  const hint = suggestion === null ? '' : `. Did you mean "${suggestion}"?`
  return plainLine(`${path}:${line}:${column}: ${about}${message}${hint}`)
}
