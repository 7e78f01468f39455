import type { Json, Named } from '../domain/model.js'
import { Problem } from '../errors.js'
import { limits } from './limits.js'

/** Limits of what a report or a model has several of. */
export type Countable = 'models' | 'results' | 'parameters' | 'hyperparameters' | 'curves' | 'artifacts'

export type PlainObject = Record<string, unknown>

export function isPlainObject(value: unknown): value is PlainObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A name of a model, dataset, result, setting, curve, repeat or trial: 1 to 200 characters, no NUL, no lone
 * surrogate. Everything else is allowed and escaped where it is shown.
 * @throws Problem INVALID_NAME, LIMIT_EXCEEDED */
export function readName(value: unknown, field: string): string {
  if (typeof value !== 'string')
    throw new Problem('INVALID_NAME', { message: `${field} must be text.`, field, value })
  if (value === '') throw new Problem('INVALID_NAME', { message: `${field} is empty.`, field, value })
  if (value.length > limits.nameCharacters && [...value].length > limits.nameCharacters) {
    throw new Problem('LIMIT_EXCEEDED', {
      message: `${field} has more than ${limits.nameCharacters} characters.`,
      field,
      value,
    })
  }
  return readText(value, field)
}

/** Text without NUL and lone surrogates, which the database would not give back as they came.
 * @throws Problem INVALID_NAME */
export function readText(value: string, field: string): string {
  if (!value.includes('\0') && value.isWellFormed()) return value
  throw new Problem('INVALID_NAME', { message: `${field} holds a NUL or a lone surrogate.`, field, value })
}

const namedFloats = new Map([
  ['NaN', Number.NaN],
  ['Infinity', Number.POSITIVE_INFINITY],
  ['-Infinity', Number.NEGATIVE_INFINITY],
])

/** A float; `NaN`, `Infinity` and `-Infinity` also as strings.
 * @throws Problem INVALID_BODY */
export function readFloat(value: unknown, field: string): number {
  if (typeof value === 'number') return value
  const named = typeof value === 'string' ? namedFloats.get(value) : undefined
  if (named !== undefined) return named
  throw new Problem('INVALID_BODY', {
    message: `${field} must be a number, "NaN", "Infinity" or "-Infinity".`,
    field,
    value,
  })
}

/** @throws Problem INVALID_BODY, INVALID_NAME, LIMIT_EXCEEDED */
export function readFloats(value: unknown, field: string): Named<number>[] {
  return readEntries(value, field, limits.results).map(([name, entry]) => ({
    k: readName(name, `${field} (a name)`),
    v: readFloat(entry, `${field}.${name}`),
  }))
}

/** Parameters or hyperparameters: floats, strings or any JSON value of at most 10 kB and 20 levels.
 * @throws Problem INVALID_BODY, INVALID_NAME, LIMIT_EXCEEDED */
export function readSettings(value: unknown, field: string, most: number): Named<Json>[] {
  return readEntries(value, field, most).map(([name, entry]) => ({
    k: readName(name, `${field} (a name)`),
    v: readJson(entry, `${field}.${name}`),
  }))
}

/** The own entries of a JSON object.
 * @throws Problem INVALID_BODY, LIMIT_EXCEEDED */
export function readEntries(value: unknown, field: string, most: number): [string, unknown][] {
  if (value === undefined || value === null) return []
  if (!isPlainObject(value)) {
    throw new Problem('INVALID_BODY', {
      message: `${field} must be an object of names and values.`,
      field,
      value,
    })
  }
  const entries = Object.entries(value)
  if (entries.length > most) throw tooMany(entries.length, 'entries', field, most)
  return entries
}

/** @throws Problem LIMIT_EXCEEDED where there is more of `what` than its limit */
export function refuseMore(count: number, what: Countable, field: string): void {
  if (count > limits[what]) throw tooMany(count, what, field, limits[what])
}

function tooMany(count: number, what: string, field: string, most: number): Problem {
  return new Problem('LIMIT_EXCEEDED', {
    message: `${field} has ${count} ${what}; at most ${most} are accepted.`,
    field,
    value: count,
  })
}

function readJson(value: unknown, field: string): Json {
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) return value
  if (typeof value === 'string') {
    if (Buffer.byteLength(value) > limits.valueBytes) throw tooLong(field)
    return value.toWellFormed()
  }
  checkNesting(value, field)
  if (Buffer.byteLength(JSON.stringify(value)) > limits.valueBytes) throw tooLong(field)
  return value as Json
}

function tooLong(field: string): Problem {
  return new Problem('LIMIT_EXCEEDED', {
    message: `${field} has more than ${limits.valueBytes} bytes of JSON.`,
    field,
  })
}

/** Level by level instead of recursively, because the value may be nested deeper than the call stack is. Ends as soon as
 * what it has seen cannot be written in the bytes that a value may have. */
function checkNesting(value: unknown, field: string): void {
  let level: unknown[] = [value]
  let leastBytes = 0
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > limits.valueDepth) {
      throw new Problem('LIMIT_EXCEEDED', {
        message: `${field} is nested deeper than ${limits.valueDepth} levels.`,
        field,
        value,
      })
    }
    const next: unknown[] = []
    for (const item of level) {
      leastBytes += typeof item === 'string' ? item.length : 1
      const items = Array.isArray(item) ? item.length : 0
      if (leastBytes + items > limits.valueBytes) throw tooLong(field)
      if (typeof item !== 'object' || item === null) continue
      checkKeys(item, field)
      for (const child of Object.values(item)) next.push(child)
    }
    level = next
  }
}

function checkKeys(node: object, field: string): void {
  if (Array.isArray(node)) return
  const wrong = Object.keys(node).find((key) => key.includes('\0') || !key.isWellFormed())
  if (wrong === undefined) return
  throw new Problem('INVALID_NAME', {
    message: `A name inside ${field} holds a NUL or a lone surrogate.`,
    field,
    value: wrong,
  })
}
