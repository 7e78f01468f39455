import { type Binary, type ClientSession, type Db, ObjectId } from 'mongodb'
import { durable } from './database.js'

/** `sealing`: models are being claimed and packed, readers still read them one by one. `published`: readers read its
 * columns. `abandoned`: its models are being given back. */
type BlockState = 'sealing' | 'published' | 'abandoned'

/** Models of one project that were packed together; `_id` is `<project>/<block>`. */
export interface BlockDoc {
  _id: string
  projectId: string
  state: BlockState
  /** Of the last change of its state, by the database's clock. */
  at: Date
  rows: number
  /** Some names have no column here. */
  isCut: boolean
  /** Models of it that somebody is about to replace or delete, or has: they count only if their document says so. */
  suspects: string[]
}

export interface Block {
  /** What the documents of its models say. */
  block: string
  state: BlockState
  rows: number
  isCut: boolean
  suspects: string[]
}

/** Blocks of the table: which models are packed, and which of those may have changed since. The protocol is in
 * docs/decisions/0017-column-blocks.md. */
export function createBlockStore(db: Db) {
  const blocks = blockCollection(db)

  async function list(projectId: string): Promise<Block[]> {
    const docs = await blocks.find({ _id: rangeOf(projectId) }).toArray()
    return docs.map(fromDoc)
  }

  async function find(projectId: string, block: string): Promise<Block | null> {
    const doc = await blocks.findOne({ _id: `${projectId}/${block}` })
    return doc && fromDoc(doc)
  }

  /** Readers take models of the new block for unsealed ones until it is published. */
  async function begin(projectId: string): Promise<string> {
    const block = new ObjectId().toHexString()
    await blocks.updateOne(
      { _id: `${projectId}/${block}` },
      [{ $set: { projectId, state: 'sealing', at: '$$NOW', rows: 0, isCut: false, suspects: [] } }],
      { upsert: true, writeConcern: durable },
    )
    return block
  }

  /** Answers false where the block was given up meanwhile. */
  async function publish(
    projectId: string,
    block: string,
    facts: { rows: number; isCut: boolean },
  ): Promise<boolean> {
    const { matchedCount } = await blocks.updateOne(
      { _id: `${projectId}/${block}`, state: 'sealing' },
      [{ $set: { state: 'published', at: '$$NOW', ...facts } }],
      { writeConcern: durable },
    )
    return matchedCount === 1
  }

  /** From now on readers take its models for unsealed ones again. */
  async function abandon(projectId: string, block: string): Promise<void> {
    await blocks.updateOne(
      { _id: `${projectId}/${block}` },
      [{ $set: { state: 'abandoned', at: '$$NOW' } }],
      { writeConcern: durable },
    )
  }

  async function remove(projectId: string, block: string): Promise<void> {
    await blocks.deleteOne({ _id: `${projectId}/${block}` }, { writeConcern: durable })
  }

  /** Blocks that were begun or given up longer ago than this and not finished. */
  async function listUnfinished(projectId: string, olderThanMs: number): Promise<string[]> {
    const docs = await blocks
      .find({
        _id: rangeOf(projectId),
        state: { $ne: 'published' },
        $expr: { $lt: ['$at', { $subtract: ['$$NOW', olderThanMs] }] },
      })
      .project<Pick<BlockDoc, '_id'>>({ _id: 1 })
      .toArray()
    return docs.map(({ _id }) => _id.slice(projectId.length + 1))
  }

  return { list, find, begin, publish, abandon, remove, listUnfinished }
}

export type BlockStore = ReturnType<typeof createBlockStore>

function fromDoc({ _id, state, rows, isCut, suspects }: BlockDoc): Block {
  return { block: _id.slice(_id.indexOf('/') + 1), state, rows, isCut, suspects }
}

/** Has readers look twice at these models. Acknowledged before one of them is replaced or deleted. */
export async function suspect(
  db: Db,
  models: readonly { _id: string; projectId: string; block?: string | null | undefined }[],
  session?: ClientSession,
): Promise<void> {
  const idsOf = new Map<string, string[]>()
  for (const { _id, projectId, block } of models) {
    if (block === undefined || block === null) continue
    const key = `${projectId}/${block}`
    idsOf.set(key, [...(idsOf.get(key) ?? []), _id])
  }
  if (idsOf.size === 0) return
  await blockCollection(db).bulkWrite(
    [...idsOf].map(([key, ids]) => ({
      updateOne: { filter: { _id: key }, update: { $addToSet: { suspects: { $each: ids } } } },
    })),
    session === undefined ? { ordered: false, writeConcern: durable } : { ordered: false, session },
  )
}

function blockCollection(db: Db) {
  return db.collection<BlockDoc>('blocks')
}

/** Ids below `<project>/`. */
export function rangeOf(projectId: string) {
  return { $gte: `${projectId}/`, $lt: `${projectId}0` }
}

/** Bytes that may be kept, apart from the buffer that the driver read them into. */
export function bytesOf(binary: Binary): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(binary.buffer.subarray(0, binary.position))
}
