import { Problem } from '../errors.js'
import { limits } from './limits.js'

const quote = 0x22
const backslash = 0x5c
const colon = 0x3a
const openBrace = 0x7b
const closeBrace = 0x7d

/** Parses JSON as Python writes it: bare `NaN`, `Infinity` and `-Infinity` become those floats. The last of duplicate
 * keys wins; `__proto__` is a key like any other. Depth is not limited here: what reads the value does not recurse
 * before checking it.
 * @throws Problem INVALID_JSON, LIMIT_EXCEEDED */
export function parseJson(text: string, field?: string): unknown {
  refuseWideObjects(text, field)
  try {
    return JSON.parse(text)
  } catch (error) {
    const quoted = quoteBareFloats(text)
    if (quoted === null) throw invalid(error, field)
    try {
      return restoreFloats(JSON.parse(quoted.text), quoted.mark)
    } catch (cause) {
      throw invalid(cause, field)
    }
  }
}

function invalid(cause: unknown, field: string | undefined): Problem {
  const reason = cause instanceof Error ? cause.message.slice(0, 120) : 'not JSON'
  return new Problem('INVALID_JSON', { message: `The body is not valid JSON: ${reason}`, field, cause })
}

/** Told by the text alone: of an object with millions of names, even the first costs seconds once it is parsed. */
function refuseWideObjects(text: string, field: string | undefined): void {
  if (!hasMoreColons(text, limits.objectNames)) return
  const outer: number[] = []
  let names = 0
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    if (code === quote) at = endOfString(text, at)
    else if (code === colon) {
      names += 1
      if (names > limits.objectNames) throw tooWide(field)
    } else if (code === openBrace) {
      outer.push(names)
      names = 0
    } else if (code === closeBrace) names = outer.pop() ?? 0
  }
}

function hasMoreColons(text: string, most: number): boolean {
  let found = 0
  for (let at = text.indexOf(':'); at !== -1; at = text.indexOf(':', at + 1)) {
    found += 1
    if (found > most) return true
  }
  return false
}

function tooWide(field: string | undefined): Problem {
  return new Problem('LIMIT_EXCEEDED', {
    message: `An object in ${field ?? 'the body'} has more than ${limits.objectNames} names.`,
    field,
  })
}

/** Turns each bare float into a marked string; null where there is none to turn. */
function quoteBareFloats(text: string): { text: string; mark: string } | null {
  const tokens = findBareFloats(text)
  if (tokens.length === 0) return null
  const mark = unusedMark(text)
  let quoted = ''
  let from = 0
  for (const { start, end } of tokens) {
    quoted += `${text.slice(from, start)}"${mark}${text.slice(start, end)}"`
    from = end
  }
  return { text: quoted + text.slice(from), mark }
}

function findBareFloats(text: string): { start: number; end: number }[] {
  const tokens: { start: number; end: number }[] = []
  const bare = /-?Infinity|NaN/y
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    if (code === quote) {
      at = endOfString(text, at)
      continue
    }
    if (code !== 0x4e && code !== 0x49 && code !== 0x2d) continue // N, I, -
    bare.lastIndex = at
    if (!bare.test(text)) continue
    tokens.push({ start: at, end: bare.lastIndex })
    at = bare.lastIndex - 1
  }
  return tokens
}

function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    if (code === backslash) at += 1
    else if (code === quote) return at
  }
  return text.length
}

function unusedMark(text: string): string {
  let mark = '~float:'
  while (text.includes(mark)) mark = `~${mark}`
  return mark
}

/** Walks with a list of its own, because the value may be nested deeper than the call stack is. */
function restoreFloats(root: unknown, mark: string): unknown {
  const holder = { root }
  const open: object[] = [holder]
  for (let parent = open.pop(); parent !== undefined; parent = open.pop()) {
    const restore = (key: string | number, value: unknown) => {
      if (typeof value === 'object' && value !== null) open.push(value)
      else if (typeof value === 'string' && value.startsWith(mark))
        setOwn(parent, key, Number(value.slice(mark.length)))
    }
    // Lists may be long, and need no copy of their keys.
    if (Array.isArray(parent)) for (let i = 0; i < parent.length; i += 1) restore(i, parent[i])
    else for (const [key, value] of Object.entries(parent)) restore(key, value)
  }
  return holder.root
}

function setOwn(target: object, key: string | number, value: unknown): void {
  if (Array.isArray(target)) target[Number(key)] = value
  else Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true })
}
