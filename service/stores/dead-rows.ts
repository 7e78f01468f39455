import type { Db } from 'mongodb'
import type { Block } from './block-store.js'
import { anyModelCollection } from './model-documents.js'
import { fromTableDoc, type TableDoc, tableFieldsFor } from './table-documents.js'
import type { TailReading } from './table-tail.js'

const mostKnownDead = 100_000

/** Finds rows of blocks that no longer stand for a model. */
export function createDeadRows(db: Db) {
  const models = anyModelCollection(db)
  /** `<block>/<model>` of rows that no longer count; they never will again. */
  const knownDead = new Set<string>()

  /** Rows of models that have been replaced or deleted since they were sealed, by block. Also of blocks that are not
   * read as such: what leaves one of them may have been passed by. */
  async function findDead(
    projectId: string,
    { latest, used }: { latest: readonly Block[]; used: readonly Block[] },
    { keys, tail }: TailReading,
  ): Promise<Map<string, Set<string>>> {
    const unknown = latest.flatMap(({ block, suspects }) =>
      suspects.filter((id) => !knownDead.has(`${block}/${id}`)).map((id) => ({ block, id })),
    )
    if (unknown.length > 0) {
      const docs = await models
        .find({ _id: { $in: unknown.map(({ id }) => id) }, projectId })
        .project<TableDoc>(tableFieldsFor(keys))
        .toArray()
      const found = new Map(docs.map((doc) => [doc._id, doc]))
      const usedNames = new Set(used.map(({ block }) => block))
      for (const { block, id } of unknown) {
        const doc = found.get(id)
        if (doc?.block === block) continue
        remember(`${block}/${id}`)
        const isElsewhere = typeof doc?.block === 'string' && usedNames.has(doc.block)
        if (doc !== undefined && !isElsewhere) tail.set(id, fromTableDoc(doc))
      }
    }
    return new Map(
      used.map(({ block, suspects }) => [
        block,
        new Set(suspects.filter((id) => knownDead.has(`${block}/${id}`))),
      ]),
    )
  }

  function remember(row: string): void {
    knownDead.add(row)
    for (const oldest of knownDead) {
      if (knownDead.size <= mostKnownDead) return
      knownDead.delete(oldest)
    }
  }

  return findDead
}
