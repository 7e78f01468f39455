import type { Db } from 'mongodb'
import { packModels } from '../domain/table/chunks.js'
import type { BlockStore } from './block-store.js'
import type { ColumnStore } from './column-store.js'
import { durable } from './database.js'
import { anyModelCollection } from './model-documents.js'
import { fromTableDoc, type TableDoc, tableFields } from './table-documents.js'

/** Models in one block. Below as many unsealed ones a project has no block at all. */
export const modelsPerBlock = 1_024
/** Names beyond these have no column in a block; its models are then read one by one for them. */
const mostColumns = 2_000
/** Decoding this many holds the event loop for some 5 ms. */
const modelsPerRead = 100
const unfinishedMs = 60_000
const mostDeadShare = 0.1

/** Packs models of a project into blocks and takes blocks apart. Two processes may do it at once: a model is claimed by
 * one block alone, and each step may be done again. */
export function createBlockSealing(
  db: Db,
  { blocks, columns }: { blocks: BlockStore; columns: ColumnStore },
) {
  const models = anyModelCollection(db)

  /** Whether there is enough for a block. */
  async function isDue(projectId: string): Promise<boolean> {
    const count = await models.countDocuments(
      { projectId, block: null },
      { limit: modelsPerBlock, hint: { projectId: 1, block: 1 } },
    )
    return count === modelsPerBlock
  }

  /** Seals one block of what is not sealed. */
  async function seal(projectId: string): Promise<void> {
    const block = await blocks.begin(projectId)
    await claim(projectId, block)
    const { ids, packed } = await pack(projectId, block)
    if (ids.length === 0) return takeApart(projectId, block)
    await columns.write(projectId, block, { ids, columns: packed.columns })
    const isPublished = await blocks.publish(projectId, block, { rows: ids.length, isCut: packed.isCut })
    if (!isPublished) await takeApart(projectId, block)
  }

  async function claim(projectId: string, block: string): Promise<void> {
    const found = await models
      .find({ projectId, block: null })
      .hint({ projectId: 1, block: 1 })
      .project<{ _id: string }>({ _id: 1 })
      .limit(modelsPerBlock)
      .toArray()
    await models.updateMany(
      { _id: { $in: found.map(({ _id }) => _id) }, projectId, block: null },
      { $set: { block } },
      { writeConcern: durable },
    )
  }

  async function pack(projectId: string, block: string) {
    const rows = []
    const cursor = models
      .find({ projectId, block }, { batchSize: modelsPerRead })
      .hint({ projectId: 1, block: 1 })
      .project<TableDoc>(tableFields)
    for await (const doc of cursor) rows.push(fromTableDoc(doc))
    return { ids: rows.map(({ id }) => id), packed: packModels(rows, mostColumns) }
  }

  /** Gives its models back, then forgets it. */
  async function takeApart(projectId: string, block: string): Promise<void> {
    await blocks.abandon(projectId, block)
    await models.updateMany({ projectId, block }, { $unset: { block: '' } }, { writeConcern: durable })
    await columns.remove(projectId, block)
    await blocks.remove(projectId, block)
  }

  /** Takes apart what a crash left unfinished, and blocks of which much was replaced or deleted. */
  async function tidy(projectId: string): Promise<void> {
    const unfinished = await blocks.listUnfinished(projectId, unfinishedMs)
    for (const block of unfinished) await takeApart(projectId, block)
    for (const { block, state, rows, suspects } of await blocks.list(projectId)) {
      if (state === 'published' && suspects.length > rows * mostDeadShare) await takeApart(projectId, block)
    }
  }

  return { isDue, seal, tidy }
}

export type BlockSealing = ReturnType<typeof createBlockSealing>
