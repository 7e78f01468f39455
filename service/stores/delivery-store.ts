import type { Db } from 'mongodb'

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

  async function find(id: string): Promise<Pick<Delivery, 'at'> | null> {
    return deliveries.findOne({ _id: id }, { projection: { _id: 0, at: 1 } })
  }

  async function record({ id, ...delivery }: Delivery): Promise<void> {
    await deliveries.replaceOne({ _id: id }, delivery, { upsert: true })
  }

  /** When the newest came; null where none did within a week. */
  async function findNewestAt(projectId: string): Promise<Date | null> {
    const doc = await deliveries.findOne({ projectId }, { sort: { at: -1 }, projection: { at: 1 } })
    return doc?.at ?? null
  }

  return { find, record, findNewestAt }
}

export type DeliveryStore = ReturnType<typeof createDeliveryStore>
