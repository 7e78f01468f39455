import { createServer } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { readFileSync } from 'node:fs'
import type { Db } from 'mongodb'
import { pino } from 'pino'
import { openTestDatabase } from '../../../embedded/test-database.js'
import { type Simulator, type SimulatorOptions, startSimulator } from '../../../simulator/simulator.js'
import { buildApp } from '../../app.js'
import { createSigningKeys } from '../../gitlab/keys.js'
import { createPeople } from '../../people.js'
import { buildWorker } from '../../jobs/build-worker.js'
import { createQueue } from '../../jobs/queue.js'
import { createSpeakers } from '../../connection/speakers.js'
import { connectDatabase } from '../../stores/database.js'
import { ensureIndexes } from '../../stores/indexes.js'
import { createSealer } from '../../stores/sealing.js'
import { createStores, type Stores } from '../../stores/stores.js'

interface TestWithTeardown {
  teardown(handler: () => Promise<void>): unknown
}

export interface TestService {
  url: string
  simulator: Simulator
  stores: Stores
  /** What the stores are kept in. */
  db: Db
  bot: { id: number; username: string }
  maintainer: { id: number; token: string }
  /** A GitLab project that the bot is Maintainer of, with one commit on main. */
  createProject(
    path: string,
    options?: { visibility?: 'public' | 'private' | 'internal' },
  ): Promise<TestProject>
  /** Sends a report as the job would. */
  report(jobId: number, body: unknown, options?: ReportOptions): Promise<Answer>
  get(path: string, headers?: Record<string, string>): Promise<Answer>
}

export interface TestProject {
  id: number
  path: string
  head: string
}

export interface ReportOptions {
  token?: string
  headers?: Record<string, string>
}

export interface Answer {
  status: number
  headers: Headers
  text: string
  // Tests look at answers as they come.
  json: Record<string, unknown>
}

export interface TestServiceOptions {
  simulator?: SimulatorOptions
  autoConnect?: string[]
  /** Whether jobs are worked on; default true. */
  worker?: boolean
  /** A mongod of the test's own; default: a database on the one for all tests. */
  mongodbUrl?: string
  clock?: () => Date
}

/** The whole service on a port of its own, with a database of its own, beside a GitLab of its own. */
export async function startTestService(
  t: TestWithTeardown,
  options: TestServiceOptions = {},
): Promise<TestService> {
  const [{ client, db }, simulator, port] = await Promise.all([
    options.mongodbUrl === undefined ? openTestDatabase(t) : openDatabase(t, options.mongodbUrl),
    startSimulator(options.simulator),
    freePort(),
  ])
  const url = `http://127.0.0.1:${port}`
  const bot = simulator.createUser({ username: 'mlmm-bot', name: 'mlmm', bot: true })
  const maintainer = simulator.createUser({ username: 'maya', name: 'Maya Maintainer' })
  await ensureIndexes(db)
  const stores = createStores({ client, db })
  const clock = options.clock ?? (() => new Date())
  const log = pino({ level: process.env.MLMM_TEST_LOG ?? 'silent' })
  const config = testConfig(simulator, { url, botToken: bot.token, autoConnect: options.autoConnect })
  const sealer = createSealer(config.encryptionKeys)
  const people = createPeople({ config, stores, sealer, timeoutMs: 5_000, clock })
  const speakers = createSpeakers({ clients: people.clients, ...stores, sealer, clock, log })
  const parts = {
    publicUrl: url,
    gitlab: speakers.gitlab,
    speakers,
    queue: createQueue({ store: stores.jobs, monotonicNowMs: () => performance.now() }),
    clock,
    log,
    stores,
  }
  const keys = createSigningKeys({ url: `${simulator.url}/oauth/discovery/keys` })
  const app = await buildApp({
    ...parts,
    config,
    people,
    keys,
    ciTemplate: readFileSync(new URL('../../../ci-templates/templates/mlmm.yml', import.meta.url), 'utf8'),
  })
  const worker = buildWorker({ ...parts, sealer, signingKey: 'k'.repeat(32), gitlabTimeoutMs: 5_000 })
  await app.listen({ host: '127.0.0.1', port })
  if (options.worker !== false) worker.start()
  t.teardown(async () => {
    await worker.stop({ graceMs: 2_000 })
    await app.close()
    keys.close()
    await simulator.close()
  })

  return {
    url,
    simulator,
    stores,
    db,
    bot,
    maintainer,
    createProject: (path, { visibility = 'public' } = {}) => createProject(path, visibility),
    report: (jobId, body, { token, headers } = {}) =>
      send(`${url}/api/v1/reports`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${token ?? simulator.idToken({ jobId, aud: url })}`,
          'content-type': 'application/json',
          ...headers,
        },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      }),
    get: (path, headers = {}) => send(`${url}${path}`, { headers }),
  }

  async function createProject(
    path: string,
    visibility: 'public' | 'private' | 'internal',
  ): Promise<TestProject> {
    const members = [
      { userId: bot.id, accessLevel: 40 },
      { userId: maintainer.id, accessLevel: 40 },
    ]
    const project = await simulator.createProject({ path, visibility, members })
    const head = await simulator.pushFiles({
      projectId: project.id,
      userId: maintainer.id,
      branch: 'main',
      message: 'First',
      files: { 'train.py': 'print(1)\n' },
    })
    return { id: project.id, path, head }
  }
}

/** With an application in the simulator for people to sign in with. */
function testConfig(
  simulator: Simulator,
  { url, botToken, autoConnect }: { url: string; botToken: string; autoConnect: string[] | undefined },
) {
  const { clientId, clientSecret } = simulator.createApplication({
    name: 'mlmm',
    redirectUri: `${url}/-/sign-in/callback`,
    scopes: 'read_user read_api api',
  })
  return {
    publicUrl: url,
    autoConnect: autoConnect ?? ['**/*'],
    trustProxy: false,
    encryptionKeys: [{ name: 'a', key: Buffer.alloc(32, 7) }],
    sessionSecret: 's'.repeat(32),
    oauth: { clientId, clientSecret },
    gitlab: {
      url: simulator.url,
      apiUrl: simulator.url,
      issuer: simulator.url,
      jwksUrl: '',
      botToken,
    },
  }
}

async function send(url: string, init: RequestInit): Promise<Answer> {
  const response = await fetch(url, { ...init, redirect: 'manual' })
  const text = await response.text()
  return { status: response.status, headers: response.headers, text, json: parsed(text) }
}

function parsed(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text)
  } catch {
    return {} // Not every answer is JSON.
  }
}

async function openDatabase(t: TestWithTeardown, url: string) {
  const database = await connectDatabase(url, { selectionTimeoutMs: 1_000 })
  t.teardown(() => database.client.close())
  return database
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' && address !== null ? address.port : 0
}

/** Waits until `look` answers something; fails after `withinMs` with what was waited for. */
export async function eventually<T>(
  what: string,
  look: () => Promise<T | null | undefined | false> | T | null | undefined | false,
  withinMs = 30_000,
): Promise<T> {
  const endsAt = performance.now() + withinMs
  for (;;) {
    const found = await look()
    if (found !== null && found !== undefined && found !== false) return found
    if (performance.now() > endsAt) throw new Error(`${what} did not come within ${withinMs} ms`)
    await pause(25)
  }
}
