import type { CallLog } from './calls.js'
import type { Effects } from './effects.js'
import type { Faults } from './faults.js'
import type { Repositories } from './git/repositories.js'
import type { HookSender } from './hooks/sender.js'
import type { Keys } from './keys.js'
import type { Limit, RouteLimit } from './limits.js'
import type { Profile } from './profiles.js'
import type { MergeRequest, Pipeline, Project, State, User } from './state.js'
import type { Tasks } from './tasks.js'

export interface PagingQuirks {
  /** Largest `per_page` that is honoured, 100 in GitLab. */
  perPageCap: number
  /** Leave out `x-total`, `x-total-pages` and `rel="last"`, as GitLab does above 10,000 rows. */
  dropTotals: boolean
  /** Offer a next link even when the next page is empty, as keyset paging can. */
  linkToEmptyPage: boolean
}

export interface Settings {
  relativePath: string
  issuerUrl: string | null
  /** How long `diff_refs` stays empty after a merge request is made or pushed to. */
  prepareDelayMs: number
  hookTimeoutMs: number
  /** Notes that one user may create in a minute. */
  notesPerMinute: number
  allowLocalHooks: boolean
  projectAccessTokens: boolean
  /** GitLab's flag: without it a signing token is ignored, where the version knows it. */
  webhookSigning: boolean
  /** Deliveries of one top-level group in a minute. */
  hooksPerMinute: number | null
  apiLimit: Limit | null
  anonymousLimit: Limit | null
  routeLimits: RouteLimit[]
}

export interface RefChange {
  ref: string
  before: string
  after: string
}

/** What the parts of the simulator share. */
export interface World {
  /** External URL with the relative path, without a trailing slash. */
  url: string
  folder: string
  settings: Settings
  profile: Profile
  paging: PagingQuirks
  state: State
  repositories: Repositories
  keys: Keys
  hooks: HookSender
  effects: Effects
  faults: Faults
  calls: CallLog
  tasks: Tasks
  now(): Date
  on: Triggers
}

/** Set at start; they break the circle between merge requests, pushes and pipelines. */
export interface Triggers {
  /** Refs have moved in a repository. */
  pushed(project: Project, user: User, changes: RefChange[]): void
  /** Merge requests know about the push; branch pipelines may start. */
  branchesChanged(project: Project, user: User, changes: RefChange[]): void
  /**
   * A merge request was opened, pushed to, or somebody asked for its pipeline; of a fork it runs in the fork,
   * unless `inParent`. Resolves when the pipeline exists, with `null` when there is none to run.
   */
  mergeRequestNeedsPipeline(
    mr: MergeRequest,
    user: User,
    options?: { inParent: boolean },
  ): Promise<Pipeline | null>
  /** Somebody, or a schedule, asked for the pipeline of a branch or tag; `null` when there is none to run. */
  refNeedsPipeline(request: {
    project: Project
    user: User
    ref: string
    source: string
  }): Promise<Pipeline | null>
  /** Jobs were retried, played or cancelled from outside. */
  jobsChanged(pipeline: Pipeline): void
}
