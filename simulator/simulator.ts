import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { createCallLog, type Call } from './calls.js'
import { createEffects, type Effect } from './effects.js'
import { createFaults, type Faults } from './faults.js'
import { createRepositories } from './git/repositories.js'
import { createHookSender, type HookSender } from './hooks/sender.js'
import { idToken, type IdTokenRequest } from './id-tokens.js'
import { createKeys } from './keys.js'
import { limitPresets } from './limits.js'
import {
  createMergeRequest,
  editMergeRequest,
  getMergeRequest,
  type MergeRequestEdit,
  type NewMergeRequest,
} from './merge-requests.js'
import { acceptMergeRequest, type MergeOptions } from './merging.js'
import { createApplication, type NewApplication } from './oauth/applications.js'
import { authorizeAs } from './oauth/authorization.js'
import { revokeGrants } from './oauth/tokens.js'
import { createToken, createUser, getUser, type NewToken, type NewUser } from './people.js'
import { getJob } from './pipeline-queries.js'
import { retryJob, setJobStatus } from './pipelines.js'
import { profiles, type GitLabVersion } from './profiles.js'
import {
  addMember,
  createProject,
  deleteProject,
  getProject,
  moveProject,
  projectUrl,
  removeMember,
  type NewMember,
  type NewProject,
} from './projects.js'
import { createPushes, type PushedFiles } from './pushes.js'
import { createRunner } from './runner/runner.js'
import { runForMergeRequest, runForPush, runForRef } from './runner/triggers.js'
import { addApi, addWeb, createServer } from './server.js'
import {
  createState,
  type Application,
  type Job,
  type JobStatus,
  type MergeRequest,
  type Note,
  type Pipeline,
  type Project,
  type State,
  type User,
} from './state.js'
import { createSyntheticPipeline, type SyntheticPipeline } from './synthetic-pipelines.js'
import { createTasks } from './tasks.js'
import type { PagingQuirks, Settings, World } from './world.js'

export interface SimulatorOptions {
  /** `''`, or for example `/gitlab` to live below a path. */
  relativePath?: string
  /** Decides over claims, headers and endpoints. Default `18.4`. */
  version?: GitLabVersion
  port?: number
  /** Compile and run real pipelines after pushes and for merge requests. Default false. */
  runner?: boolean
  /** Jobs that the runner executes at a time. Default 2. */
  concurrentJobs?: number
  /** Added to every answer. */
  latencyMs?: number
  /** `iss` of ID tokens, where it is not the address of the instance. */
  issuerUrl?: string
  /** How long `diff_refs` stays empty after a merge request is made or pushed to. Default 20 ms. */
  prepareDelayMs?: number
  hookTimeoutMs?: number
  /** Whether hooks are disabled after failures, by the rules of the version. Default true. */
  autoDisableHooks?: boolean
  /** Whether hooks may point to this machine, whatever an administrator has set. Default true, unlike GitLab. */
  allowLocalHooks?: boolean
  /** Whether maintainers may make project access tokens; not so on gitlab.com's free tier. Default true. */
  projectAccessTokens?: boolean
  /** Whether signing tokens are accepted, where the version knows them. Default true. */
  webhookSigning?: boolean
  /** Webhooks that one top-level group may send in a minute; more are lost. Default: no limit. */
  hooksPerMinute?: number
  /** Which limits hold where no other option says so. Default `self-managed`: as GitLab is installed. */
  limits?: keyof typeof limitPresets
  /** Notes that one user may create in a minute. Default 300. */
  notesPerMinute?: number
  /** A throttle in front of the API, off by default as in GitLab. */
  apiLimit?: { requests: number; periodSeconds: number }
  now?: () => Date
}

/** A GitLab for one machine; see `startSimulator`. */
export interface Simulator {
  /** External URL with the relative path, without a trailing slash: `GITLAB_URL` of the service. */
  url: string
  /** Everything the instance holds, for assertions. */
  state: State
  faults: Faults
  /** Webhooks: `hooks.deliveries` is the log, `hooks.plan` duplicates, delays or drops deliveries. */
  hooks: HookSender
  paging: PagingQuirks
  /** Calls of the API and of the key documents, oldest first. */
  calls: Call[]
  clearCalls(): void
  /** Quick actions, mentions and references that notes have brought about. */
  readonly effects: Effect[]
  clearEffects(): void

  createUser(input: NewUser): User & { token: string }
  /** One more token, for example `{state: 'expired'}` or `{scopes: ['read_api']}`. */
  createToken(userId: number, input?: NewToken): string
  setUserState(userId: number, state: User['state']): void
  /** The API refuses this person until they sign in in a browser again. */
  expirePassword(userId: number): void
  /** A token of any kind, as if its time were over. */
  expireToken(value: string): void

  createApplication(input: NewApplication): Application
  /**
   * Does what a browser would that opens the address of `/oauth/authorize` as this person, and returns where
   * GitLab sends it. Throws what GitLab would show instead, to blocked people or for a wrong address.
   */
  authorize(request: AuthorizeRequest): string
  /** Withdraws a person's consent, from all applications or from one. */
  revokeGrants(userId: number, applicationId?: number): void

  createProject(input: NewProject): Promise<Project & { httpUrl: string }>
  addMember(projectId: number, member: NewMember): void
  removeMember(projectId: number, userId: number): void
  /** Renames or transfers; the old path redirects. */
  moveProject(projectId: number, path: string): void
  updateProject(projectId: number, changes: Partial<Pick<Project, UpdatableField>>): void
  deleteProject(projectId: number): Promise<void>

  /** Commits files to a branch, as a push of that user would. Resolves with the new head. */
  pushFiles(push: PushedFiles): Promise<string>

  createMergeRequest(input: NewMergeRequest): Promise<MergeRequest>
  editMergeRequest(projectId: number, iid: number, userId: number, edit: MergeRequestEdit): void
  mergeMergeRequest(projectId: number, iid: number, userId: number, options?: MergeOptions): Promise<void>
  /** Notes of a merge request, oldest first; without GitLab's own unless asked for. */
  listNotes(projectId: number, iid: number, options?: { system?: boolean }): Note[]

  /** A pipeline without a runner: its jobs move only through `setJobStatus`. */
  createPipeline(input: SyntheticPipeline): Pipeline & { jobs: Job[] }
  /** With a runner: compiles and runs a branch or tag, by default as a schedule. Resolves when the pipeline exists. */
  runPipeline(request: PipelineRequest): Promise<Pipeline | null>
  setJobStatus(jobId: number, status: JobStatus, failureReason?: string): void
  retryJob(jobId: number): Job
  idToken(request: IdTokenRequest): string
  /** Signs ID tokens with a new key from now on. */
  rotateKeys(options?: { keepOld?: boolean }): void

  /** Resolves when nothing is under way: pushes, diffs, pipelines of the runner, webhooks. */
  settled(): Promise<void>
  /** Ends every job and server and removes the temporary folder. */
  close(): Promise<void>
}

export interface AuthorizeRequest {
  userId: number
  url: string
  /** Default `authorize`. */
  decision?: 'authorize' | 'deny'
}

export interface PipelineRequest {
  projectId: number
  ref: string
  userId: number
  /** Default `schedule`. */
  source?: 'schedule' | 'api' | 'web' | 'trigger'
}

type UpdatableField =
  | 'visibility'
  | 'archived'
  | 'defaultBranch'
  | 'publicJobs'
  | 'buildsAccess'
  | 'mergedResults'
  | 'mergeMethod'
  | 'ciConfigPath'
  | 'protectedBranches'
  | 'onlyAllowMergeIfPipelineSucceeds'
  | 'forkPipelinesInParent'

/**
 * Starts a double of GitLab on 127.0.0.1: REST API, key documents, webhooks, git over HTTP and pages, with its
 * state in memory and its repositories in a temporary folder. Keys are made anew at every start.
 */
export async function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const folder = await mkdtemp(join(tmpdir(), 'mlmm-gitlab-'))
  const app = createServer()
  const world = createWorld(folder, options)
  const pushes = createPushes(world)
  world.on.pushed = pushes.handle
  if (options.runner === true) connectRunner(world, options.concurrentJobs ?? 2)
  addApi(app, world, options.latencyMs ?? 0)
  addWeb(app, world)
  const address = await app.listen({ host: '127.0.0.1', port: options.port ?? 0 })
  world.url = `${address}${world.settings.relativePath}`

  return {
    url: world.url,
    state: world.state,
    faults: world.faults,
    hooks: world.hooks,
    paging: world.paging,
    calls: world.calls.list,
    clearCalls: () => world.calls.clear(),
    get effects() {
      return world.effects.list()
    },
    clearEffects: () => world.effects.clear(),
    ...people(world),
    ...oauthActions(world),
    ...projectActions(world),
    ...mergeRequestActions(world),
    ...pipelineActions(world),
    pushFiles: (push) => pushes.commit(push),
    settled: () => world.tasks.settled(),
    async close() {
      await world.tasks.close()
      await app.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

function connectRunner(world: World, concurrentJobs: number): void {
  const runner = createRunner(world, { concurrentJobs })
  world.on.branchesChanged = (project, user, changes) => runForPush(runner, project, user, changes)
  world.on.mergeRequestNeedsPipeline = (mr, user, options) =>
    runForMergeRequest(world, runner, mr, user, options)
  world.on.refNeedsPipeline = (request) => runForRef(runner, request)
  world.on.jobsChanged = (pipeline) => runner.jobsChanged(pipeline)
}

function createWorld(folder: string, options: SimulatorOptions): World {
  const settings = readSettings(options)
  const profile = profiles[options.version ?? '18.4']
  const state = createState()
  const tasks = createTasks()
  const now = options.now ?? (() => new Date())
  const world: World = {
    url: '',
    folder,
    settings,
    profile,
    paging: { perPageCap: 100, dropTotals: false, linkToEmptyPage: false },
    state,
    repositories: createRepositories(folder),
    keys: createKeys(),
    hooks: createHookSender({
      url: () => world.url,
      profile,
      state,
      tasks,
      timeoutMs: settings.hookTimeoutMs,
      autoDisable: options.autoDisableHooks ?? true,
      signing: settings.webhookSigning,
      perMinute: settings.hooksPerMinute,
      now,
    }),
    effects: createEffects(),
    faults: createFaults(),
    calls: createCallLog(),
    tasks,
    now,
    on: {
      pushed: () => undefined,
      branchesChanged: () => undefined,
      mergeRequestNeedsPipeline: () => Promise.resolve(null),
      refNeedsPipeline: () => Promise.resolve(null),
      jobsChanged: () => undefined,
    },
  }
  return world
}

function readSettings(options: SimulatorOptions): Settings {
  const limits = limitPresets[options.limits ?? 'self-managed']
  return {
    relativePath: options.relativePath ?? '',
    issuerUrl: options.issuerUrl ?? null,
    prepareDelayMs: options.prepareDelayMs ?? 20,
    hookTimeoutMs: options.hookTimeoutMs ?? 10_000,
    notesPerMinute: options.notesPerMinute ?? limits.notesPerMinute,
    allowLocalHooks: options.allowLocalHooks ?? true,
    projectAccessTokens: options.projectAccessTokens ?? true,
    webhookSigning: options.webhookSigning ?? true,
    hooksPerMinute: options.hooksPerMinute ?? limits.hooksPerMinute,
    apiLimit: options.apiLimit ?? limits.api,
    anonymousLimit: limits.anonymous,
    routeLimits: limits.routes,
  }
}

type Part<K extends keyof Simulator> = Pick<Simulator, K>

function people(
  world: World,
): Part<'createUser' | 'createToken' | 'setUserState' | 'expirePassword' | 'expireToken'> {
  return {
    createUser: (input) => createUser(world, input),
    createToken: (userId, input) => createToken(world, userId, input),
    setUserState(userId, state) {
      getUser(world, userId).state = state
    },
    expirePassword(userId) {
      getUser(world, userId).passwordExpired = true
    },
    expireToken(value) {
      const token = world.state.tokens.get(value)
      if (token === undefined) throw new Error('The simulator has no such token.')
      token.state = 'expired'
    },
  }
}

function oauthActions(world: World): Part<'createApplication' | 'authorize' | 'revokeGrants'> {
  return {
    createApplication: (input) => createApplication(world, input),
    authorize: ({ userId, url, decision = 'authorize' }) =>
      authorizeAs(world, getUser(world, userId), url, decision),
    revokeGrants: (userId, applicationId) => revokeGrants(world, userId, applicationId),
  }
}

function projectActions(
  world: World,
): Part<'createProject' | 'addMember' | 'removeMember' | 'moveProject' | 'updateProject' | 'deleteProject'> {
  return {
    async createProject(input) {
      const project = await createProject(world, input)
      return Object.assign(project, { httpUrl: `${projectUrl(world, project)}.git` })
    },
    addMember: (projectId, member) => addMember(world, projectId, member),
    removeMember: (projectId, userId) => removeMember(world, projectId, userId),
    moveProject: (projectId, path) => moveProject(world, projectId, path),
    updateProject(projectId, changes) {
      Object.assign(getProject(world, projectId), changes)
    },
    deleteProject: (projectId) => deleteProject(world, projectId),
  }
}

function mergeRequestActions(
  world: World,
): Part<'createMergeRequest' | 'editMergeRequest' | 'mergeMergeRequest' | 'listNotes'> {
  return {
    createMergeRequest: (input) => createMergeRequest(world, input),
    editMergeRequest(projectId, iid, userId, edit) {
      editMergeRequest(world, getMergeRequest(world, projectId, iid), getUser(world, userId), edit)
    },
    mergeMergeRequest: (projectId, iid, userId, options) =>
      acceptMergeRequest(world, getMergeRequest(world, projectId, iid), getUser(world, userId), options),
    listNotes(projectId, iid, options) {
      const notes = [...world.state.notes.values()].filter(
        (note) => note.projectId === projectId && note.mrIid === iid,
      )
      return options?.system === true ? notes : notes.filter((note) => !note.system)
    },
  }
}

function pipelineActions(
  world: World,
): Part<'createPipeline' | 'runPipeline' | 'setJobStatus' | 'retryJob' | 'idToken' | 'rotateKeys'> {
  return {
    createPipeline: (input) => createSyntheticPipeline(world, input),
    runPipeline: ({ projectId, userId, ref, source = 'schedule' }) =>
      world.on.refNeedsPipeline({
        project: getProject(world, projectId),
        user: getUser(world, userId),
        ref,
        source,
      }),
    setJobStatus(jobId, status, failureReason) {
      setJobStatus(world, getJob(world, jobId), status, failureReason)
    },
    retryJob: (jobId) => retryJob(world, getJob(world, jobId)),
    idToken: (request) => idToken(world, request),
    rotateKeys: (options) => world.keys.rotate(options?.keepOld),
  }
}
