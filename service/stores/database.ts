import {
  type Db,
  MongoBulkWriteError,
  MongoClient,
  MongoError,
  MongoNetworkError,
  MongoServerSelectionError,
} from 'mongodb'
import { endWaitsOfClosedConnections } from './driver-close.js'

/** Acknowledged means: on a majority of the members and in their journals. */
export const durable = { w: 'majority', journal: true } as const

export const duplicateKey = 11000

export interface Database {
  client: MongoClient
  db: Db
}

export interface ConnectOptions {
  /** How long an operation waits for a database that is away. */
  selectionTimeoutMs?: number
}

/** Connects to the replica set of `url`; the url's path names the database, else `mlmm`. */
export async function connectDatabase(
  url: string,
  { selectionTimeoutMs = 10_000 }: ConnectOptions = {},
): Promise<Database> {
  endWaitsOfClosedConnections()
  const client = new MongoClient(url, {
    ignoreUndefined: true,
    maxPoolSize: 50,
    serverSelectionTimeoutMS: selectionTimeoutMs,
    connectTimeoutMS: 5_000,
    waitQueueTimeoutMS: 10_000,
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

/** Whether an error means that the database cannot be reached now, so that the same may succeed later. */
export function isDatabaseAway(error: unknown): boolean {
  // A bulk write wraps what went wrong on the way.
  const inner: unknown = error instanceof MongoBulkWriteError ? error.errorResponse : error
  if (inner instanceof MongoNetworkError || inner instanceof MongoServerSelectionError) return true
  const labelled = error instanceof MongoError ? error : null
  return ['RetryableWriteError', 'TransientTransactionError'].some((label) => labelled?.hasErrorLabel(label))
}
