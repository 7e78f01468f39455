import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { MongoClient, MongoServerError, type Db } from 'mongodb'
import { findMongod } from './find-mongod.js'

const host = '127.0.0.1'
const setName = 'rs0'
const startTimeoutMs = 60_000
const portTries = 5
const portTakenExitCode = 48
const supervise = fileURLToPath(new URL('supervise.sh', import.meta.url))

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
      const { pid, exited: ended } = running
      return { url: urlOf(port), pid, ended, stop: () => stop(running) }
    } catch (error) {
      await stop(running)
      const portTaken = running.supervisor.exitCode === portTakenExitCode
      if (portTaken && options.port === undefined && tries < portTries) continue
      const reason = reasonIn(running.printed) ?? String(error)
      throw new Error(`mongod did not start (${program}, port ${port}): ${reason}`, { cause: error })
    }
  }
}

interface Running {
  supervisor: ChildProcess
  exited: Promise<unknown>
  pid: number
  /** What the supervisor printed after the process id: the end of mongod's log, if it failed. */
  printed: string[]
}

async function launch(program: string, port: number, options: MongodOptions): Promise<Running> {
  const kept = options.dataDir !== undefined
  const folder = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'mlmm-mongod-')))
  const dbPath = join(folder, 'db')
  await mkdir(dbPath, { recursive: true })
  const supervision = [kept ? 'TERM' : 'KILL', kept ? '' : folder, join(folder, 'mongod.log')]
  const command = [program, ...mongodArguments(dbPath, port, options.cacheSizeGb ?? 1)]
  // A session of its own: Ctrl-C in a terminal reaches the parent alone, which ends mongod when it is done.
  const supervisor = spawn('sh', [supervise, ...supervision, ...command], {
    detached: true,
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  supervisor.stdin.on('error', () => {}) // it has ended, which `exited` tells
  const exited = once(supervisor, 'close')
  const lines = createInterface(supervisor.stdout)
  const [pid] = await Promise.race([once(lines, 'line'), exited.then(() => ['0'])])
  const printed: string[] = []
  lines.on('line', (line) => printed.push(line))
  return { supervisor, exited, pid: Number(pid), printed }
}

function reasonIn(printed: string[]): string | null {
  const severe = printed.filter((line) => /"s":"[EF]"/.test(line))
  return (severe.length > 0 ? severe : printed.slice(-5)).join('\n') || null
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

async function ready(running: Running, port: number): Promise<void> {
  const client = new MongoClient(urlOf(port), { serverSelectionTimeoutMS: startTimeoutMs })
  const over = new AbortController()
  const ended = running.exited.then(() => {
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
  running: Running
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

async function stop({ supervisor, exited }: Running): Promise<void> {
  supervisor.stdin?.end()
  await exited
}

function urlOf(port: number): string {
  return `mongodb://${host}:${port}/?replicaSet=${setName}&directConnection=true`
}
