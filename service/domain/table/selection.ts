import type { Cell, ColumnKey } from './cells.js'

/** `~` is: contains, `^`: begins with. `has` and `lacks` look at whether there is a value at all and take none of their own. */
export type Operator = '=' | '!=' | '~' | '^' | '>=' | '<=' | '>' | '<' | 'has' | 'lacks'

export interface Condition {
  key: ColumnKey
  operator: Operator
  /** As it was written; what looks like a number is compared as one, too. */
  value: string
}

/** `key` is the column of one of several values, as merge requests have several pipelines. */
export interface OneOf {
  key: ColumnKey
  values: readonly (number | string)[]
}

export interface Sort {
  key: ColumnKey
  descending: boolean
}

/** A place in a sorted table: what comes after it is well defined even when the row is gone. */
export interface RowKey {
  cell: Cell
  id: string
}

/** Which models, in which order. */
export interface Selection {
  conditions: readonly Condition[]
  oneOf: readonly OneOf[]
  sort: Sort
}

/** The columns that have to be read to answer. */
export function keysOf({ conditions, oneOf, sort }: Selection): ColumnKey[] {
  return [...new Set([sort.key, ...conditions.map(({ key }) => key), ...oneOf.map(({ key }) => key)])]
}

type Test = (cell: number | string) => boolean

/** Whether a cell that has a value meets the condition. Numbers are compared as numbers where the value is one; words
 * by equality and, without regard to case, by what they contain. NaN equals itself and is in no range. */
export function testOf({ operator, value }: Condition): Test {
  const number = numberOf(value)
  const lower = value.toLowerCase()
  switch (operator) {
    case '=':
      return (cell) => isEqual(cell, value, number)
    case '!=':
      return (cell) => !isEqual(cell, value, number)
    case '~':
      return (cell) => String(cell).toLowerCase().includes(lower)
    case '^':
      return (cell) => String(cell).startsWith(value)
    case '>=':
      return (cell) => typeof cell === 'number' && number !== null && cell >= number
    case '<=':
      return (cell) => typeof cell === 'number' && number !== null && cell <= number
    case '>':
      return (cell) => typeof cell === 'number' && number !== null && cell > number
    case '<':
      return (cell) => typeof cell === 'number' && number !== null && cell < number
    case 'has':
      return () => true
    case 'lacks':
      return () => false
  }
}

/** What a model without any value answers. */
export function isMetByNone({ operator }: Condition): boolean {
  return operator === 'lacks' || operator === '!='
}

function isEqual(cell: number | string, value: string, number: number | null): boolean {
  if (typeof cell === 'string') return cell === value
  return number !== null && (cell === number || (Number.isNaN(cell) && Number.isNaN(number)))
}

/** A number as people write it, `NaN` and the infinities among them; null for anything else. */
export function numberOf(text: string): number | null {
  const trimmed = text.trim()
  if (/^nan$/i.test(trimmed)) return Number.NaN
  const infinity = /^([+-]?)inf(inity)?$/i.exec(trimmed)
  if (infinity !== null) return infinity[1] === '-' ? -Infinity : Infinity
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(trimmed)) return null
  return Number(trimmed)
}

/** Numbers before words, one way or the other; NaN and then models without a value come last both ways. */
export function compareCells(a: Cell, b: Cell, descending: boolean): number {
  if (typeof a === 'number' && typeof b === 'number' && a - b === a - b) {
    return a === b ? 0 : a < b === descending ? 1 : -1
  }
  const [rankA, rankB] = [rankOf(a), rankOf(b)]
  if (rankA !== rankB) return rankA > 1 || rankB > 1 || !descending ? rankA - rankB : rankB - rankA
  if (rankA > 1 || a === b || a === null || b === null) return 0
  return a < b === descending ? 1 : -1
}

function rankOf(cell: Cell): number {
  if (cell === null) return 3
  if (typeof cell === 'string') return 1
  return Number.isNaN(cell) ? 2 : 0
}

/** The whole order: what is equal lies by id. */
export function compareRows(a: RowKey, b: RowKey, descending: boolean): number {
  const byCell = compareCells(a.cell, b.cell, descending)
  return byCell === 0 ? compareIds(a.id, b.id) : byCell
}

export function compareIds(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}
