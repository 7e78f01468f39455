import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { Environment } from '../service/config.js'
import { listTable, replaceBetween } from './rst.js'

/** `npm run docs`: writes the table of the README anew from `service/config.ts`. */

const readme = fileURLToPath(new URL('../README.rst', import.meta.url))
const marks = {
  begin: '.. configuration table: begin (npm run docs)\n',
  end: '.. configuration table: end\n',
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(readme, withTable(readFileSync(readme, 'utf8')))
}

/** The README with the table as it should be. */
export function withTable(text: string): string {
  const rows = Object.entries(Environment.shape).map(rowOf)
  return replaceBetween(text, marks, listTable([22, 14, 64], [['Variable', 'Default', 'Meaning'], ...rows]))
}

function rowOf([name, schema]: [string, z.ZodType]): [string, string, string] {
  const meaning = (schema.description ?? '').replace(/`([^`]+)`/g, '``$1``')
  return [`\`\`${name}\`\``, presetOf(schema), meaning]
}

function presetOf(schema: z.ZodType): string {
  if (!schema.safeParse(undefined).success) return 'needed'
  const preset: unknown = schema.safeParse(undefined).data
  if (preset === undefined) return ''
  return Array.isArray(preset) ? 'none' : `\`\`${String(preset)}\`\``
}
