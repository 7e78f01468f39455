import { once } from 'node:events'
import { mkdir, mkdtemp } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { MongoClient, MongoServerError, type Db } from 'mongodb'
import { findMongod } from './find-mongod.js'
import { supervise, type Supervised } from './supervise.js'

const host = '127.0.0.1'
const setName = 'rs0'
const startTimeoutMs = 60_000
const portTries = 5
const portTakenExitCode = 48

export interface MongodOptions {
  /** Kept after the end; without it a temporary folder is used and removed. */
  dataDir?: string
  /** Without it a free port is taken. */
  port?: number
  /** The most memory that the storage engine's cache may take. */
  cacheSizeGb?: number
  log?: (line: string) => void
}

export interface Mongod {
  /** Has no database name; transactions work. */
  url: string
  pid: number
  /** Answers when mongod has ended, for whatever reason. */
  ended: Promise<unknown>
  /** Ends mongod and, with temporary data, removes it. */
  stop(): Promise<void>
}

/**
 * Starts a real mongod as a one-member replica set on 127.0.0.1 and answers when it takes writes.
 * It ends with `stop` or with this process, however this process ends.
 */
export async function startMongod(options: MongodOptions = {}): Promise<Mongod> {
  const log = options.log ?? ((line: string) => void process.stderr.write(`${line}\n`))
  const program = await findMongod({ log })
  for (let tries = 1; ; tries += 1) {
    const port = options.port ?? (await freePort())
    const running = await launch(program, port, options)
    try {
      await ready(running, port)
      return { url: urlOf(port), ...running }
    } catch (error) {
      await running.stop()
      const portTaken = (await running.ended) === portTakenExitCode
      if (portTaken && options.port === undefined && tries < portTries) continue
      const reason = reasonIn(running.lastLines) ?? String(error)
      throw new Error(`mongod did not start (${program}, port ${port}): ${reason}`, { cause: error })
    }
  }
}

async function launch(program: string, port: number, options: MongodOptions): Promise<Supervised> {
  const folder = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'mlmm-mongod-')))
  const dbPath = join(folder, 'db')
  await mkdir(dbPath, { recursive: true })
  const command = [program, ...mongodArguments(dbPath, port, options.cacheSizeGb ?? 1)]
  const logFile = join(folder, 'mongod.log')
  if (options.dataDir !== undefined) return supervise(command, { signal: 'TERM', logFile })
  return supervise(command, { signal: 'KILL', logFile, temporaryFolder: folder })
}

function reasonIn(lines: string[]): string | null {
  const severe = lines.filter((line) => /"s":"[EF]"/.test(line))
  return (severe.length > 0 ? severe : lines.slice(-5)).join('\n') || null
}

function mongodArguments(dbPath: string, port: number, cacheSizeGb: number): string[] {
  const replication = ['--replSet', setName, '--oplogSize', '512']
  const network = ['--bind_ip', host, '--port', String(port), '--nounixsocket']
  const storage = ['--dbpath', dbPath, '--wiredTigerCacheSizeGB', String(cacheSizeGb)]
  const parameters = ['diagnosticDataCollectionEnabled=false', 'shutdownTimeoutMillisForSignaledShutdown=100']
  return [
    ...storage,
    ...network,
    ...replication,
    '--quiet',
    ...parameters.flatMap((p) => ['--setParameter', p]),
  ]
}

async function ready(running: Supervised, port: number): Promise<void> {
  const client = new MongoClient(urlOf(port), { serverSelectionTimeoutMS: startTimeoutMs })
  const over = new AbortController()
  const ended = running.ended.then(() => {
    throw new Error('it ended')
  })
  try {
    await Promise.race([ended, becomePrimary({ running, port, client, signal: over.signal })])
  } finally {
    over.abort()
    await client.close()
  }
}

interface Start {
  running: Supervised
  port: number
  client: MongoClient
  signal: AbortSignal
}

async function becomePrimary({ running, port, client, signal }: Start): Promise<void> {
  await until(signal, () => accepts(port))
  const admin = client.db('admin')
  const { pid } = await admin.command({ serverStatus: 1 })
  if (Number(pid) !== running.pid) throw new Error(`another mongod answers on port ${port}`)
  await until(signal, () => initiate(admin, port))
  await until(signal, async () => (await admin.command({ hello: 1 })).isWritablePrimary === true)
}

async function initiate(admin: Db, port: number): Promise<boolean> {
  const self = `${host}:${port}`
  try {
    await admin.command({ replSetInitiate: { _id: setName, members: [{ _id: 0, host: self }] } })
    return true
  } catch (error) {
    if (isMongoError(error, 'AlreadyInitialized')) return findItself(admin, self)
    throw error
  }
}

// Kept data names the port of its last start; a member that does not find itself in its set stays read-only.
async function findItself(admin: Db, self: string): Promise<boolean> {
  try {
    const { config } = await admin.command({ replSetGetConfig: 1 })
    const [member] = config.members
    if (member.host === self) return true
    const moved = { ...config, members: [{ ...member, host: self }] }
    await admin.command({ replSetReconfig: moved, force: true })
    return true
  } catch (error) {
    if (isMongoError(error, 'NotYetInitialized')) return false // the kept set is being read
    throw error
  }
}

function isMongoError(error: unknown, codeName: string): boolean {
  return error instanceof MongoServerError && error.codeName === codeName
}

async function until(signal: AbortSignal, condition: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + startTimeoutMs
  while (!(await condition())) {
    signal.throwIfAborted()
    if (Date.now() > deadline) throw new Error(`not ready after ${startTimeoutMs / 1000} s`)
    await delay(10)
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, host)
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, host)
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no TCP port could be had')
  return address.port
}

function urlOf(port: number): string {
  return `mongodb://${host}:${port}/?replicaSet=${setName}&directConnection=true`
}
