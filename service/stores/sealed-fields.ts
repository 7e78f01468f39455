import type { Collection, Db, Document } from 'mongodb'
import { ownBotOwner } from './connection-store.js'
import { durable } from './database.js'
import { grantOwner } from './grant-store.js'
import { hookKeyOwner } from './project-documents.js'
import type { Sealed } from './sealing.js'

/** A place in the database that holds something sealed. */
export interface SealedField {
  collection: 'grants' | 'projects'
  path: string
  ownerOf(id: string): string
}

/** All of them: whoever adds a place where something sealed is kept adds it here. */
export const sealedFields: readonly SealedField[] = [
  { collection: 'grants', path: 'access', ownerOf: (id) => grantOwner(id, 'access') },
  { collection: 'grants', path: 'refresh', ownerOf: (id) => grantOwner(id, 'refresh') },
  { collection: 'projects', path: 'ownBot.token', ownerOf: ownBotOwner },
  { collection: 'projects', path: 'hook.signingKey', ownerOf: hookKeyOwner },
  { collection: 'projects', path: 'hook.previousSigningKey', ownerOf: hookKeyOwner },
]

export interface SealedIn {
  id: string
  sealed: Sealed
}

export type SealedFieldStore = ReturnType<typeof createSealedFieldStore>

/** What is sealed, apart from what it is. */
export function createSealedFieldStore(db: Db) {
  const of = ({ collection }: SealedField): Collection<{ _id: string }> =>
    db.collection(collection, { writeConcern: durable })

  return {
    /** By id, after `after`; only what was sealed with one of `keys`. */
    async list(
      field: SealedField,
      { keys, after, limit }: { keys: readonly string[]; after: string; limit: number },
    ): Promise<SealedIn[]> {
      const docs = await of(field)
        .find({ _id: { $gt: after }, [`${field.path}.key`]: { $in: keys } })
        .sort({ _id: 1 })
        .limit(limit)
        .project<{ _id: string } & Document>({ [field.path]: 1 })
        .toArray()
      return docs.map((doc) => ({ id: doc._id, sealed: at(doc, field.path) }))
    },
    /** Leaves alone where something else was saved since it was read; answers how many were replaced. */
    async replace(
      field: SealedField,
      changes: readonly { before: SealedIn; after: Sealed }[],
    ): Promise<number> {
      if (changes.length === 0) return 0
      const { path } = field
      const writes = changes.map(({ before: { id, sealed }, after }) => ({
        updateOne: {
          // Every sealing has an initialisation vector of its own.
          filter: { _id: id, [`${path}.key`]: sealed.key, [`${path}.iv`]: sealed.iv },
          update: { $set: { [path]: after } },
        },
      }))
      return (await of(field).bulkWrite(writes, { ordered: false })).modifiedCount
    },
    /** How much was sealed with other keys than these. */
    async countOthers(field: SealedField, keys: readonly string[]): Promise<number> {
      return of(field).countDocuments({ [`${field.path}.key`]: { $type: 'string', $nin: keys } })
    },
  }
}

function at(doc: Document, path: string): Sealed {
  return path.split('.').reduce((inner, name) => inner[name], doc) as Sealed
}
