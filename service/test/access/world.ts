import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import { hashSecret } from '../../domain/secrets.js'
import { makeToken } from '../support/people.js'
import { startTestService, type TestProject, type TestService } from '../support/service.js'
import { signIn, signToken } from '../support/sign-in.js'
import { type Kind, kinds, people, type Who } from './rights.js'

export interface Route {
  method: string
  url: string
}

/** A project with something of everything in it. */
export interface GridProject {
  kind: Kind
  id: string
  /** Null for the standalone one. */
  gitlab: TestProject | null
  path: string
  modelId: string
  commit: string
  reportId: string
  mrIid: number
  hookSecret: string
  /** Stands in the project alone. */
  marker: string
}

export interface Account {
  userId: number
  username: string
}

export interface World {
  service: TestService
  app: FastifyInstance
  /** All that the service has registered. */
  routes: Route[]
  projects: Record<Kind, GridProject>
  /** The one that `other` is Maintainer of. */
  elsewhere: TestProject & { ourId: string }
  accounts: Record<Exclude<Who, 'anonymous'>, Account>
  /** Nobody's part: may be made a member and sent away again. */
  spare: Account
  /** One more model of the project. */
  addModel(kind: Kind): Promise<string>
  /** A job of the project that runs. */
  startJob(kind: Kind): number
  idToken(jobId: number): string
}

const levels = { guest: 10, reporter: 20, developer: 30, maintainer: 40, owner: 50, blocked: 30 }

/** The service with projects of every kind and a person for every part. No jobs are worked on: what changes, a request
 * has changed. */
export async function startWorld(t: Test): Promise<World> {
  const { service, app, routes } = await startWatched(t)
  const { simulator, bot } = service
  // GitLab tells administrators alone who is external and who administers.
  const botUser = simulator.state.users.get(bot.id)
  if (botUser !== undefined) botUser.admin = true

  const accounts = createAccounts(service)
  const { id: userId, username } = simulator.createUser({ username: 'the-spare' })
  const elsewhere = await service.createProject('elsewhere/lab')
  simulator.addMember(elsewhere.id, { userId: accounts.other.userId, accessLevel: 40 })
  const connected = new Map<Kind, TestProject>()
  for (const kind of kinds) {
    if (kind !== 'standalone') connected.set(kind, await createConnected(service, kind, accounts))
  }
  for (const { userId } of Object.values(accounts)) await signIn(service, userId)
  simulator.setUserState(accounts.blocked.userId, 'blocked')

  const gitlabOf = (kind: Kind): TestProject => {
    const project = connected.get(kind)
    if (project === undefined) throw new Error(`There is no repository of ${kind}`)
    return project
  }
  const startJob = (kind: Kind) => startJobOf(service, gitlabOf(kind))
  const idToken = (jobId: number) => simulator.idToken({ jobId, aud: service.url })
  const ownerToken = await makeToken(service, accounts.owner.userId)
  let added = 0

  async function report(kind: Kind, path: string, name: string) {
    const jobId = kind === 'standalone' ? null : startJob(kind)
    const model = {
      name,
      dataset: 'iris',
      results: { accuracy: 0.9 },
      parameters: { secret: markerOf(kind) },
    }
    const body = jobId === null ? { project: path } : { job: { name: 'train', status: 'success' } }
    const models = jobId === null ? [{ ...model, version: '1' }] : [model]
    const token = jobId === null ? ownerToken : idToken(jobId)
    const answer = await service.report(0, { ...body, models }, { token })
    if (answer.status !== 202) throw new Error(answer.text)
    const stored = answer.json as { report: string; models: { id: string }[] }
    return { reportId: stored.report, modelId: stored.models[0]?.id ?? '' }
  }

  async function addModel(kind: Kind): Promise<string> {
    added += 1
    return (await report(kind, projects[kind].path, `more-${added}`)).modelId
  }

  async function prepare(kind: Kind): Promise<GridProject> {
    const gitlab = connected.get(kind) ?? null
    const made = gitlab === null ? await createStandalone(service, ownerToken, accounts) : null
    const path = gitlab?.path ?? `~${accounts.owner.username}/lab`
    const { reportId, modelId } = await report(kind, path, 'tree')
    const row = gitlab === null ? null : await service.stores.projects.findByGitLabId(gitlab.id)
    const id = made ?? row?.id ?? ''
    const hookSecret = `hook-${kind}-secret`
    if (gitlab !== null) await addHookAndComparison(service, { id, kind, gitlab, hookSecret })
    const commit = gitlab?.head ?? ''
    return { kind, id, gitlab, path, modelId, commit, reportId, mrIid: 7, hookSecret, marker: markerOf(kind) }
  }

  const prepared = await Promise.all(kinds.map(prepare))
  const projects = Object.fromEntries(prepared.map((one) => [one.kind, one])) as Record<Kind, GridProject>
  const ourId = await connectElsewhere(service, elsewhere)
  return {
    service,
    app,
    routes,
    projects,
    elsewhere: { ...elsewhere, ourId },
    accounts,
    spare: { userId, username },
    addModel,
    startJob,
    idToken,
  }
}

/** Fastify itself tells of every instance when it begins, before there is a route. */
async function startWatched(t: Test) {
  const seen: { app: FastifyInstance; routes: Route[] }[] = []
  const watch = (message: unknown) => {
    const { fastify: app } = message as { fastify: FastifyInstance }
    const routes: Route[] = []
    seen.push({ app, routes })
    app.addHook('onRoute', ({ method, url }) => {
      for (const one of [method].flat()) routes.push({ method: one, url })
    })
  }
  subscribe('fastify.initialization', watch)
  const service = await startTestService(t, { worker: false })
  unsubscribe('fastify.initialization', watch)
  const found = seen.find(({ routes }) => routes.some(({ url }) => url === '/healthz'))
  if (found === undefined) throw new Error('Fastify told of no service')
  return { service, ...found }
}

function createAccounts({ simulator }: TestService): World['accounts'] {
  const made = people
    .filter((who) => who !== 'anonymous')
    .map((who) => {
      const facts = { admin: who === 'administrator', external: who === 'external' }
      const { id: userId, username } = simulator.createUser({ username: `the-${who}`, ...facts })
      return [who, { userId, username }]
    })
  return Object.fromEntries(made)
}

async function createConnected(
  service: TestService,
  kind: Kind,
  accounts: World['accounts'],
): Promise<TestProject> {
  const visibility = kind.startsWith('internal') ? 'internal' : kind === 'private' ? 'private' : 'public'
  const project = await service.createProject(`group-${kind}/lab`, { visibility })
  service.simulator.updateProject(project.id, { publicJobs: !kind.endsWith('closed') })
  for (const [who, accessLevel] of Object.entries(levels)) {
    const { userId } = accounts[who as keyof typeof levels]
    service.simulator.addMember(project.id, { userId, accessLevel })
  }
  return project
}

async function createStandalone(service: TestService, token: string, accounts: World['accounts']) {
  const answer = await fetch(`${service.url}/api/v1/projects`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'lab', description: markerOf('standalone') }),
  })
  const { id } = (await answer.json()) as { id: string }
  for (const who of ['reporter', 'developer', 'maintainer', 'blocked'] as const) {
    const { userId: gitlabUserId, username } = accounts[who]
    const accessLevel = who === 'reporter' ? 20 : who === 'maintainer' ? 40 : 30
    await service.stores.projects.setMember(id, { gitlabUserId, username, accessLevel })
  }
  return id
}

function startJobOf({ simulator }: TestService, project: TestProject): number {
  const base = { projectId: project.id, sha: project.head, ref: 'main', source: 'push' }
  const jobId = simulator.createPipeline({ ...base, jobs: [{ name: 'train' }] }).jobs[0]?.id ?? 0
  simulator.setJobStatus(jobId, 'running')
  return jobId
}

async function addHookAndComparison(
  { stores, simulator }: TestService,
  { id, kind, gitlab, hookSecret }: { id: string; kind: Kind; gitlab: TestProject; hookSecret: string },
): Promise<void> {
  const hook = { state: 'registered', hookId: 1, secretHash: hashSecret(hookSecret) } as const
  await stores.projects.setHook(id, hook)
  await stores.comparisons.save({
    projectId: id,
    mrIid: 7,
    mrState: 'opened',
    mrUrl: `${simulator.url}/${gitlab.path}/-/merge_requests/7`,
    sourceBranch: 'tune',
    targetBranch: 'main',
    headSha: gitlab.head,
    baseSha: gitlab.head,
    commitsBehind: 0,
    previousHeadSha: null,
    jobIds: [],
    summary: markerOf(kind),
    lines: [markerOf(kind)],
    table: { columns: [], rows: [], rowsTotal: 0 },
    pipeline: { id: 1, state: 'finished', jobsReported: 1, jobsTotal: 1, failedJobs: [] },
    verdict: { state: 'fail', broken: [{ key: 'accuracy', level: 'fail', accepted: false }] },
    judgedAt: new Date(),
  })
}

async function connectElsewhere(service: TestService, project: TestProject): Promise<string> {
  const jobId = startJobOf(service, project)
  const models = [{ name: 'tree', dataset: 'iris', results: { accuracy: 0.5 } }]
  const answer = await service.report(jobId, { job: { name: 'train', status: 'success' }, models })
  if (answer.status !== 202) throw new Error(answer.text)
  return (await service.stores.projects.findByGitLabId(project.id))?.id ?? ''
}

function markerOf(kind: Kind): string {
  return `marker-of-${kind}-7f3a`
}

/** The header `Cookie` of somebody who has signed in before; a blocked person could not do so now. */
export async function newCookie({ service }: Pick<World, 'service'>, account: Account): Promise<string> {
  const { userId: gitlabUserId, username } = account
  const facts = { gitlabUserId, username, name: username, userAgent: 'grid' }
  const { secret } = await service.stores.sessions.create(facts, new Date())
  return `mlmm=${signToken({ sid: secret, exp: Math.floor(Date.now() / 1000) + 3600 })}`
}
