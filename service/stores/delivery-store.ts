import type { Db } from 'mongodb'

/** An authentic webhook, kept for a week to explain what happened. */
export interface Delivery {
  projectId: string
  event: string
  uuid: string
  /** What it made the worker do; null where nothing. */
  effect: string | null
  at: Date
}

export const deliveryLifeSeconds = 7 * 24 * 3600

export function createDeliveryStore(db: Db) {
  const deliveries = db.collection<Delivery>('deliveries')

  async function record(delivery: Delivery): Promise<void> {
    await deliveries.insertOne({ ...delivery })
  }

  return { record }
}

export type DeliveryStore = ReturnType<typeof createDeliveryStore>
