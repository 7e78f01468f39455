import type { Problem } from '../service/errors.js'
import type { ResultFile } from '../service/ingest/files.js'
import { nearest } from '../service/domain/spelling.js'
import { reportKeys } from '../service/schemas/report.js'
import { findSyntaxError, lineAndColumn, listPlaces } from './json-places.js'

/** `file:line:column: what is wrong`, and what to do. */
export function explainProblem(problem: Problem, files: readonly ResultFile[]): string[] {
  const field = problem.field ?? ''
  const file = files.find(
    ({ path }) => field === path || field.startsWith(`${path}[`) || field.startsWith(`${path}.`),
  )
  if (file === undefined) return [`${problem.message} ${problem.help}`]
  if (problem.code === 'INVALID_JSON') return [syntaxProblem(file)]
  const key = field.slice(file.path.length).replace(/^\[0\]\.?|^\./, '')
  return [`${placeText(file, placeOf(file, field))} ${problem.message}${hintFor(problem, key)}`]
}

function syntaxProblem(file: ResultFile): string {
  const at = findSyntaxError(file.text)
  const [sign] = file.text.slice(at, at + 2)
  const what = sign === undefined ? 'the file ends too early' : `${JSON.stringify(sign)} cannot stand here`
  return `${placeText(file, at)} ${what}; write valid JSON (NaN, Infinity and -Infinity are accepted).`
}

function placeText({ path, text }: ResultFile, offset: number): string {
  const { line, column } = lineAndColumn(text, offset)
  return `${path}:${line}:${column}:`
}

function hintFor({ code, value, help }: Problem, key: string): string {
  const shown = value === null ? '' : ` The value is ${value}.`
  const word = /[^.[\]]*$/.exec(key)?.[0] ?? ''
  const near = code === 'UNKNOWN_FIELD' ? nearest(word, reportKeys) : null
  return `${shown} ${near === null ? help : `Did you mean "${near}"?`}`
}

/** Models are numbered also where the file holds one alone, and a flat map of numbers is named as results. */
function placeOf({ path, text }: ResultFile, field: string): number {
  const places = listPlaces(text)
  const whole = field
    .slice(path.length)
    .replace(/ \(a name\)$/, '')
    .replace(/^\./, '')
  for (let key = whole; key !== ''; key = key.replace(/(\.|^)[^.[\]]*$|\[\d+\]$/, '')) {
    const alone = key.replace(/^\[\d+\]\.?/, '')
    const spellings = [`models${key}`, key, alone, alone.replace(/^results\./, '')]
    const place = [...spellings, ...spellings.map(withMetrics)].map((name) => places.get(name)).find(isFound)
    if (place !== undefined) return place
  }
  return 0
}

function isFound(place: number | undefined): boolean {
  return place !== undefined
}

function withMetrics(key: string): string {
  return key.replace(/(^|\.)results(?=\.|$)/, '$1metrics')
}
