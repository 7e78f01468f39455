import type { Db } from 'mongodb'
import { createGroupCommit } from './group-commit.js'
import { createGroupRead } from './group-read.js'

/** An authentic webhook, kept for a week to explain what happened, and to know it if it comes again. */
export interface Delivery {
  /** Of the project and what GitLab calls the delivery by. */
  id: string
  projectId: string
  event: string
  uuid: string
  /** What it made the worker do; null where nothing. */
  effect: string | null
  at: Date
}

interface DeliveryDoc extends Omit<Delivery, 'id'> {
  _id: string
}

export const deliveryLifeSeconds = 7 * 24 * 3600

export function createDeliveryStore(db: Db) {
  const deliveries = db.collection<DeliveryDoc>('deliveries')

  const find = createGroupRead<Pick<Delivery, 'at'>>(async (ids) => {
    const docs = await deliveries.find({ _id: { $in: ids } }, { projection: { at: 1 } }).toArray()
    return new Map(docs.map(({ _id, at }) => [_id, { at }]))
  })

  const record = createGroupCommit<Delivery, void>({
    writesInFlight: 2,
    mostPerWrite: 500,
    prepare: (taken) => taken,
    async write(batch) {
      const operations = batch.map(({ item: { id, ...replacement } }) => ({
        replaceOne: { filter: { _id: id }, replacement, upsert: true },
      }))
      await deliveries.bulkWrite(operations, { ordered: false })
      for (const { settle } of batch) settle()
    },
  })

  /** When the newest came; null where none did within a week. */
  async function findNewestAt(projectId: string): Promise<Date | null> {
    const doc = await deliveries.findOne({ projectId }, { sort: { at: -1 }, projection: { at: 1 } })
    return doc?.at ?? null
  }

  return { find, record, findNewestAt }
}

export type DeliveryStore = ReturnType<typeof createDeliveryStore>
