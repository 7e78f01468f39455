import { randomBytes } from 'node:crypto'
import { MongoClient, type Db } from 'mongodb'
import { startMongod, type Mongod } from './mongod.js'

/** The server that `npm test` starts for all test files. */
const sharedUrlVariable = 'MLMM_TEST_MONGODB_URL'

export interface TestDatabase {
  /** Names the database, so that a service started with it uses this one. */
  url: string
  name: string
  client: MongoClient
  db: Db
}

interface TestWithTeardown {
  teardown(handler: () => Promise<void>): unknown
}

/**
 * Opens an empty database of its own for one test file and drops it at the end of `t`.
 * The server is the one that `npm test` started, else the one in MONGODB_URL (only databases named
 * `mlmm_test_…` are made there), else a mongod of its own.
 */
export async function openTestDatabase(t: TestWithTeardown): Promise<TestDatabase> {
  const sharedUrl = process.env[sharedUrlVariable] ?? process.env.MONGODB_URL
  const own: Mongod | null = sharedUrl ? null : await startMongod({ cacheSizeGb: 0.25 })
  const name = `mlmm_test_${randomBytes(6).toString('hex')}`
  const url = withDatabase(sharedUrl ?? own?.url ?? '', name)
  const client = new MongoClient(url, { ignoreUndefined: true })
  const db = client.db(name)
  t.teardown(async () => {
    if (!own) await db.dropDatabase()
    await client.close()
    await own?.stop()
  })
  return { url, name, client, db }
}

// Not `new URL`, which refuses the several hosts of a replica set.
function withDatabase(serverUrl: string, name: string): string {
  const parts = /^(mongodb(?:\+srv)?:\/\/[^/?]+)(?:\/[^?]*)?(\?.*)?$/.exec(serverUrl)
  if (!parts) throw new Error('the address of the test database is no mongodb:// address')
  return `${parts[1]}/${name}${parts[2] ?? ''}`
}
