import { developer } from '../access.js'
import { messageError, unauthorized } from '../errors.js'
import { countCommits, listCommits, resolveCommit } from '../git/commits.js'
import { createMergeRequest, editMergeRequest } from '../merge-requests.js'
import { acceptMergeRequest } from '../merging.js'
import { presentCommit } from '../present/commits.js'
import { isDraft, presentMergeRequest, presentMergeRequestBasic } from '../present/merge-requests.js'
import { presentPipelineBasic } from '../present/pipelines.js'
import { listMergeRequestPipelines } from '../pipeline-queries.js'
import { getProject } from '../projects.js'
import type { MergeRequest, Project } from '../state.js'
import type { Api, Ask, SignedAsk } from './api.js'
import { accessLevel } from '../access.js'
import { offsetPage } from './paging.js'
import {
  flag,
  integer,
  listOf,
  mergeRequestOf,
  optionalInteger,
  optionalText,
  projectOf,
  requiredText,
  requireBuilds,
} from './parameters.js'

const mergeRequests = '/projects/:id/merge_requests'

export function addMergeRequestRoutes(api: Api): void {
  const reading = { anonymous: true, jobToken: true }
  api.route('GET', mergeRequests, list, reading)
  api.route('GET', `${mergeRequests}/:iid`, show, reading)
  api.signed('POST', mergeRequests, create)
  api.signed('PUT', `${mergeRequests}/:iid`, edit)
  api.signed('PUT', `${mergeRequests}/:iid/merge`, merge)
  api.route('GET', `${mergeRequests}/:iid/commits`, commits, reading)
  api.route('GET', `${mergeRequests}/:iid/pipelines`, pipelines, reading)
  api.signed('POST', `${mergeRequests}/:iid/pipelines`, runPipeline)
}

async function show(ask: Ask): Promise<unknown> {
  const project = projectOf(ask)
  const mr = mergeRequestOf(ask, project)
  const shown = presentMergeRequest(ask.world, mr, ask.caller.user)
  if (ask.query['include_diverged_commits_count'] !== 'true') return shown
  return { ...shown, diverged_commits_count: await countDiverged(project, mr) }
}

/** Commits of the target branch that the source branch lacks. */
async function countDiverged(project: Project, mr: MergeRequest): Promise<number> {
  const target = await resolveCommit(project.gitDir, `refs/heads/${mr.targetBranch}`)
  if (target === null || mr.sha === null) return 0
  return countCommits(project.gitDir, `${mr.sha}..${target}`)
}

function list(ask: Ask): unknown {
  const project = projectOf(ask)
  const rows = [...ask.world.state.mergeRequests.values()].filter(
    (mr) => mr.projectId === project.id && isListed(ask, mr),
  )
  const by = ask.query['order_by'] === 'updated_at' ? 'updatedAt' : 'createdAt'
  const sign = ask.query['sort'] === 'asc' ? 1 : -1
  rows.sort((a, b) => sign * (a[by].getTime() - b[by].getTime() || a.id - b.id))
  return offsetPage(ask, rows).map((mr) => presentMergeRequestBasic(ask.world, mr))
}

function isListed({ query }: Ask, mr: MergeRequest): boolean {
  const state = query['state'] ?? 'all'
  if (state !== 'all' && mr.state !== state) return false
  if (query['source_branch'] !== undefined && mr.sourceBranch !== query['source_branch']) return false
  if (query['target_branch'] !== undefined && mr.targetBranch !== query['target_branch']) return false
  const sourceId = query['source_project_id']
  if (sourceId !== undefined && mr.sourceProjectId !== Number(sourceId)) return false
  if (query['author_id'] !== undefined && mr.authorId !== Number(query['author_id'])) return false
  const iids = listOf(query['iids'])
  if (iids.length > 0 && !iids.includes(String(mr.iid))) return false
  const updatedAfter = query['updated_after']
  if (typeof updatedAfter === 'string' && mr.updatedAt < new Date(updatedAfter)) return false
  const createdAfter = query['created_after']
  if (typeof createdAfter === 'string' && mr.createdAt < new Date(createdAfter)) return false
  if (query['draft'] !== undefined && isDraft(mr.title) !== flag(query['draft'])) return false
  const search = query['search']
  return (
    typeof search !== 'string' || `${mr.title} ${mr.description}`.toLowerCase().includes(search.toLowerCase())
  )
}

async function create(ask: SignedAsk): Promise<unknown> {
  const source = projectOf(ask)
  const targetId = optionalInteger(ask.body['target_project_id'], 'target_project_id') ?? source.id
  const target = getProject(ask.world, targetId)
  const sourceBranch = requiredText(ask, 'source_branch')
  const targetBranch = requiredText(ask, 'target_branch')
  const title = requiredText(ask, 'title')
  if (accessLevel(ask.world, source, ask.user) < developer) throw messageError(403, '403 Forbidden')
  const open = [...ask.world.state.mergeRequests.values()].find(
    (mr) =>
      mr.state === 'opened' &&
      mr.projectId === target.id &&
      mr.sourceProjectId === source.id &&
      mr.sourceBranch === sourceBranch &&
      mr.targetBranch === targetBranch,
  )
  if (open !== undefined) {
    throw messageError(409, [
      `Another open merge request already exists for this source branch: !${open.iid}`,
    ])
  }
  if ((await resolveCommit(source.gitDir, `refs/heads/${sourceBranch}`)) === null) {
    throw messageError(400, { source_branch: ['does not exist'] })
  }
  if ((await resolveCommit(target.gitDir, `refs/heads/${targetBranch}`)) === null) {
    throw messageError(400, { target_branch: ['does not exist'] })
  }
  const mr = await createMergeRequest(ask.world, {
    projectId: target.id,
    sourceProjectId: source.id,
    sourceBranch,
    targetBranch,
    title,
    description: optionalText(ask.body['description']) ?? '',
    userId: ask.user.id,
    squash: flag(ask.body['squash']),
  })
  ask.reply.code(201)
  return presentMergeRequest(ask.world, mr, ask.user)
}

function edit(ask: SignedAsk): unknown {
  const project = projectOf(ask)
  const mr = mergeRequestOf(ask, project)
  const allowed = accessLevel(ask.world, project, ask.user) >= developer || mr.authorId === ask.user.id
  if (!allowed) throw messageError(403, '403 Forbidden')
  const { body } = ask
  const event = body['state_event']
  editMergeRequest(ask.world, mr, ask.user, {
    ...(body['title'] === undefined ? {} : { title: String(body['title']) }),
    ...(body['description'] === undefined ? {} : { description: String(body['description']) }),
    ...(body['target_branch'] === undefined ? {} : { targetBranch: String(body['target_branch']) }),
    ...(event === 'close' || event === 'reopen' ? { stateEvent: event } : {}),
    ...(body['labels'] === undefined ? {} : { labels: labelList(body['labels']) }),
    ...(body['squash'] === undefined ? {} : { squash: flag(body['squash']) }),
    ...(body['discussion_locked'] === undefined ? {} : { discussionLocked: flag(body['discussion_locked']) }),
    ...(body['assignee_id'] === undefined
      ? {}
      : { assigneeIds: [integer(body['assignee_id'], 'assignee_id')] }),
  })
  return presentMergeRequest(ask.world, mr, ask.user)
}

function labelList(value: unknown): string[] {
  const names = Array.isArray(value) ? value.map(String) : String(value).split(',')
  return names.filter((name) => name !== '')
}

async function merge(ask: SignedAsk): Promise<unknown> {
  const project = projectOf(ask)
  const mr = mergeRequestOf(ask, project)
  if (accessLevel(ask.world, project, ask.user) < developer) throw unauthorized()
  await acceptMergeRequest(ask.world, mr, ask.user, {
    ...(ask.body['squash'] === undefined ? {} : { squash: flag(ask.body['squash']) }),
    ...(typeof ask.body['sha'] === 'string' ? { sha: ask.body['sha'] } : {}),
    ...(typeof ask.body['merge_commit_message'] === 'string'
      ? { message: ask.body['merge_commit_message'] }
      : {}),
  })
  return presentMergeRequest(ask.world, mr, ask.user)
}

async function commits(ask: Ask): Promise<unknown> {
  const project = projectOf(ask)
  const mr = mergeRequestOf(ask, project)
  const base = mr.diffRefs?.base_sha
  if (base === undefined) return offsetPage(ask, [])
  const found = await listCommits(project.gitDir, { revision: `${base}..${mr.sha}`, limit: 1000 })
  return offsetPage(ask, found).map((commit) => presentCommit(ask.world, project, commit))
}

/** Members of the parent run it there, with the parent's rights; others in their fork. */
async function runPipeline(ask: SignedAsk): Promise<unknown> {
  const project = projectOf(ask)
  const isMember = accessLevel(ask.world, project, ask.user) >= developer
  const inParent = isMember && project.forkPipelinesInParent
  const mr = mergeRequestOf(ask, project)
  const pipeline = await ask.world.on.mergeRequestNeedsPipeline(mr, ask.user, { inParent })
  if (pipeline === null) throw messageError(400, { base: ['No stages / jobs for this pipeline.'] })
  ask.reply.code(201)
  return presentPipelineBasic(ask.world, pipeline)
}

function pipelines(ask: Ask): unknown {
  const project = projectOf(ask)
  requireBuilds(ask, project)
  const found = listMergeRequestPipelines(ask.world, mergeRequestOf(ask, project))
  return offsetPage(ask, found).map((pipeline) => presentPipelineBasic(ask.world, pipeline))
}
