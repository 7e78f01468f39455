import type { Chunk } from './chunks.js'
import { cellAt } from './columns.js'
import { matchesOf, type FoundRow } from './select.js'
import { compareRows, type Selection } from './selection.js'

/** The matching rows of one chunk in order. */
export function sortChunk(chunk: Chunk, index: number, selection: Selection): FoundRow[] {
  const matches = matchesOf(chunk, selection)
  const column = chunk.column(selection.sort.key)
  const rows: FoundRow[] = []
  for (let row = 0; row < chunk.rows; row += 1) {
    if (matches !== null && matches[row] === 0) continue
    rows.push({ cell: cellAt(column, row), id: chunk.idAt(row), chunk: index, row })
  }
  return rows.sort((a, b) => compareRows(a, b, selection.sort.descending))
}

/** All rows in order, of lists that are each in order: a heap of their heads. */
export function* mergeSorted(lists: readonly FoundRow[][], descending: boolean): Generator<FoundRow> {
  const heads = lists.flatMap((rows) => (rows.length === 0 ? [] : [{ rows, at: 0 }]))
  const isBefore = (a: { rows: FoundRow[]; at: number }, b: { rows: FoundRow[]; at: number }) => {
    const [left, right] = [a.rows[a.at], b.rows[b.at]]
    return left !== undefined && right !== undefined && compareRows(left, right, descending) < 0
  }
  function sink(from: number): void {
    for (let at = from; ;) {
      let least = at
      for (const child of [2 * at + 1, 2 * at + 2]) {
        const [one, other] = [heads[child], heads[least]]
        if (one !== undefined && other !== undefined && isBefore(one, other)) least = child
      }
      const [mine, theirs] = [heads[at], heads[least]]
      if (least === at || mine === undefined || theirs === undefined) return
      heads[at] = theirs
      heads[least] = mine
      at = least
    }
  }
  for (let at = heads.length >> 1; at >= 0; at -= 1) sink(at)
  for (let head = heads[0]; head !== undefined; head = heads[0]) {
    const row = head.rows[head.at]
    if (row !== undefined) yield row
    head.at += 1
    if (head.at === head.rows.length) {
      const last = heads.pop()
      if (last !== undefined && heads.length > 0) heads[0] = last
    }
    sink(0)
  }
}
