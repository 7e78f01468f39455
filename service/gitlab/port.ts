/** What mlmm needs of GitLab. Projects are always addressed by GitLab's number, never by path. */

export interface GitLabProject {
  id: number
  path: string
  webUrl: string
  defaultBranch: string | null
  visibility: 'private' | 'internal' | 'public'
  archived: boolean
  /** Whether those who may read the project may read its pipelines too (`public_jobs`, builds access enabled). */
  pipelinesOpen: boolean
  forkedFromProjectId: number | null
}

export interface GitLabUser {
  id: number
  username: string
}

export interface GitLabPerson extends GitLabUser {
  name: string
  /** `active`; else `blocked`, `deactivated` and others. */
  state: string
  /** Sees only what it is a member of; null where GitLab does not tell: it tells administrators. */
  external: boolean | null
  /** Null where GitLab does not tell: it tells administrators. */
  admin: boolean | null
}

export interface GitLabMembership {
  accessLevel: number
  /** When it ends by itself. */
  expiresAt: Date | null
}

/** Projects that the token's user is a member of, by GitLab's number. */
export interface GitLabMemberFilter {
  minAccessLevel: 10 | 20 | 30 | 40
  /** Only numbers above and below these. */
  idAfter: number
  idBefore: number
}

export interface GitLabPipeline {
  id: number
  projectId: number
  sha: string
  ref: string
  tag: boolean
  status: string
  source: string
  webUrl: string
}

export interface GitLabJob {
  id: number
  name: string
  stage: string
  status: string
  allowFailure: boolean
  failureReason: string | null
  durationSeconds: number | null
  /** The whole pipeline at the time of the answer; null where GitLab does not say all of it. */
  pipeline: GitLabPipeline | null
  webUrl: string
}

/** A job that starts another pipeline. */
export interface GitLabBridge {
  name: string
  status: string
  /** Null until the pipeline exists, and where the token may not see its project. */
  downstream: GitLabDownstream | null
}

export interface GitLabDownstream {
  projectId: number
  pipelineId: number
  status: string
  sha: string
  ref: string
  webUrl: string
}

export interface GitLabFile {
  /** Null where the file is larger than 1 MB; what is no UTF-8 becomes U+FFFD. */
  text: string | null
  /** The commit that the ref was at. */
  commitId: string
  /** Where even the answer was too large to read, a lower bound. */
  sizeBytes: number
}

/** The CI configuration of a commit, with its includes, as GitLab understands it. */
export interface GitLabCiConfig {
  valid: boolean
  /** Includes, `extends` and `!reference` resolved; `default` and `parallel` as written. */
  mergedYaml: string | null
  /** One for each instance of a matrix. Null where GitLab lists none. */
  jobs: GitLabCiJob[] | null
}

export interface GitLabCiJob {
  name: string
  stage: string
  when: string | null
}

export interface GitLabCommitStatus {
  pipelineId: number
  state: 'success' | 'failed'
  name: string
  /** At most 255 characters. */
  description: string
  /** At most 255 characters. */
  targetUrl: string
}

/** `already_there` is a success. `not_possible`: the token may not, or the pipeline is gone, archived or full. */
export type GitLabCommitStatusOutcome = 'set' | 'already_there' | 'not_possible'

export interface GitLabMergeRequest {
  iid: number
  projectId: number
  state: string
  title: string
  sourceBranch: string
  targetBranch: string
  sourceProjectId: number | null
  /** Head of the source branch in the newest diff; null while GitLab prepares it. */
  sha: string | null
  /** Merge base with the target branch; null while GitLab prepares the diff. */
  baseSha: string | null
  mergeCommitSha: string | null
  squashCommitSha: string | null
  /** How many commits of the target branch the source branch lacks; null where GitLab does not say. */
  commitsBehind: number | null
  webUrl: string
}

export interface GitLabNote {
  id: number
  body: string
  authorId: number
  system: boolean
  createdAt: string
}

export interface GitLabHook {
  id: number
  url: string
}

export interface GitLabCommit {
  id: string
  parentIds: string[]
}

export interface GitLabHookState {
  id: number
  /** `executable`, `temporarily_disabled`, `disabled`. */
  alertStatus: string
  disabledUntil: Date | null
}

export interface GitLabHookDelivery {
  id: number
  trigger: string
  /** The same however often it is sent; null where GitLab does not tell. */
  name: string | null
  isDelivered: boolean
}

export interface GitLabMergeRequestChange {
  iid: number
  state: string
  sha: string | null
  targetBranch: string
  updatedAt: Date
}

export interface HookSettings {
  url: string
  token: string
  /** `whsec_…`: GitLab before 19.0 takes no notice of it. */
  signingToken?: string
}

export interface ProjectTokenSettings {
  name: string
  /** It ends as this day in UTC begins. */
  expiresAt: Date
}

/** A project access token with its bot. */
export interface GitLabProjectToken {
  id: number
  token: string
  userId: number
  expiresAt: Date
}

export interface GitLabProjectTokenState {
  id: number
  userId: number
  isActive: boolean
}

/** Every method rejects with `GitLabError` (gitlab/errors.ts); `find…` answers null where GitLab answers 404. */
export interface GitLab {
  /** The same client, sharing its token and rate limit, whose calls carry the context. */
  withContext(context: CallContext): GitLab
  getCurrentUser(): Promise<GitLabUser>
  /** The token's own user, with what GitLab tells nobody else. */
  getCurrentPerson(): Promise<GitLabPerson>
  /** The user as whom calls about the project are made. */
  getSpeaker(gitlabProjectId: number): Promise<GitLabUser>
  findUser(userId: number): Promise<GitLabPerson | null>
  findUserByName(username: string): Promise<GitLabUser | null>
  findProject(gitlabProjectId: number): Promise<GitLabProject | null>
  /** Effective role (direct, inherited, invited) as GitLab's number, or null for a non-member. */
  findAccessLevel(gitlabProjectId: number, userId: number): Promise<number | null>
  /** The same, with its end. GitLab before 17.4 may leave out who is a member by an invited private group. */
  findMembership(gitlabProjectId: number, userId: number): Promise<GitLabMembership | null>
  /** One page of 100 of the projects in which the token's user has that role or a higher one. */
  listMemberProjects(
    filter: GitLabMemberFilter,
    page: number,
  ): Promise<{ gitlabProjectIds: number[]; hasNextPage: boolean }>
  /** One page of 20 of the projects in which the token's user is Maintainer or more, without archived ones, the last
   * active first. `search` looks in paths, names and descriptions. */
  listMaintainedProjects(filter: {
    search: string
    page: number
  }): Promise<{ projects: { id: number; path: string }[]; hasNextPage: boolean }>
  findPipeline(gitlabProjectId: number, pipelineId: number): Promise<GitLabPipeline | null>
  /** The newest pipelines of a commit, at most 100. GitLab leaves child pipelines out. */
  listPipelines(gitlabProjectId: number, filter: { sha: string }): Promise<GitLabPipeline[]>
  /** The newest try of each job of the pipeline, all pages. */
  listPipelineJobs(gitlabProjectId: number, pipelineId: number): Promise<GitLabJob[]>
  /** The jobs of the pipeline that start other pipelines, all pages. */
  listBridges(gitlabProjectId: number, pipelineId: number): Promise<GitLabBridge[]>
  /** A file of the repository at a branch, tag or commit. */
  findFile(gitlabProjectId: number, path: string, ref: string): Promise<GitLabFile | null>
  /**
   * What GitLab reads in the CI configuration of a commit: statically, all jobs whatever their `rules`; with
   * `options.ref` those that a push to that branch would make. Null where the token may not read it (403, 404).
   * GitLab before 16.5 answers for the default branch instead of the commit.
   */
  lintCi(gitlabProjectId: number, sha: string, options?: { ref?: string }): Promise<GitLabCiConfig | null>
  /**
   * Sets a finished status on a pipeline's own commit. Rejects with `unavailable` where GitLab is at work on another
   * status of this commit (409).
   */
  setCommitStatus(
    gitlabProjectId: number,
    sha: string,
    status: GitLabCommitStatus,
  ): Promise<GitLabCommitStatusOutcome>
  /** `16.0.8`, `18.4.2-ee`; null where GitLab does not tell (403, 404). */
  getVersion(): Promise<string | null>
  findMergeRequest(gitlabProjectId: number, mrIid: number): Promise<GitLabMergeRequest | null>
  listOpenMergeRequests(gitlabProjectId: number, sourceBranch: string): Promise<GitLabMergeRequest[]>
  /** Commits reachable from `ref`, newest first, at most `limit` (≤ 100: one page). */
  listCommits(gitlabProjectId: number, ref: string, limit: number): Promise<GitLabCommit[]>
  /** All notes of the merge request, oldest first, all pages. */
  listNotes(gitlabProjectId: number, mrIid: number): Promise<GitLabNote[]>
  createNote(gitlabProjectId: number, mrIid: number, body: string): Promise<GitLabNote>
  /** Null where the note is gone (404). */
  editNote(gitlabProjectId: number, mrIid: number, noteId: number, body: string): Promise<GitLabNote | null>
  /** Resolves also where the note is gone already (404). */
  deleteNote(gitlabProjectId: number, mrIid: number, noteId: number): Promise<void>
  listHooks(gitlabProjectId: number): Promise<GitLabHook[]>
  addHook(gitlabProjectId: number, settings: HookSettings): Promise<GitLabHook>
  editHook(gitlabProjectId: number, hookId: number, settings: HookSettings): Promise<GitLabHook>
  /** Resolves also where the hook is gone already (404). */
  deleteHook(gitlabProjectId: number, hookId: number): Promise<void>
  /** Makes a bot that is a Developer of the project, with a token of scope `api`. */
  createProjectToken(gitlabProjectId: number, settings: ProjectTokenSettings): Promise<GitLabProjectToken>
  listProjectTokens(gitlabProjectId: number): Promise<GitLabProjectTokenState[]>
  /** A new token for the same bot; the one before ends at once. GitLab before 16.6 gives it a week whatever is asked for,
   * and knows `self` since 17.9. Rotating one that has ended ends all that came of it. */
  rotateProjectToken(
    gitlabProjectId: number,
    tokenId: number | 'self',
    expiresAt: Date,
  ): Promise<GitLabProjectToken>
  /** Revokes it and removes its bot; resolves also where it is gone already (404). */
  revokeProjectToken(gitlabProjectId: number, tokenId: number): Promise<void>
  findHook(gitlabProjectId: number, hookId: number): Promise<GitLabHookState | null>
  /** Has a push event sent, which enables a disabled hook where it is answered well; false where not, and before 16.11. */
  testHook(gitlabProjectId: number, hookId: number): Promise<boolean>
  /** The newest 100 of the last 7 days, the newest first; null before 17.3. */
  listHookDeliveries(gitlabProjectId: number, hookId: number): Promise<GitLabHookDelivery[] | null>
  /** False where GitLab refuses or gets no answer, and before 17.4. At most 5 in a minute. */
  resendHookDelivery(gitlabProjectId: number, hookId: number, deliveryId: number): Promise<boolean>
  /** Merge requests that were updated then or later, the first 100, the longest ago first. */
  listChangedMergeRequests(gitlabProjectId: number, since: Date): Promise<GitLabMergeRequestChange[]>
}

/** Context of the calls made on behalf of one webhook or job, passed on so that GitLab can break loops. */
export interface CallContext {
  eventUuid: string | null
  /** Nobody waits for the calls (polling): they are refused as `rate_limited` once a quarter of the limit is left. */
  isBackground?: boolean
}
