import type { Json } from '../domain/model.js'
import { type ColumnKey, isFieldName, parseNamedKey } from '../domain/table/cells.js'

interface Row {
  id: string
  cells: readonly Json[]
}

const kindWords = { r: 'result', p: 'parameter', h: 'hyperparameter' } as const
const lineEnd = '\r\n'

/** The first line: `id`, fields by their names, and `result:accuracy` and the like. */
export function csvHead(keys: readonly ColumnKey[]): string {
  return `${['id', ...keys.map(headOf)].map(csvText).join(',')}${lineEnd}`
}

function headOf(key: ColumnKey): string {
  const named = parseNamedKey(key)
  return named === null ? key : `${kindWords[named.kind]}:${named.name}`
}

/** `cells` in the order of the head, whose second column is the time. */
export function csvLine({ id, cells }: Row): string {
  const values = cells.map((cell, at) => (at === 0 ? timeText(cell) : csvCell(cell)))
  return `${[csvText(id), ...values].join(',')}${lineEnd}`
}

function csvCell(cell: Json): string {
  if (cell === null) return ''
  if (typeof cell === 'number') return String(cell)
  return csvText(typeof cell === 'string' ? cell : JSON.stringify(cell))
}

/** What a spreadsheet would take for a formula gets an apostrophe before it (OWASP, CSV injection). */
function csvText(text: string): string {
  const disarmed = /^[=+\-@\t\r\n|%]/.test(text) ? `'${text}` : text
  return /[",\r\n']/.test(disarmed) ? `"${disarmed.replaceAll('"', '""')}"` : disarmed
}

function timeText(cell: Json): string {
  return typeof cell === 'number' ? new Date(cell).toISOString() : ''
}

/** One model: its fields, and its results and settings by name. NaN and the infinities are strings, as JSON has none. */
export function ndjsonLine(keys: readonly ColumnKey[], { id, cells }: Row): string {
  const fields: [string, Json][] = [['id', id]]
  const named: Record<'r' | 'h' | 'p', [string, Json][]> = { r: [], h: [], p: [] }
  for (const [at, key] of keys.entries()) {
    const cell = cells[at] ?? null
    if (isFieldName(key)) fields.push([key, key === 'time' ? timeText(cell) : cell])
    const parsed = parseNamedKey(key)
    if (parsed !== null && cell !== null) named[parsed.kind].push([parsed.name, jsonNumber(cell)])
  }
  const lists = { results: named.r, hyperparameters: named.h, parameters: named.p }
  const whole = [...fields.map(pair), ...Object.entries(lists).map(([name, pairs]) => objectOf(name, pairs))]
  return `{${whole.join(',')}}\n`
}

function jsonNumber(cell: Json): Json {
  return typeof cell === 'number' && !Number.isFinite(cell) ? String(cell) : cell
}

function objectOf(name: string, pairs: readonly [string, Json][]): string {
  return `${JSON.stringify(name)}:{${pairs.map(pair).join(',')}}`
}

/** Written by hand, as names such as `__proto__` are no names for objects. */
function pair([name, value]: readonly [string, Json]): string {
  return `${JSON.stringify(name)}:${JSON.stringify(value)}`
}
