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
      return { url: urlOf(port), pid: running.pid, stop: () => stop(running) }
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
  const deadline = AbortSignal.timeout(startTimeoutMs)
  const ended = new AbortController()
  void running.exited.then(() => ended.abort(new Error('mongod ended while starting')))
  const signal = AbortSignal.any([deadline, ended.signal])
  await until(signal, () => accepts(port))
  const client = new MongoClient(urlOf(port), { serverSelectionTimeoutMS: startTimeoutMs })
  try {
    const admin = client.db('admin')
    const { pid } = await admin.command({ serverStatus: 1 })
    if (Number(pid) !== running.pid) throw new Error(`another mongod answers on port ${port}`)
    await until(signal, () => initiate(admin, port))
    await until(signal, async () => (await admin.command({ hello: 1 })).isWritablePrimary === true)
  } finally {
    await client.close()
  }
}

async function initiate(admin: Db, port: number): Promise<boolean> {
  const self = `${host}:${port}`
  try {
    await admin.command({ replSetInitiate: { _id: setName, members: [{ _id: 0, host: self }] } })
    return true
  } catch (error) {
    if (!(error instanceof MongoServerError) || error.codeName !== 'AlreadyInitialized') throw error
    return findItself(admin, self)
  }
}

// Kept data names the port of its last start; a member that does not find itself in its set stays read-only.
async function findItself(admin: Db, self: string): Promise<boolean> {
  const { config } = await admin.command({ replSetGetConfig: 1 })
  if (config.members[0].host === self) return true
  const moved = { ...config, version: config.version + 1, members: [{ ...config.members[0], host: self }] }
  await admin.command({ replSetReconfig: moved, force: true })
  return true
}

async function until(signal: AbortSignal, condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) {
    signal.throwIfAborted()
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
