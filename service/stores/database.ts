import { type Db, MongoClient } from 'mongodb'

/** Acknowledged means: on a majority of the members and in their journals. */
export const durable = { w: 'majority', journal: true } as const

export const duplicateKey = 11000

export interface Database {
  client: MongoClient
  db: Db
}

/** Connects to the replica set of `url`; the url's path names the database, else `mlmm`. */
export async function connectDatabase(url: string): Promise<Database> {
  const client = new MongoClient(url, {
    ignoreUndefined: true,
    maxPoolSize: 50,
    serverSelectionTimeoutMS: 10_000,
    writeConcern: durable,
    readConcern: { level: 'local' },
    appName: 'mlmm',
  })
  await client.connect()
  // The url may name several hosts, which `new URL` refuses.
  const named = /^mongodb(?:\+srv)?:\/\/[^/?]+\/([^?]+)/.exec(url)?.[1]
  return { client, db: client.db(named === undefined ? 'mlmm' : decodeURIComponent(named)) }
}

export function isDuplicateKey(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === duplicateKey
}
