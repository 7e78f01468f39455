import type { ClientSession, Db, MongoClient } from 'mongodb'
import { suspect } from './block-store.js'
import { durable } from './database.js'
import { findHolders, type Holder, type SaveOutcome, standing } from './model-holders.js'
import { type AnyModelDoc, anyModelCollection } from './model-documents.js'

export interface SavedTogether {
  outcome: SaveOutcome
  /** What was there before. */
  replaced: Holder[]
}

/** Writes several models in one transaction: all or none, to every reader. */
export function createModelTransaction(client: MongoClient, db: Db) {
  const models = anyModelCollection(db)

  async function writeAll(docs: AnyModelDoc[], session: ClientSession): Promise<SavedTogether> {
    const ids = docs.map((doc) => doc._id)
    const found = await findHolders(models, ids, session)
    const replaced: Holder[] = []
    const writes = []
    for (const doc of docs) {
      const holder = found.get(doc._id)
      const outcome = holder === undefined ? null : standing(doc, holder)
      if (outcome?.kind === 'duplicate') return { outcome, replaced: [] }
      if (outcome !== null) continue
      if (holder !== undefined) replaced.push(holder)
      writes.push(writeOf(doc, holder))
    }
    if (writes.length === 0) return { outcome: { kind: 'superseded' }, replaced }
    await suspect(db, replaced, session)
    await models.bulkWrite(writes, { ordered: true, session })
    return { outcome: { kind: 'stored' }, replaced }
  }

  return async (docs: AnyModelDoc[]): Promise<SavedTogether> => {
    const session = client.startSession()
    try {
      return await session.withTransaction(() => writeAll(docs, session), {
        readConcern: { level: 'snapshot' },
        writeConcern: durable,
      })
    } finally {
      await session.endSession()
    }
  }
}

function writeOf(doc: AnyModelDoc, holder: Holder | undefined) {
  if (holder === undefined) return { insertOne: { document: doc } }
  return { replaceOne: { filter: { _id: doc._id }, replacement: doc } }
}
