import type { CompiledJob } from './ci/compile.js'

export type Visibility = 'private' | 'internal' | 'public'
export type JobStatus =
  'created' | 'pending' | 'running' | 'success' | 'failed' | 'canceled' | 'skipped' | 'manual' | 'scheduled'
export type MergeRequestState = 'opened' | 'closed' | 'merged' | 'locked'

export interface User {
  id: number
  username: string
  name: string
  email: string
  admin: boolean
  external: boolean
  bot: boolean
  state: 'active' | 'blocked' | 'deactivated' | 'blocked_pending_approval'
  /** Until a sign-in in the browser, which sets a new one, the API refuses this person. */
  passwordExpired: boolean
  createdAt: Date
}

export interface AccessToken {
  id: number
  value: string
  kind: 'personal' | 'project' | 'oauth'
  name: string
  userId: number
  scopes: string[]
  /** `expired` holds whatever the clock says; without it, `expiresAt` decides. */
  state: 'active' | 'expired' | 'revoked'
  createdAt: Date
  expiresAt: Date | null
  lastUsedAt: Date | null
  /** The project of a project access token. */
  projectId: number | null
  /** The application that an OAuth token was issued to. */
  applicationId: number | null
}

/** An OAuth application of the instance. */
export interface Application {
  id: number
  name: string
  clientId: string
  clientSecret: string
  redirectUris: string[]
  scopes: string[]
  confidential: boolean
  /** Skips the page that asks for consent. */
  trusted: boolean
  createdAt: Date
}

export interface AuthorizationCode {
  value: string
  applicationId: number
  userId: number
  redirectUri: string
  scopes: string[]
  challenge: { value: string; method: 'S256' | 'plain' } | null
  nonce: string | null
  used: boolean
  createdAt: Date
}

export interface RefreshToken {
  value: string
  /** The access token that came with it, and dies with it. */
  accessToken: string
  applicationId: number
  userId: number
  redirectUri: string
  scopes: string[]
  state: 'active' | 'revoked'
  /** When it was exchanged: to count refreshes, count these. */
  usedAt: Date | null
  createdAt: Date
}

export interface Membership {
  userId: number
  accessLevel: number
  /** `invited` is a member of a group that was invited to the project. */
  kind: 'direct' | 'inherited' | 'invited'
  expiresAt: string | null
  createdAt: Date
}

/** A group that was invited to a project or to another group. */
export interface Invitation {
  groupId: number
  /** The most that its members get. */
  accessLevel: number
  expiresAt: string | null
}

export interface Namespace {
  id: number
  fullPath: string
  kind: 'group' | 'user'
  name: string
  description: string
  visibility: Visibility
  /** Members of the group itself, all of kind `direct`. */
  members: Membership[]
  invitations: Invitation[]
  createdAt: Date
}

/** What an administrator has set. */
export interface InstanceSettings {
  allowLocalRequests: boolean
  /** `host`, `host:port` or an IP range that hooks may reach all the same. */
  outboundAllowlist: string[]
}

export interface Project {
  id: number
  path: string
  namespaceId: number
  description: string | null
  visibility: Visibility
  archived: boolean
  defaultBranch: string
  publicJobs: boolean
  buildsAccess: 'enabled' | 'private' | 'disabled'
  ciConfigPath: string | null
  mergeMethod: 'merge' | 'rebase_merge' | 'ff'
  mergedResults: boolean
  onlyAllowMergeIfPipelineSucceeds: boolean
  /** Whether members may run the pipelines of merge requests from forks here, with the rights of this project. */
  forkPipelinesInParent: boolean
  protectedBranches: string[]
  forkedFromId: number | null
  /** Memberships of the project itself; those of its groups are found through them. */
  members: Membership[]
  invitations: Invitation[]
  gitDir: string
  nextMrIid: number
  nextPipelineIid: number
  createdAt: Date
  lastActivityAt: Date
}

export interface DiffRefs {
  base_sha: string
  head_sha: string
  start_sha: string
}

export interface MergeRequest {
  id: number
  iid: number
  projectId: number
  sourceProjectId: number | null
  sourceBranch: string
  targetBranch: string
  title: string
  description: string
  state: MergeRequestState
  authorId: number
  assigneeIds: number[]
  reviewerIds: number[]
  labels: string[]
  sha: string
  /** `null` until the diff is ready, as in GitLab right after creation and after a push. */
  diffRefs: DiffRefs | null
  changesCount: string | null
  preparedAt: Date | null
  hasConflicts: boolean
  squash: boolean
  mergeCommitSha: string | null
  squashCommitSha: string | null
  mergedAt: Date | null
  mergedById: number | null
  closedAt: Date | null
  closedById: number | null
  discussionLocked: boolean
  createdAt: Date
  updatedAt: Date
}

export interface Note {
  id: number
  projectId: number
  mrId: number
  mrIid: number
  authorId: number
  body: string
  system: boolean
  internal: boolean
  createdAt: Date
  updatedAt: Date
}

export interface Pipeline {
  id: number
  iid: number
  projectId: number
  sha: string
  beforeSha: string
  /** As stored by GitLab: a branch or tag name, or `refs/merge-requests/N/head` or `…/merge`. */
  ref: string
  tag: boolean
  source: string
  status: JobStatus
  userId: number
  mrId: number | null
  /** Only in merged-results pipelines: the heads that `sha` was merged from. */
  sourceSha: string | null
  targetSha: string | null
  yamlErrors: string | null
  /** The bridge that started this pipeline, of a child pipeline in the same project. */
  bridgeId: number | null
  createdAt: Date
  updatedAt: Date
  startedAt: Date | null
  finishedAt: Date | null
}

export interface Bridge {
  /** With a strategy the job follows the state of the pipeline that it starts. */
  strategy: 'depend' | 'mirror' | null
  /** The pipeline that it has started. */
  downstreamId: number | null
}

/** A CI job, with `bridge` one that starts a pipeline, or with `external` a commit status that somebody posted. */
export interface Job {
  id: number
  pipelineId: number
  projectId: number
  name: string
  stage: string
  stageIndex: number
  status: JobStatus
  allowFailure: boolean
  when: CompiledJob['when']
  userId: number
  token: string
  retried: boolean
  external: boolean
  bridge: Bridge | null
  ref: string
  targetUrl: string | null
  description: string | null
  coverage: number | null
  failureReason: string | null
  trace: string
  artifactsDir: string | null
  compiled: CompiledJob | null
  createdAt: Date
  queuedAt: Date | null
  startedAt: Date | null
  finishedAt: Date | null
}

export const hookEventNames = [
  'push_events',
  'tag_push_events',
  'merge_requests_events',
  'note_events',
  'confidential_note_events',
  'job_events',
  'pipeline_events',
  'issues_events',
  'confidential_issues_events',
  'wiki_page_events',
  'deployment_events',
  'releases_events',
  'feature_flag_events',
  'resource_access_token_events',
] as const
export type HookEventName = (typeof hookEventNames)[number]

export interface Hook {
  id: number
  projectId: number
  url: string
  name: string | null
  description: string | null
  events: Record<HookEventName, boolean>
  branchFilter: string
  enableSslVerification: boolean
  token: string | null
  signingToken: string | null
  customHeaders: { key: string; value: string }[]
  failures: number
  alertStatus: 'executable' | 'temporarily_disabled' | 'disabled'
  disabledUntil: Date | null
  createdAt: Date
}

export interface State {
  users: Map<number, User>
  tokens: Map<string, AccessToken>
  applications: Map<number, Application>
  authorizationCodes: Map<string, AuthorizationCode>
  refreshTokens: Map<string, RefreshToken>
  /** Who is signed in with which cookie. */
  sessions: Map<string, number>
  instance: InstanceSettings
  namespaces: Map<string, Namespace>
  projects: Map<number, Project>
  /** Paths that projects have left, each with the project that was there last. */
  movedPaths: Map<string, number>
  mergeRequests: Map<number, MergeRequest>
  notes: Map<number, Note>
  pipelines: Map<number, Pipeline>
  jobs: Map<number, Job>
  hooks: Map<number, Hook>
  nextId(kind: IdKind): number
}

/** Numbers start apart, so that a test notices when one kind of id is taken for another. */
const firstIds = {
  user: 1,
  namespace: 70,
  project: 20,
  mergeRequest: 155_000,
  note: 301_000,
  pipeline: 800,
  job: 7_000,
  hook: 40,
  award: 90,
  token: 500,
  application: 10,
  invitation: 600,
}
type IdKind = keyof typeof firstIds

export function createState(): State {
  const next = { ...firstIds }
  return {
    users: new Map(),
    tokens: new Map(),
    applications: new Map(),
    authorizationCodes: new Map(),
    refreshTokens: new Map(),
    sessions: new Map(),
    instance: { allowLocalRequests: false, outboundAllowlist: [] },
    namespaces: new Map(),
    projects: new Map(),
    movedPaths: new Map(),
    mergeRequests: new Map(),
    notes: new Map(),
    pipelines: new Map(),
    jobs: new Map(),
    hooks: new Map(),
    nextId: (kind) => next[kind]++,
  }
}
