import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { format } from 'prettier'
import { documentedResults } from '../service/domain/known-results.js'
import { rulesJsonSchema } from '../service/schemas/rules.js'
import { listTable, replaceBetween } from './rst.js'

/** `npm run docs`: writes the table of well-known names and the JSON Schema of the rules anew from the code. */

const page = fileURLToPath(new URL('../docs/rules.rst', import.meta.url))
const schema = fileURLToPath(new URL('../schemas/mlmm-rules.schema.json', import.meta.url))
const marks = { begin: '.. well-known names: begin (npm run docs)\n', end: '.. well-known names: end\n' }

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(page, withWellKnownNames(readFileSync(page, 'utf8')))
  writeFileSync(schema, await format(JSON.stringify(rulesJsonSchema), { parser: 'json', printWidth: 110 }))
}

/** The page with the table as it should be. */
export function withWellKnownNames(text: string): string {
  const rows = documentedResults().map(({ field, direction, names }, index, all) => [
    all[index - 1]?.field === field ? '' : field,
    direction,
    names.map((name) => `\`\`${name}\`\``).join(', '),
  ])
  return replaceBetween(text, marks, listTable([22, 10, 68], [['Field', 'Better', 'Names'], ...rows]))
}
