import type { Json, Named } from '../domain/model.js'
import { Problem } from '../errors.js'
import { limits } from './limits.js'

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
  if (value.includes('\0') || !value.isWellFormed()) {
    throw new Problem('INVALID_NAME', { message: `${field} holds a NUL or a lone surrogate.`, field, value })
  }
  return value
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
  if (entries.length > most) {
    throw new Problem('LIMIT_EXCEEDED', {
      message: `${field} has ${entries.length} entries; at most ${most} are accepted.`,
      field,
      value: entries.length,
    })
  }
  return entries
}

function readJson(value: unknown, field: string): Json {
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) return value
  if (typeof value === 'string') {
    checkSize(Buffer.byteLength(value), field)
    return value.toWellFormed()
  }
  checkNesting(value, field)
  checkSize(Buffer.byteLength(JSON.stringify(value)), field)
  return value as Json
}

function checkSize(sizeBytes: number, field: string): void {
  if (sizeBytes <= limits.valueBytes) return
  throw new Problem('LIMIT_EXCEEDED', {
    message: `${field} has ${sizeBytes} bytes of JSON; at most ${limits.valueBytes} are accepted.`,
    field,
    value: sizeBytes,
  })
}

/** Level by level instead of recursively, because the value may be nested deeper than the call stack is. */
function checkNesting(value: unknown, field: string): void {
  let level: unknown[] = [value]
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > limits.valueDepth) {
      throw new Problem('LIMIT_EXCEEDED', {
        message: `${field} is nested deeper than ${limits.valueDepth} levels.`,
        field,
        value,
      })
    }
    const nodes = level.filter((item): item is object => typeof item === 'object' && item !== null)
    for (const node of nodes) checkKeys(node, field)
    level = nodes.flatMap((node) => Object.values(node))
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
