import { createHmac, randomUUID } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import Fastify, { type FastifyInstance } from 'fastify'
import { openTestDatabase } from '../../../embedded/test-database.js'
import { hashSecret } from '../../domain/secrets.js'
import { createQueue } from '../../jobs/queue.js'
import { bodyParser } from '../../plugins/body-parser.js'
import { errorHandler } from '../../plugins/error-handler.js'
import { refusals } from '../../plugins/refusals.js'
import { webhookRoutes } from '../../routes/webhooks.js'
import { ensureIndexes } from '../../stores/indexes.js'
import { hookKeyOwner, type Project } from '../../stores/project-documents.js'
import { createSealer } from '../../stores/sealing.js'
import { createStores, type Stores } from '../../stores/stores.js'

export const now = new Date('2026-01-01T00:00:00Z')
export const secret = 'the-secret-of-this-project'
export const earlierSecret = 'the-secret-before'
const signingToken = `whsec_${Buffer.alloc(32, 1).toString('base64')}`
export const earlierSigningToken = `whsec_${Buffer.alloc(32, 2).toString('base64')}`

const fixtures = new URL('../fixtures/webhooks/', import.meta.url)

export interface Intake {
  app: FastifyInstance
  stores: Stores
  project: Project
  other: Project
  clock: { now: Date }
  /** All rows of the queue, their generations, and how many deliveries are recorded. */
  effects(): Promise<{ jobs: Record<string, number>; deliveries: number }>
}

export type HookDatabase = Awaited<ReturnType<typeof openHookDatabase>>

/** Real stores, and two projects that have secrets. */
export async function openHookDatabase(t: Parameters<typeof openTestDatabase>[0]) {
  const { client, db } = await openTestDatabase(t)
  await ensureIndexes(db)
  const stores = createStores({ client, db })
  const sealer = createSealer([{ name: 'a', key: Buffer.alloc(32, 9) }])
  const { id } = await connect(stores, 42, 'research/iris')
  const other = await connect(stores, 43, 'research/other')
  const seal = (text: string) => sealer.seal(text, hookKeyOwner(id))
  await stores.projects.setHook(id, {
    state: 'registered',
    hookId: 7,
    secretHash: hashSecret(secret),
    previousSecretHash: hashSecret(earlierSecret),
    previousUntil: new Date(now.getTime() + 3_600_000),
    signingKey: seal(signingToken),
    previousSigningKey: seal(earlierSigningToken),
  })
  const secretHash = hashSecret('the-secret-of-the-other')
  await stores.projects.setHook(other.id, { state: 'registered', hookId: 8, secretHash })
  const project = await stores.projects.find(id)
  if (project === null) throw new Error('no project')
  return { db, stores, sealer, project, other }
}

/** The routes for webhooks, to which nothing was sent yet. */
export async function openIntake(
  t: Parameters<typeof openTestDatabase>[0],
  { db, stores, sealer, project, other }: HookDatabase,
): Promise<Intake> {
  const [jobs, deliveries] = [db.collection('jobs'), db.collection('deliveries')]
  await Promise.all([jobs.deleteMany({}), deliveries.deleteMany({})])
  const clock = { now }
  const app = Fastify({ logger: false, http: { maxHeaderSize: 64 * 1024 } })
  await app.register(errorHandler)
  await app.register(bodyParser)
  const queue = createQueue({ store: stores.jobs, monotonicNowMs: () => performance.now() })
  await app.register(refusals)
  await app.register(webhookRoutes, { ...stores, queue, sealer, clock: () => clock.now })
  t.teardown(() => app.close())

  return {
    app,
    stores,
    project,
    other,
    clock,
    async effects() {
      const rows = await jobs.find().toArray()
      return {
        jobs: Object.fromEntries(rows.map((row) => [String(row['_id']), Number(row['generation'])])),
        deliveries: await deliveries.countDocuments(),
      }
    },
  }
}

function connect(stores: Stores, gitlabProjectId: number, path: string): Promise<Project> {
  const facts = { path, webUrl: `https://gitlab.example.com/${path}`, defaultBranch: 'main' }
  const closed = { visibility: 'private', pipelinesOpen: false } as const
  return stores.projects.connect({ gitlabProjectId, ...facts, ...closed }, now)
}

/** Every payload that is documented, as if it were about the project. */
export function readSamples(gitlabProjectId: number): { name: string; body: Record<string, unknown> }[] {
  const names = readdirSync(fixtures).filter((name) => !/^(headers|signature)/.test(name))
  return names.map((name) => ({ name, body: about(gitlabProjectId, readFixture(name)) }))
}

export function readFixture(name: string): Record<string, unknown> {
  return JSON.parse(readFileSync(new URL(name, fixtures), 'utf8'))
}

function about(gitlabProjectId: number, body: Record<string, unknown>): Record<string, unknown> {
  const project = body['project'] as object | undefined
  return {
    ...body,
    ...('project_id' in body && { project_id: gitlabProjectId }),
    ...(project !== undefined && { project: { ...project, id: gitlabProjectId } }),
  }
}

export function mergeRequestEvent(iid: number, more: Record<string, unknown> = {}): string {
  const attributes = { iid, action: 'open', ...more }
  return JSON.stringify({ object_kind: 'merge_request', project: { id: 42 }, object_attributes: attributes })
}

export interface Signing {
  token?: string
  id?: string
  at?: Date
  body?: string
}

export function signatureHeaders(body: string, signing: Signing = {}): Record<string, string> {
  const { token = signingToken, id = randomUUID(), at = now } = signing
  const timestamp = String(Math.floor(at.getTime() / 1000))
  const key = Buffer.from(token.slice('whsec_'.length), 'base64')
  const mac = createHmac('sha256', key)
    .update(`${id}.${timestamp}.${signing.body ?? body}`)
    .digest('base64')
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${mac}` }
}
