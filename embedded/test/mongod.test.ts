import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { MongoClient } from 'mongodb'
import t from 'tap'
import { isAlive } from '../lock.js'
import { startMongod } from '../mongod.js'
import { openTestDatabase } from '../test-database.js'

const startAndWait = fileURLToPath(new URL('fixtures/start-and-wait.ts', import.meta.url))

t.test('transactions work', async (t) => {
  const { client, db } = await openTestDatabase(t)

  await client.withSession((session) =>
    session.withTransaction(async () => {
      await db.collection('a').insertOne({ n: 1 }, { session })
      await db.collection('b').insertOne({ n: 1 }, { session })
    }),
  )

  t.equal(await db.collection('a').countDocuments(), 1)
  t.equal(await db.collection('b').countDocuments(), 1)
})

t.test('temporary data is gone with its mongod', async (t) => {
  const mongod = await startMongod({ cacheSizeGb: 0.25 })
  const folder = await dataFolderOf(mongod.url)
  t.ok(existsSync(folder))

  await mongod.stop()

  t.notOk(isAlive(mongod.pid))
  t.notOk(existsSync(folder))
})

t.test('kept data is there again, on another port too', async (t) => {
  const dataDir = t.testdir()
  const first = await startMongod({ dataDir, cacheSizeGb: 0.25 })
  await withClient(first.url, (client) => client.db('kept').collection('a').insertOne({ n: 1 }))
  await first.stop()

  const second = await startMongod({ dataDir, cacheSizeGb: 0.25 })
  const found = await withClient(second.url, async (client) => {
    await client
      .db('kept')
      .collection('b')
      .insertOne({ n: 2 }, { writeConcern: { w: 'majority', j: true } })
    return client.db('kept').collection('a').findOne()
  })
  await second.stop()

  t.not(second.url, first.url)
  t.equal(found?.n, 1)
})

t.test('data in use by another mongod is refused in words', async (t) => {
  const dataDir = t.testdir()
  const first = await startMongod({ dataDir, cacheSizeGb: 0.25 })

  await t.rejects(startMongod({ dataDir, cacheSizeGb: 0.25 }), { message: /DBPathInUse/ })

  await first.stop()
})

t.test('a port that is taken is refused in words', async (t) => {
  const taken = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1')
  t.teardown(() => taken.close())
  await once(taken, 'listening')
  const { port } = taken.address() as AddressInfo

  await t.rejects(startMongod({ port, cacheSizeGb: 0.25 }), { message: /Address already in use/ })
})

for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
  t.test(`mongod and its data go when the parent gets ${signal}`, async (t) => {
    const parent = spawn(process.execPath, ['--import', 'tsx', startAndWait], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    t.teardown(() => parent.kill('SIGKILL'))
    const [line] = await once(createInterface(parent.stdout), 'line')
    const mongod = JSON.parse(line) as { url: string; pid: number }
    const folder = await dataFolderOf(mongod.url)
    t.ok(isAlive(mongod.pid))

    parent.kill(signal)

    while (isAlive(mongod.pid) || existsSync(folder)) await delay(10)
    t.pass('both are gone')
  })
}

async function dataFolderOf(url: string): Promise<string> {
  const { parsed } = await withClient(url, (client) => client.db('admin').command({ getCmdLineOpts: 1 }))
  return parsed.storage.dbPath
}

async function withClient<T>(url: string, use: (client: MongoClient) => Promise<T>): Promise<T> {
  const client = new MongoClient(url)
  try {
    return await use(client)
  } finally {
    await client.close()
  }
}
