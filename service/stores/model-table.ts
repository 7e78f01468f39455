import { setImmediate as turn } from 'node:timers/promises'
import type { Db } from 'mongodb'
import type { StoredModel } from '../domain/model.js'
import { type ColumnKey, namedKey } from '../domain/table/cells.js'
import { cellAt } from '../domain/table/columns.js'
import { createPageFinder, type FoundRow, type PageStart } from '../domain/table/select.js'
import { keysOf, type RowKey, type Selection } from '../domain/table/selection.js'
import { mergeSorted, sortChunk } from '../domain/table/sorted.js'
import { anyModelCollection, fromAnyModelDoc } from './model-documents.js'
import { createCellReader, type ReadRow } from './table-cells.js'
import type { TableContent, TableReader } from './table-reader.js'

/** One model of a page, and where it lies in the order. */
export interface TableRow {
  key: RowKey
  model: StoredModel
}

export interface TablePage {
  rows: TableRow[]
  /** Of all models that match. */
  total: number
  /** How many of them come before these. */
  before: number
  /** Of all models of the project. */
  models: number
  /** How many of those are not sealed yet. */
  unsealed: number
}

/** How often a value occurs in a column, most often first. */
export interface ValueCount {
  value: number | string
  count: number
}

/** Rows are looked at between turns of the event loop: some 25,000 each. */
const chunksPerTurn = 24
const newestForNames = 100
const rowsPerRead = 1_000

/** All models of a project as one table: sorted and filtered by anything, whatever their number. */
export function createModelTable(db: Db, reader: TableReader) {
  const models = anyModelCollection(db)

  async function select(
    projectId: string,
    selection: Selection,
    page: { start: PageStart; limit: number },
  ): Promise<TablePage> {
    const { chunks, unsealed } = await reader.open(projectId, keysOf(selection))
    const finder = createPageFinder(selection, page)
    let all = 0
    for (const [index, chunk] of chunks.entries()) {
      if (index % chunksPerTurn === chunksPerTurn - 1) await turn()
      finder.add(chunk, index)
      all += chunk.live === null ? chunk.rows : countOnes(chunk.live)
    }
    const { rows, total, before } = finder.page()
    return { rows: await withModels(projectId, rows), total, before, models: all, unsealed }
  }

  /** Those of the rows that are still there. */
  async function withModels(projectId: string, rows: readonly RowKey[]): Promise<TableRow[]> {
    const docs = await models.find({ _id: { $in: rows.map(({ id }) => id) }, projectId }).toArray()
    const byId = new Map(docs.map((doc) => [doc._id, doc]))
    return rows.flatMap(({ cell, id }) => {
      const doc = byId.get(id)
      return doc === undefined ? [] : [{ key: { cell, id }, model: fromAnyModelDoc(doc) }]
    })
  }

  /** The columns that there are: of all sealed models, and of the newest others. */
  async function listKeys(projectId: string): Promise<Set<ColumnKey>> {
    const { keys } = await reader.open(projectId, [])
    const newest = await models
      .find({ projectId })
      .sort({ uploadedAt: -1, _id: -1 })
      .limit(newestForNames)
      .project<Record<'results' | 'parameters' | 'hyperparameters', { k: string }[]>>({
        'results.k': 1,
        'parameters.k': 1,
        'hyperparameters.k': 1,
      })
      .toArray()
    for (const doc of newest) {
      for (const { k } of doc.results) keys.add(namedKey('r', k))
      for (const { k } of doc.hyperparameters) keys.add(namedKey('h', k))
      for (const { k } of doc.parameters) keys.add(namedKey('p', k))
    }
    return keys
  }

  /** The most frequent values of some columns, of models that match. */
  async function countValues(
    projectId: string,
    keys: readonly ColumnKey[],
    most: number,
  ): Promise<Map<ColumnKey, ValueCount[]>> {
    const content = await reader.open(projectId, keys)
    return new Map(keys.map((key) => [key, countsOf(content, key).slice(0, most)]))
  }

  /** Every row that matches in its order, with the whole values of these columns, some at a time. What is read ahead is
   * bounded, however many rows and columns there are. */
  async function* read(
    projectId: string,
    selection: Selection,
    keys: readonly ColumnKey[],
  ): AsyncGenerator<ReadRow[]> {
    const content = await reader.open(projectId, keysOf(selection))
    const lists: FoundRow[][] = []
    for (const [index, chunk] of content.chunks.entries()) {
      if (index % chunksPerTurn === chunksPerTurn - 1) await turn()
      lists.push(sortChunk(chunk, index, selection))
    }
    const readCells = createCellReader(db, reader, { projectId, content, keys })
    let batch: FoundRow[] = []
    for (const row of mergeSorted(lists, selection.sort.descending)) {
      if (batch.push(row) < rowsPerRead) continue
      yield await readCells(batch)
      batch = []
    }
    if (batch.length > 0) yield await readCells(batch)
  }

  return { select, listKeys, countValues, read }
}

export type ModelTable = ReturnType<typeof createModelTable>

function countOnes(live: Uint8Array): number {
  let count = 0
  for (const one of live) count += one
  return count
}

function countsOf({ chunks }: TableContent, key: ColumnKey): ValueCount[] {
  const counts = new Map<number | string, number>()
  for (const chunk of chunks) {
    const column = chunk.column(key)
    for (let row = 0; row < chunk.rows; row += 1) {
      if (chunk.live !== null && chunk.live[row] === 0) continue
      const cell = cellAt(column, row)
      if (cell !== null) counts.set(cell, (counts.get(cell) ?? 0) + 1)
    }
  }
  return [...counts].map(([value, count]) => ({ value, count })).sort((a, b) => b.count - a.count)
}
