import type { Cell } from './cells.js'
import type { Chunk } from './chunks.js'
import { cellAt, type Column } from './columns.js'
import {
  compareCells,
  compareIds,
  compareRows,
  isMetByNone,
  type OneOf,
  type RowKey,
  type Selection,
  testOf,
} from './selection.js'

/** A row of a chunk, and where it lies in the order. */
export interface FoundRow extends RowKey {
  chunk: number
  row: number
}

export interface FoundPage {
  rows: FoundRow[]
  /** Of all rows that match, on any page. */
  total: number
  /** How many of them lie before the first row here. */
  before: number
}

export type PageStart = { after: RowKey } | { before: RowKey } | null

/** Collects the rows of one page while chunks pass by; memory grows with `limit` alone. */
export function createPageFinder(
  selection: Selection,
  { start, limit }: { start: PageStart; limit: number },
) {
  const { key, descending } = selection.sort
  const isBackwards = start !== null && 'before' in start
  const edge = start === null ? null : 'before' in start ? start.before : start.after
  const sign = isBackwards ? -1 : 1
  const best: FoundRow[] = []
  let total = 0
  let ahead = 0

  function add(chunk: Chunk, index: number): void {
    const matches = matchesOf(chunk, selection)
    const column = chunk.column(key)
    for (let row = 0; row < chunk.rows; row += 1) {
      if (matches !== null && matches[row] === 0) continue
      total += 1
      const cell = cellAt(column, row)
      if (edge !== null && against(edge, { chunk, row, cell }) <= 0) {
        ahead += 1
        continue
      }
      const last = best.length === limit ? best[limit - 1] : undefined
      if (last !== undefined && against(last, { chunk, row, cell }) >= 0) continue
      insert({ cell, id: chunk.idAt(row), chunk: index, row })
    }
  }

  /** Below 0 where the row comes before `other`, as pages are turned. Its id is looked at only between equals. */
  function against(other: RowKey, { chunk, row, cell }: { chunk: Chunk; row: number; cell: Cell }): number {
    const byCell = compareCells(cell, other.cell, descending)
    return (byCell === 0 ? compareIds(chunk.idAt(row), other.id) : byCell) * sign
  }

  function insert(found: FoundRow): void {
    let low = 0
    let high = best.length
    while (low < high) {
      const middle = (low + high) >> 1
      const other = best[middle]
      if (other !== undefined && compareRows(other, found, descending) * sign < 0) low = middle + 1
      else high = middle
    }
    best.splice(low, 0, found)
    if (best.length > limit) best.pop()
  }

  function page(): FoundPage {
    if (!isBackwards) return { rows: best, total, before: ahead }
    return { rows: best.toReversed(), total, before: total - ahead - best.length }
  }

  return { add, page }
}

/** 1 for every row that matches; null where all do. */
export function matchesOf(
  chunk: Chunk,
  { conditions, oneOf }: Pick<Selection, 'conditions' | 'oneOf'>,
): Uint8Array | null {
  if (conditions.length === 0 && oneOf.length === 0) return chunk.live
  const matches = chunk.live === null ? new Uint8Array(chunk.rows).fill(1) : chunk.live.slice()
  for (const condition of conditions) {
    narrow(matches, chunk.column(condition.key), testOf(condition), isMetByNone(condition))
  }
  for (const one of oneOf) narrow(matches, chunk.column(one.key), memberTest(one), false)
  return matches
}

function memberTest({ values }: OneOf): (cell: number | string) => boolean {
  const wanted = new Set<Cell>(values)
  return (cell) => wanted.has(cell)
}

function narrow(
  matches: Uint8Array,
  column: Column | null,
  test: (cell: number | string) => boolean,
  ofNone: boolean,
): void {
  if (column === null) {
    if (!ofNone) matches.fill(0)
    return
  }
  if (column.kind === 'words') {
    const allowed = Uint8Array.from([Number(ofNone), ...column.words.map((word) => Number(test(word)))])
    for (let row = 0; row < matches.length; row += 1) {
      if (allowed[column.codes[row] ?? 0] === 0) matches[row] = 0
    }
    return
  }
  const { values, present } = column
  for (let row = 0; row < matches.length; row += 1) {
    if (matches[row] === 0) continue
    const isMet = present === null || present[row] === 1 ? test(values[row] ?? 0) : ofNone
    if (!isMet) matches[row] = 0
  }
}
