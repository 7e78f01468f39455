import type { Db } from 'mongodb'
import type { ColumnKey, TableModel } from '../domain/table/cells.js'
import { anyModelCollection, type ModelDoc } from './model-documents.js'
import { fromTableDoc, type TableDoc, tableFields, tableFieldsFor } from './table-documents.js'
import { createTailCache } from './tail-cache.js'

/** Models that are read one by one, by id, and the columns that are wanted of them. */
export interface TailReading {
  keys: readonly ColumnKey[]
  tail: Map<string, TableModel>
}

/** More unsealed ones are read anew each time, for the columns wanted alone. */
const mostKeptAtOnce = 8_192
const modelsPerRead = 250
/** A model with the same one has the same values: a person may be forgotten without another upload. */
const stateOf = { $concat: [{ $toString: '$upload' }, '.', { $toString: '$userId' }] }

/** Reads models of blocks, null for what is in none, into `tail`. */
export function createTailReader(db: Db) {
  const models = anyModelCollection(db)
  const tailCache = createTailCache()

  /** In one pass over the index: what is not sealed first, as models are only ever claimed in that direction. */
  async function readTail(
    projectId: string,
    ofBlocks: (string | null)[],
    { keys, tail }: TailReading,
  ): Promise<void> {
    const missing: string[] = []
    for (const { id, state } of await listStates(projectId, ofBlocks)) {
      const known = tailCache.find(id, state)
      if (known === null) missing.push(id)
      else tail.set(id, known)
    }
    const isKept = missing.length <= mostKeptAtOnce
    for (let from = 0; from < missing.length; from += modelsPerRead) {
      const docs = models
        .find({ _id: { $in: missing.slice(from, from + modelsPerRead) }, projectId })
        .project<TableDoc & Pick<ModelDoc, 'upload'>>(isKept ? tableFields : tableFieldsFor(keys))
      for await (const doc of docs) {
        const model = fromTableDoc(doc)
        tail.set(model.id, model)
        if (isKept) tailCache.keep(`${doc.upload.toHexString()}.${doc.userId}`, model)
      }
    }
  }

  /** Some long strings come much faster than many documents do; several, as one document has a largest size. */
  async function listStates(
    projectId: string,
    ofBlocks: (string | null)[],
  ): Promise<{ id: string; state: string }[]> {
    const rows = await anyModelCollection(db)
      .aggregate<{ rows: string[] }>(
        [
          { $match: { projectId, block: { $in: ofBlocks } } },
          {
            $group: {
              _id: { $substrBytes: ['$_id', 0, 1] },
              rows: { $push: { $concat: ['$_id', ' ', stateOf] } },
            },
          },
        ],
        { hint: { projectId: 1, block: 1 } },
      )
      .toArray()
    return rows.flatMap((group) => group.rows.map(parseState))
  }

  return readTail
}

function parseState(row: string): { id: string; state: string } {
  const at = row.lastIndexOf(' ')
  return { id: row.slice(0, at), state: row.slice(at + 1) }
}
