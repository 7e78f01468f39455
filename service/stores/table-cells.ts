import type { Db } from 'mongodb'
import type { Json } from '../domain/model.js'
import { type ColumnKey, isFieldName, parseNamedKey } from '../domain/table/cells.js'
import { cellOf } from '../domain/table/chunks.js'
import { cellAt, type Column } from '../domain/table/columns.js'
import type { FoundRow } from '../domain/table/select.js'
import { anyModelCollection } from './model-documents.js'
import { fromTableDoc, type TableDoc, tableFieldsFor } from './table-documents.js'
import type { TableContent, TableReader } from './table-reader.js'

/** A model and the values of the columns that were asked for, settings whole and as they were sent. */
export interface ReadRow {
  id: string
  cells: Json[]
}

type Columns = ReadonlyMap<ColumnKey, Column | null>

/** Rows in the order of time lie in few blocks; of more than this it is cheaper to read the models themselves. */
const mostBlocksAtOnce = 8

/** Reads the values of rows, of a few blocks at a time. */
export function createCellReader(
  db: Db,
  reader: TableReader,
  { projectId, content, keys }: { projectId: string; content: TableContent; keys: readonly ColumnKey[] },
): (rows: readonly FoundRow[]) => Promise<ReadRow[]> {
  const models = anyModelCollection(db)
  const settings = keys.filter((key) => !isFieldName(key) && parseNamedKey(key)?.kind !== 'r')
  let near = new Map<number, Columns>()

  return async (rows) => {
    const wanted = new Set(rows.map(({ chunk }) => chunk))
    if (wanted.size > mostBlocksAtOnce) return readModels(rows)
    near = new Map(
      await Promise.all(
        [...wanted].map(async (chunk) => [chunk, near.get(chunk) ?? (await readChunk(chunk))] as const),
      ),
    )
    // Its block was taken apart since.
    if ([...near.values()].some((columns) => columns === gone)) return readModels(rows)
    const read = rows.map(({ id, chunk, row }) => {
      const columns = near.get(chunk)
      return { id, cells: keys.map((key) => cellAt(columns?.get(key) ?? null, row)) }
    })
    const hasWords = settings.some((key) =>
      read.some(({ cells }) => typeof cells[keys.indexOf(key)] === 'string'),
    )
    return hasWords ? withWholeSettings(read) : read
  }

  async function readChunk(index: number): Promise<Columns> {
    const chunk = content.chunks[index]
    const block = chunk?.block ?? null
    if (block !== null) return (await reader.readColumns(projectId, block, keys)) ?? gone
    return new Map(keys.map((key) => [key, chunk?.column(key) ?? null]))
  }

  /** Settings are cut in columns, and JSON is text there. */
  async function withWholeSettings(rows: readonly ReadRow[]): Promise<ReadRow[]> {
    const docs = await readDocs(rows, settings)
    return rows.map(({ id, cells }) => {
      const doc = docs.get(id)
      return { id, cells: cells.map((cell, at) => (doc && wholeSetting(doc, keys[at])) ?? cell) }
    })
  }

  async function readModels(rows: readonly { id: string }[]): Promise<ReadRow[]> {
    const docs = await readDocs(rows, keys)
    return rows.flatMap(({ id }) => {
      const doc = docs.get(id)
      if (doc === undefined) return []
      return [{ id, cells: keys.map((key) => wholeSetting(doc, key) ?? cellOf(fromTableDoc(doc), key)) }]
    })
  }

  async function readDocs(
    rows: readonly { id: string }[],
    of: readonly ColumnKey[],
  ): Promise<Map<string, TableDoc>> {
    const docs = await models
      .find({ _id: { $in: rows.map(({ id }) => id) }, projectId }, { batchSize: rows.length })
      .project<TableDoc>(tableFieldsFor(of))
      .toArray()
    return new Map(docs.map((doc) => [doc._id, doc]))
  }
}

const gone: Columns = new Map()

/** Undefined for what is no setting of the model. */
function wholeSetting(doc: TableDoc, key: ColumnKey | undefined): Json | undefined {
  const named = key === undefined ? null : parseNamedKey(key)
  if (named === null || named.kind === 'r') return undefined
  return doc[named.list].findLast(({ k }) => k === named.name)?.v
}
