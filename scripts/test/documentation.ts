import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** The repository's folder. */
export const root = fileURLToPath(new URL('../..', import.meta.url))

export interface Page {
  /** From the root. */
  path: string
  text: string
}

/** What users read. */
export const pages: Page[] = [
  'README.rst',
  'examples/iris/README.rst',
  'ci-templates/README.md',
  ...readdirSync(`${root}docs`).flatMap((name) => (name.endsWith('.rst') ? [`docs/${name}`] : [])),
].map((path) => ({ path, text: readFileSync(`${root}${path}`, 'utf8') }))

/** Examples of one language: `.. code-block:: yaml` in reStructuredText, three backticks in Markdown. */
export function examplesOf({ text }: Page, language: 'yaml' | 'json'): string[] {
  const rst = text.matchAll(new RegExp(`^\\.\\. code-block:: ${language}\\n\\n((?: +.*\\n|\\n)+)`, 'gm'))
  const markdown = text.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'))
  return [...rst, ...markdown].map(([, code = '']) => withoutIndent(code))
}

/** Lines of commands, those that a backslash continues as one. */
export function commandsOf({ text }: Page, program: string): string[] {
  const lines = text.replaceAll(/ *\\\n +/g, ' ').split('\n')
  return lines.flatMap((line) => (/^ +/.test(line) && line.trim().startsWith(program) ? [line.trim()] : []))
}

function withoutIndent(code: string): string {
  const [indent = ''] = /^ */.exec(code) ?? []
  return code.replaceAll(new RegExp(`^${indent}`, 'gm'), '')
}
