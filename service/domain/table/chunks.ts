import type { Cell, ColumnKey, TableModel } from './cells.js'
import { cellsOf, fieldCell, isFieldName, parseNamedKey, settingCell } from './cells.js'
import { type Column, packColumn } from './columns.js'

/** Some models side by side: a sealed block, or what is not sealed yet. */
export interface Chunk {
  /** The sealed block; null for what is not sealed. */
  block: string | null
  rows: number
  idAt(row: number): string
  /** Rows that still stand for a model; null for all. */
  live: Uint8Array | null
  /** Null where no model of the chunk has a value. */
  column(key: ColumnKey): Column | null
}

/** The columns of every name that the models have, the names of most models first where there are more than `most`. */
export function packModels(
  models: readonly TableModel[],
  most: number,
): { columns: Map<ColumnKey, Column>; isCut: boolean } {
  const lists = new Map<ColumnKey, { cells: Cell[]; filled: number }>()
  for (const [row, model] of models.entries()) {
    for (const [key, cell] of cellsOf(model)) {
      const list = lists.get(key) ?? { cells: Array<Cell>(models.length).fill(null), filled: 0 }
      if (list.filled === 0) lists.set(key, list)
      list.cells[row] = cell
      list.filled += 1
    }
  }
  const kept = [...lists].sort(
    (a, b) => Number(isFieldName(b[0])) - Number(isFieldName(a[0])) || b[1].filled - a[1].filled,
  )
  const columns = new Map<ColumnKey, Column>()
  for (const [key, { cells }] of kept.slice(0, most)) {
    const column = packColumn(cells)
    if (column !== null) columns.set(key, column)
  }
  return { columns, isCut: kept.length > most }
}

/** A chunk of models that are at hand. */
export function chunkOf(models: readonly (TableModel | null)[]): Chunk {
  const columns = new Map<ColumnKey, Column | null>()
  return {
    block: null,
    rows: models.length,
    idAt: (row) => models[row]?.id ?? '',
    live: null,
    column(key) {
      const known = columns.get(key)
      if (known !== undefined) return known
      const column = packColumn(models.map((model) => model && cellOf(model, key)))
      columns.set(key, column)
      return column
    },
  }
}

/** One value of a model. */
export function cellOf(model: TableModel, key: ColumnKey): Cell {
  if (isFieldName(key)) return fieldCell(model, key)
  const named = parseNamedKey(key)
  if (named === null) return null
  const found = model[named.list].findLast(({ k }) => k === named.name)
  return found === undefined ? null : settingCell(found.v)
}
