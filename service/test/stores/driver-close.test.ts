import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import t from 'tap'
import { startMongod } from '../../../embedded/mongod.js'
import { connectDatabase, isDatabaseAway } from '../../stores/database.js'
import { eventually } from '../support/service.js'

const rounds = 20
const writesPerRound = 5

const mongod = await startMongod({ cacheSizeGb: 0.25 })
t.teardown(() => mongod.stop())

/** Between the service and its database, so that connections can be ended while both are well. */
async function startProxy(url: string) {
  const { hostname, port } = new URL(url)
  const sockets = new Set<Socket>()
  const proxy = createServer((socket) => {
    const database = connect(Number(port), hostname)
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket) && database.destroy()).on('error', () => {})
    database.on('close', () => socket.destroy()).on('error', () => {})
    socket.pipe(database).pipe(socket)
  })
  await new Promise<void>((listening) => proxy.listen(0, '127.0.0.1', listening))
  return { proxy, sockets, port: (proxy.address() as AddressInfo).port }
}

for (const end of ['destroy', 'resetAndDestroy'] as const) {
  t.test(`no write waits forever on a connection that ends: ${end}`, async (t) => {
    const { proxy, sockets, port } = await startProxy(mongod.url)
    const { client, db } = await connectDatabase(
      `mongodb://127.0.0.1:${port}/driver-close?directConnection=true`,
    )
    t.teardown(async () => {
      await client.close()
      proxy.close()
    })
    const outcomes: unknown[] = []
    const save = (outcome: unknown) => outcomes.push(outcome)
    const write = () =>
      db
        .collection('writes')
        .insertOne({})
        .then(() => save(null), save)

    for (let round = 1; round <= rounds; round += 1) {
      for (const socket of sockets) socket[end]()
      // What runs in `setImmediate` finds sockets that have ended, and have not told so yet.
      for (let index = 0; index < writesPerRound; index += 1) {
        await new Promise((turn) => setImmediate(turn))
        void write()
      }
      await eventually('an answer to every write', async () => outcomes.length === round * writesPerRound)
    }

    const errors = outcomes.filter((outcome) => outcome !== null)
    t.ok(errors.length < outcomes.length, 'it comes back')
    t.ok(errors.every(isDatabaseAway), 'the others say that it is away')
  })
}
