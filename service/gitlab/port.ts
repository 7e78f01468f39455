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
  webUrl: string
}

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

export interface HookSettings {
  url: string
  token: string
}

/** Every method rejects with `GitLabError` (gitlab/errors.ts); `find…` answers null where GitLab answers 404. */
export interface GitLab {
  /** The same client, sharing its token and rate limit, whose calls carry the context. */
  withContext(context: CallContext): GitLab
  getCurrentUser(): Promise<GitLabUser>
  findUser(userId: number): Promise<GitLabPerson | null>
  findProject(gitlabProjectId: number): Promise<GitLabProject | null>
  /** Effective role (direct, inherited, invited) as GitLab's number, or null for a non-member. */
  findAccessLevel(gitlabProjectId: number, userId: number): Promise<number | null>
  findPipeline(gitlabProjectId: number, pipelineId: number): Promise<GitLabPipeline | null>
  /** The newest try of each job of the pipeline, all pages. */
  listPipelineJobs(gitlabProjectId: number, pipelineId: number): Promise<GitLabJob[]>
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
}

/** Context of the calls made on behalf of one webhook or job, passed on so that GitLab can break loops. */
export interface CallContext {
  eventUuid: string | null
}
