import { encodeSegment } from '../addresses.js'
import { type Cell, type ColumnKey, isFieldName, namedKey, parseNamedKey } from './cells.js'
import { isMoment } from './query-selection.js'
import type { PageStart } from './select.js'
import { type Condition, numberOf, type Operator, type RowKey, type Sort } from './selection.js'

/** What the address of the results table says, as far as it makes sense. */
export interface TableQuery {
  dataset: string[]
  model: string[]
  branch: string[]
  tag: string[]
  /** First digits. */
  commit: string | null
  mergeRequest: number | null
  /** A username or GitLab's number. */
  person: string | null
  /** A day, a time, or how long ago: `2026-11-01`, `2026-11-01T12:00Z`, `7d`. */
  since: string | null
  until: string | null
  where: Condition[]
  /** Chosen columns; none for those that a reader is likely to want. */
  columns: ColumnKey[]
  sort: Sort
  /** The model that others are shown beside. */
  pin: string | null
  start: PageStart
}

/** What of an address makes no sense, and is left out of what is shown. */
export interface QueryProblem {
  parameter: string
  value: string
  message: string
}

const mostConditions = 20
const mostColumns = 40
const mostValues = 20
/** A little above the longest name and the longest setting that are compared. */
const mostCharacters = 700
const defaultSort: Sort = { key: 'time', descending: true }

const lists = ['dataset', 'model', 'branch', 'tag'] as const
const singles = ['commit', 'mr', 'person', 'since', 'until', 'sort', 'pin', 'after', 'before'] as const
const known = new Set<string>([...lists, ...singles, 'where', 'column', 'on', 'is', 'value'])

/** Reads the parameters of an address. What cannot be understood is told and left out. */
export function parseTableQuery(params: URLSearchParams): { query: TableQuery; problems: QueryProblem[] } {
  const problems: QueryProblem[] = []
  const problem = (parameter: string, value: string, message: string) => {
    problems.push({ parameter, value, message })
    return null
  }
  for (const name of new Set(params.keys())) {
    if (!known.has(name)) problem(name, params.get(name) ?? '', 'There is no such parameter.')
  }
  const list = (name: string, most: number) => {
    const values = params.getAll(name).filter((value) => value !== '')
    const short = values.filter(
      (value) => value.length <= mostCharacters || problem(name, value, 'It is too long.') !== null,
    )
    if (short.length > most) problem(name, '', `At most ${most} are taken.`)
    return [...new Set(short.slice(0, most))]
  }
  const single = (name: (typeof singles)[number]) => list(name, 1)[0] ?? null
  function checked(name: (typeof singles)[number], pattern: RegExp, message: string): string | null {
    const value = single(name)
    return value === null || pattern.test(value) ? value : problem(name, value, message)
  }
  const where = [...list('where', mostConditions), ...newCondition(params)].flatMap((text) => {
    const condition = parseCondition(text)
    if ('message' in condition) problem('where', text, condition.message)
    return 'message' in condition ? [] : [condition]
  })
  const column = list('column', mostColumns).flatMap(
    (text) => parseKey(text) ?? problem('column', text, notAColumn) ?? [],
  )
  const sort = single('sort')
  const start = readStart(single('after'), single('before'))
  if (start === 'stale') {
    problem('after', single('after') ?? single('before') ?? '', 'It is not the place of a page.')
  }
  const time = /^(\d{1,4}[hdw]|\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d)?Z?)?)$/
  const timeHelp = 'A day is written 2026-11-01, a time 2026-11-01T12:00, and 7d is seven days ago.'
  function moment(name: 'since' | 'until'): string | null {
    const value = checked(name, time, timeHelp)
    return value === null || isMoment(value) ? value : problem(name, value, 'There is no such day or time.')
  }
  const mergeRequest = checked('mr', /^!?[1-9]\d{0,9}$/, 'The number of a merge request is a whole number.')
  const query: TableQuery = {
    dataset: list('dataset', mostValues),
    model: list('model', mostValues),
    branch: list('branch', mostValues),
    tag: list('tag', mostValues),
    commit: checked('commit', /^[0-9a-fA-F]{4,64}$/, 'A commit is given by 4 or more hexadecimal digits.'),
    mergeRequest: mergeRequest === null ? null : Number(mergeRequest.replace('!', '')),
    person: single('person'),
    since: moment('since'),
    until: moment('until'),
    where,
    columns: column,
    sort: (sort === null ? null : (parseSort(sort) ?? problem('sort', sort, notAColumn))) ?? defaultSort,
    pin: checked('pin', /^[\w-]{24}$/, 'It is not the id of a model.'),
    start: start === 'stale' ? null : start,
  }
  return { query, problems }
}

const notAColumn =
  'A column is a result’s name, r: and a result’s name, h: and a hyperparameter’s, p: and a parameter’s, or a word such as time or dataset.'

/** The parameters that say the same, in one order. */
export function formatTableQuery(query: TableQuery): URLSearchParams {
  const params = new URLSearchParams()
  for (const name of lists) for (const value of query[name]) params.append(name, value)
  const add = (name: string, value: string | number | null) => {
    if (value !== null) params.append(name, String(value))
  }
  add('commit', query.commit)
  add('mr', query.mergeRequest)
  add('person', query.person)
  add('since', query.since)
  add('until', query.until)
  for (const condition of query.where) params.append('where', formatCondition(condition))
  for (const key of query.columns) params.append('column', formatKey(key))
  if (!isSameSort(query.sort, defaultSort)) add('sort', formatSort(query.sort))
  add('pin', query.pin)
  if (query.start !== null) {
    if ('after' in query.start) add('after', formatRowKey(query.start.after))
    else add('before', formatRowKey(query.start.before))
  }
  return params
}

function isSameSort(one: Sort, other: Sort): boolean {
  return one.key === other.key && one.descending === other.descending
}

/** `r:`, `h:` or `p:` and a name that was percent-encoded, a field, or the bare name of a result. */
function parseKey(text: string): ColumnKey | null {
  if (isFieldName(text)) return text
  const kind = /^[rhp](?=:)/.exec(text)?.[0]
  const name = decode(kind === undefined ? text : text.slice(2))
  if (name === null || name === '' || name.length > 200) return null
  return kind === 'h' || kind === 'p' ? namedKey(kind, name) : namedKey('r', name)
}

export function formatKey(key: ColumnKey): string {
  const named = parseNamedKey(key)
  return named === null ? key : `${named.kind}:${encodeSegment(named.name).replaceAll('~', '%7E')}`
}

function formatSort({ key, descending }: Sort): string {
  return `${descending ? '-' : ''}${formatKey(key)}`
}

function parseSort(text: string): Sort | null {
  const key = parseKey(text.replace(/^-/, ''))
  return key === null ? null : { key, descending: text.startsWith('-') }
}

/** As people write them. */
const operators: Record<string, Operator> = {
  '=': '=',
  '!=': '!=',
  '~': '~',
  '^': '^',
  '>=': '>=',
  '<=': '<=',
  '>': '>',
  '<': '<',
  '?': 'has',
  '!?': 'lacks',
}
const signs = new Map(Object.entries(operators).map(([sign, operator]) => [operator, sign]))

function parseCondition(text: string): Condition | { message: string } {
  const match = /^([^=!~^<>?]+)(>=|<=|!=|!\?|[=~^<>?])(.*)$/s.exec(text)
  const key = match === null ? null : parseKey(match[1] ?? '')
  const operator = operators[match?.[2] ?? '']
  if (match === null || key === null || operator === undefined) {
    return {
      message: 'A condition is a column, one of = != ~ ^ >= <= > < ? !? and a value: h:lr>=0.01, r:loss=NaN.',
    }
  }
  const value = match[3] ?? ''
  if (['>=', '<=', '>', '<'].includes(operator) && !isRangeEnd(value)) {
    return { message: 'What a range begins or ends with is a number.' }
  }
  return { key, operator, value: operator === 'has' || operator === 'lacks' ? '' : value }
}

function isRangeEnd(value: string): boolean {
  const number = numberOf(value)
  return number !== null && !Number.isNaN(number)
}

export function formatCondition({ key, operator, value }: Condition): string {
  return `${formatKey(key)}${signs.get(operator) ?? '='}${value}`
}

/** Of the form: its column, its sign and its value stand in fields of their own. */
function newCondition(params: URLSearchParams): string[] {
  const on = params.get('on')?.trim() ?? ''
  if (on === '') return []
  const key = /^([rhp]):/.test(on) || isFieldName(on) ? on : `r:${on}`
  const [kind, ...name] = key.split(':')
  const written = name.length === 0 ? key : `${kind}:${encodeSegment(name.join(':')).replaceAll('~', '%7E')}`
  return [`${written}${params.get('is') ?? '='}${params.get('value') ?? ''}`]
}

/** What the place of a row looks like in an address. */
function formatRowKey({ cell, id }: RowKey): string {
  const value = cell === null ? '-' : typeof cell === 'number' ? `n${cell}` : `s${encodeURIComponent(cell)}`
  return `${value}.${id}`
}

function readStart(after: string | null, before: string | null): PageStart | 'stale' {
  const text = after ?? before
  if (text === null) return null
  const match = /^(-|n[^.]*(?:\.[^.]*)?|s.*)\.([\w-]{24})$/s.exec(text)
  if (match === null || (after !== null && before !== null)) return 'stale'
  const cell = parseCell(match[1] ?? '')
  if (cell === undefined) return 'stale'
  const key = { cell, id: match[2] ?? '' }
  return after === null ? { before: key } : { after: key }
}

function parseCell(text: string): Cell | undefined {
  if (text === '-') return null
  if (text.startsWith('s')) return decode(text.slice(1)) ?? undefined
  return numberOf(text.slice(1)) ?? undefined
}

function decode(text: string): string | null {
  try {
    return decodeURIComponent(text)
  } catch {
    return null // Percent signs that encode nothing.
  }
}
