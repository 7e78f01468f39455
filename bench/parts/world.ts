import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { MongoClient, type Db } from 'mongodb'
import { freePort } from '../../demo/service-process.js'
import { startMongod, type Mongod } from '../../embedded/mongod.js'
import { supervise } from '../../embedded/supervise.js'
import { startSimulator, type Simulator, type SimulatorOptions } from '../../simulator/simulator.js'
import { build, type Build } from './build.js'

const readyWithinMs = 30_000

/** The built service with all that it needs, each part a process of its own but GitLab, which lives in this one. */
export interface World {
  build: Build
  mongod: Mongod
  db: Db
  simulator: Simulator
  maintainer: { id: number }
  service: ServiceProcess
  createProject(path: string, botLevel?: number): Promise<{ id: number; head: string }>
  /** Ended with the world, last come first gone. */
  onClose(end: () => unknown): void
}

export interface ServiceProcess {
  url: string
  port: number
  pid: number
  /** How long its event loop was held since the last question. */
  loopDelay(): Promise<{ p99Ms: number; maxMs: number }>
}

/** Starts everything, gives it to `use` and ends everything, however `use` ends. */
export async function withWorld(
  use: (world: World) => Promise<void>,
  options: SimulatorOptions = {},
): Promise<void> {
  const ends: (() => unknown)[] = []
  const onClose = (end: () => unknown) => void ends.push(end)
  const close = async () => {
    for (let end = ends.pop(); end !== undefined; end = ends.pop()) await end()
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => void close().finally(() => process.exit(1)))
  }
  try {
    await use(await startWorld(options, onClose))
  } finally {
    await close()
  }
}

async function startWorld(options: SimulatorOptions, onClose: World['onClose']): Promise<World> {
  const built = await build()
  onClose(built.remove)
  const mongod = await startMongod({ cacheSizeGb: 1 })
  onClose(() => mongod.stop())
  const client = await new MongoClient(mongod.url).connect()
  onClose(() => client.close())
  const simulator = await startSimulator(options)
  onClose(() => simulator.close())
  const bot = simulator.createUser({ username: 'mlmm-bot', bot: true })
  const maintainer = simulator.createUser({ username: 'maya' })
  const service = await startService(built, { mongod, simulator, botToken: bot.token }, onClose)
  return {
    build: built,
    mongod,
    db: client.db('mlmm'),
    simulator,
    maintainer,
    service,
    onClose,
    async createProject(path, botLevel = 40) {
      const members = [
        { userId: bot.id, accessLevel: botLevel },
        { userId: maintainer.id, accessLevel: 40 },
      ]
      const { id } = await simulator.createProject({ path, visibility: 'public', members })
      const push = { projectId: id, userId: maintainer.id, branch: 'main', files: { 'train.py': 'pass\n' } }
      return { id, head: await simulator.pushFiles(push) }
    },
  }
}

interface Neighbours {
  mongod: Mongod
  simulator: Simulator
  botToken: string
}

async function startService(
  built: Build,
  { mongod, simulator, botToken }: Neighbours,
  onClose: World['onClose'],
): Promise<ServiceProcess> {
  const folder = await mkdtemp(join(tmpdir(), 'mlmm-bench-log-'))
  onClose(() => rm(folder, { recursive: true, force: true }))
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const loopFile = join(folder, 'loop.json')
  const env = {
    PATH: process.env.PATH,
    PORT: String(port),
    PUBLIC_URL: url,
    MONGODB_URL: mongod.url,
    GITLAB_URL: simulator.url,
    GITLAB_BOT_TOKEN: botToken,
    ENCRYPTION_KEYS: `a:${randomBytes(32).toString('base64')}`,
    AUTO_CONNECT: 'research/*',
    SESSION_SECRET: randomBytes(32).toString('hex'),
    MLMM_BENCH_LOOP_FILE: loopFile,
  }
  const preload = built.module('bench/children/loop-delay')
  const command = [process.execPath, '--import', preload, built.path('service/server')]
  const running = await supervise(command, { signal: 'TERM', env, logFile: join(folder, 'service.log') })
  onClose(() => running.stop())
  void running.ended.then(() => process.stderr.write(running.lastLines.map((line) => `${line}\n`).join('')))
  await ready(`${url}/readyz`)
  return { url, port, pid: running.pid, loopDelay: () => readLoopDelay(running.pid, loopFile) }
}

async function ready(url: string): Promise<void> {
  const endsAt = performance.now() + readyWithinMs
  // Refused until it listens.
  while ((await fetch(url).catch(() => null))?.ok !== true) {
    if (performance.now() > endsAt) throw new Error(`The service was not ready within ${readyWithinMs} ms`)
    await pause(50)
  }
}

async function readLoopDelay(pid: number, file: string): Promise<{ p99Ms: number; maxMs: number }> {
  await rm(file, { force: true })
  process.kill(pid, 'SIGWINCH')
  while (!((await stat(file).catch(() => null))?.size ?? 0)) await pause(5)
  return JSON.parse(await readFile(file, 'utf8'))
}
