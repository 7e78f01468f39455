/** Where the values of a JSON text stand: of those that have a key, where the key stands. */
interface Walk {
  /** By path: `models[0].results.accuracy`. */
  places: Map<string, number>
  /** Where the text stops being JSON; null where it does not. */
  errorAt: number | null
}

interface Open {
  closedBy: ']' | '}'
  path: string
  /** Of a list. */
  index: number
}

interface State {
  places: Map<string, number>
  open: Open[]
  expected: 'value' | 'key' | 'colon' | 'end'
  /** Right after an opening bracket. */
  mayClose: boolean
  /** Of the value that is read. */
  path: string
}

interface Token {
  text: string
  start: number
}

/** The values that can be read, by path. */
export function listPlaces(text: string): ReadonlyMap<string, number> {
  return walk(text).places
}

/** The offset of the first character that cannot be read as JSON. */
export function findSyntaxError(text: string): number {
  return walk(text).errorAt ?? 0
}

/** Both from 1. */
export function lineAndColumn(text: string, offset: number): { line: number; column: number } {
  const lines = text.slice(0, offset).split(/\r\n|\r|\n/)
  return { line: lines.length, column: (lines.at(-1)?.length ?? 0) + 1 }
}

const BLANK = /[\s\uFEFF]*/y
/** Floats also as Python writes them. */
const TOKEN =
  // oxlint-disable-next-line no-control-regex
  /"(?:[^"\\\0-\x1f]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.])|(?:true|false|null|NaN|-?Infinity)(?!\w)|[[\]{},:]/y

/** Needs no call stack, as the text may be nested deeper than that is. */
function walk(text: string): Walk {
  const state: State = { places: new Map(), open: [], expected: 'value', mayClose: false, path: '' }
  const { places, open } = state
  for (let at = 0; ;) {
    BLANK.lastIndex = at
    BLANK.exec(text)
    const start = BLANK.lastIndex
    if (start === text.length) {
      return { places, errorAt: open.length === 0 && state.expected === 'end' ? null : start }
    }
    TOKEN.lastIndex = start
    const [token] = TOKEN.exec(text) ?? []
    if (token === undefined || !take(state, { text: token, start })) return { places, errorAt: start }
    at = start + token.length
  }
}

/** Whether the token may stand here. */
function take(state: State, token: Token): boolean {
  const { expected } = state
  const inside = state.open.at(-1)
  if (token.text === ']' || token.text === '}') return close(state, token.text)
  state.mayClose = false
  if (token.text === ',') return inside !== undefined && expected === 'end' && goOn(state, inside)
  if (token.text === ':') {
    state.expected = 'value'
    return expected === 'colon'
  }
  if (expected === 'value') return takeValue(state, token)
  return inside !== undefined && expected === 'key' && takeKey(state, inside, token)
}

function close(state: State, bracket: string): boolean {
  const inside = state.open.pop()
  if (inside?.closedBy !== bracket || (state.expected !== 'end' && !state.mayClose)) return false
  Object.assign(state, { expected: 'end', mayClose: false, path: inside.path })
  return true
}

function goOn(state: State, inside: Open): true {
  inside.index += 1
  const isList = inside.closedBy === ']'
  Object.assign(state, isList ? { expected: 'value', path: itemPath(inside) } : { expected: 'key' })
  return true
}

function itemPath({ path, index }: Open): string {
  return `${path}[${index}]`
}

function takeKey(state: State, { path }: Open, { text, start }: Token): boolean {
  if (!text.startsWith('"')) return false
  const key: unknown = JSON.parse(text)
  state.path = path === '' ? String(key) : `${path}.${String(key)}`
  state.places.set(state.path, start)
  state.expected = 'colon'
  return true
}

function takeValue(state: State, { text, start }: Token): boolean {
  const { places, open, path } = state
  if (path === '' || path.endsWith(']')) places.set(path, start)
  if (text === '{') {
    open.push({ closedBy: '}', path, index: 0 })
    Object.assign(state, { expected: 'key', mayClose: true })
  } else if (text === '[') {
    const list: Open = { closedBy: ']', path, index: 0 }
    open.push(list)
    Object.assign(state, { expected: 'value', mayClose: true, path: itemPath(list) })
  } else {
    state.expected = 'end'
  }
  return true
}
