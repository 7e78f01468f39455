import {
  Commits,
  Jobs,
  MergeRequestNotes,
  MergeRequests,
  Pipelines,
  ProjectHooks,
  ProjectMembers,
  Projects,
  Users,
} from '@gitbeaker/rest'
import { z } from 'zod'
import { find, get, getPage, list, perPage } from './answers.js'
import { ciCalls } from './ci-calls.js'
import { hookHealthCalls } from './hook-calls.js'
import type { CallContext, GitLab, HookSettings } from './port.js'
import {
  Commit,
  Hook,
  Job,
  Member,
  Membership,
  MergeRequest,
  Note,
  Person,
  Pipeline,
  Project,
  ProjectId,
  SimpleProject,
  User,
} from './schema.js'
import { projectTokenCalls } from './token-calls.js'
import { createTransport } from './transport.js'

export interface GitLabOptions {
  /** The instance, with its path if it has one, without `/api/v4`. */
  apiUrl: string
  /** A personal, project, group or OAuth access token: GitLab takes all of them as a bearer token. */
  token: string | (() => Promise<string>)
  timeoutMs?: number
  /** Largest answer that is read; a page holds up to 100 notes. */
  maxBodyBytes?: number
  now?: () => number
}

/**
 * GitLab's REST API with one token. Make one client per token: what GitLab says about the token's rate limit is kept
 * in the client, shared with those made by `withContext`.
 */
export function createGitLab(options: GitLabOptions): GitLab {
  const apiUrl = options.apiUrl.replace(/\/+$/, '')
  const maxBodyBytes = options.maxBodyBytes ?? 32 * 1024 * 1024
  const requesterFor = createTransport({
    apiUrl,
    token: options.token,
    timeoutMs: options.timeoutMs ?? 10_000,
    maxBodyBytes,
    now: options.now ?? Date.now,
  })

  function withContext(context: CallContext): GitLab {
    // gitbeaker's own rate limiters and its timeout over all pages are replaced by the transport's.
    const resource = {
      host: apiUrl,
      requesterFn: requesterFor(context),
      rateLimits: {},
      queryTimeout: null,
    }
    return {
      withContext,
      ...readCalls(resource),
      ...ciCalls(resource, maxBodyBytes),
      ...noteCalls(resource),
      ...hookCalls(resource),
      ...hookHealthCalls(resource),
      ...projectTokenCalls(resource),
    }
  }

  return withContext({ eventUuid: null })
}

type Resource = NonNullable<ConstructorParameters<typeof Users>[0]>
type Reads = Omit<
  GitLab,
  | keyof ReturnType<typeof ciCalls>
  | keyof ReturnType<typeof noteCalls>
  | keyof ReturnType<typeof hookCalls>
  | keyof ReturnType<typeof hookHealthCalls>
  | keyof ReturnType<typeof projectTokenCalls>
  | 'withContext'
>

function readCalls(resource: Resource): Reads {
  const users = new Users(resource)
  const projects = new Projects(resource)
  const members = new ProjectMembers(resource)
  const pipelines = new Pipelines(resource)
  const jobs = new Jobs(resource)
  const mergeRequests = new MergeRequests(resource)
  const commits = new Commits(resource)
  return {
    getCurrentUser: () => get(users.showCurrentUser(), User),
    getCurrentPerson: () => get(users.showCurrentUser(), Person),
    getSpeaker: () => get(users.showCurrentUser(), User),
    findUser: (userId) => find(users.show(userId), Person),
    findUserByName: async (username) => {
      const found = await get(users.all({ username, perPage: 1 }), z.array(User))
      return found[0] ?? null
    },
    findProject: (projectId) => find(projects.show(projectId), Project),
    findAccessLevel: (projectId, userId) =>
      find(members.show(projectId, userId, { includeInherited: true }), Member),
    findMembership: (projectId, userId) =>
      find(members.show(projectId, userId, { includeInherited: true }), Membership),
    listMemberProjects: async (filter, page) => {
      const order = { orderBy: 'id', sort: 'asc', simple: true, perPage, page } as const
      const listed = await getPage(projects.all({ membership: true, ...filter, ...order }), ProjectId)
      return { gitlabProjectIds: listed.items, hasNextPage: listed.hasNextPage }
    },
    listMaintainedProjects: async ({ search, page }) => {
      const order = { orderBy: 'last_activity_at', sort: 'desc', simple: true, perPage: 20, page } as const
      const filter = {
        minAccessLevel: 40,
        archived: false,
        ...(search !== '' && { search, searchNamespaces: true }),
      } as const
      const listed = await getPage(projects.all({ ...filter, ...order }), SimpleProject)
      return { projects: listed.items, hasNextPage: listed.hasNextPage }
    },
    findPipeline: (projectId, pipelineId) => find(pipelines.show(projectId, pipelineId), Pipeline),
    listPipelines: (projectId, { sha }) =>
      get(pipelines.all(projectId, { sha, perPage, page: 1 }), z.array(Pipeline)),
    listPipelineJobs: (projectId, pipelineId) =>
      list((page) => jobs.all(projectId, { pipelineId, perPage, page }), Job),
    findMergeRequest: (projectId, mrIid) =>
      find(mergeRequests.show(projectId, mrIid, { includeDivergedCommitsCount: true }), MergeRequest),
    listOpenMergeRequests: (projectId, sourceBranch) =>
      list(
        (page) => mergeRequests.all({ projectId, sourceBranch, state: 'opened', perPage, page }),
        MergeRequest,
      ),
    listCommits: (projectId, ref, limit) =>
      get(
        commits.all(projectId, { refName: ref, perPage: Math.min(limit, perPage), page: 1 }),
        z.array(Commit),
      ),
  }
}

function noteCalls(resource: Resource): Pick<GitLab, 'listNotes' | 'createNote' | 'editNote' | 'deleteNote'> {
  const notes = new MergeRequestNotes(resource)
  return {
    listNotes: (projectId, mrIid) =>
      list(
        (page) => notes.all(projectId, mrIid, { orderBy: 'created_at', sort: 'asc', perPage, page }),
        Note,
      ),
    createNote: (projectId, mrIid, body) => get(notes.create(projectId, mrIid, body), Note),
    editNote: (projectId, mrIid, noteId, body) => find(notes.edit(projectId, mrIid, noteId, { body }), Note),
    deleteNote: async (projectId, mrIid, noteId) => {
      await find(notes.remove(projectId, mrIid, noteId), z.unknown())
    },
  }
}

function hookCalls(resource: Resource): Pick<GitLab, 'listHooks' | 'addHook' | 'editHook' | 'deleteHook'> {
  const hooks = new ProjectHooks(resource)
  return {
    listHooks: (projectId) => list((page) => hooks.all(projectId, { perPage, page }), Hook),
    addHook: (projectId, settings) => get(hooks.add(projectId, settings.url, hookOptions(settings)), Hook),
    editHook: (projectId, hookId, settings) =>
      get(hooks.edit(projectId, hookId, settings.url, hookOptions(settings)), Hook),
    deleteHook: async (projectId, hookId) => {
      await find(hooks.remove(projectId, hookId), z.unknown())
    },
  }
}

/** Job and note events would eat the namespace's quota of deliveries. */
function hookOptions({ token, signingToken }: HookSettings) {
  return {
    token,
    ...(signingToken !== undefined && { signingToken }),
    pushEvents: true,
    mergeRequestsEvents: true,
    pipelineEvents: true,
    tagPushEvents: false,
    jobEvents: false,
    noteEvents: false,
    enableSslVerification: true,
  }
}
