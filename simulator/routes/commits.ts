import { ApiError, notFound } from '../errors.js'
import { isAncestor, listCommits, mergeBase, resolveCommit, type Commit } from '../git/commits.js'
import { gitText } from '../git/git.js'
import { presentCommit } from '../present/commits.js'
import { presentMergeRequestBasic } from '../present/merge-requests.js'
import { presentPipelineBasic } from '../present/pipelines.js'
import { messageError } from '../errors.js'
import type { MergeRequest, Pipeline, Project } from '../state.js'
import type { World } from '../world.js'
import type { Api, Ask } from './api.js'
import { offsetPage } from './paging.js'
import { flag, listOf, projectOf } from './parameters.js'

const repository = '/projects/:id/repository'

export function addCommitRoutes(api: Api): void {
  const reading = { anonymous: true, jobToken: true }
  api.route('GET', `${repository}/commits`, list, reading)
  api.route('GET', `${repository}/commits/:sha`, show, reading)
  api.route('GET', `${repository}/commits/:sha/merge_requests`, mergeRequests, reading)
  api.route('GET', `${repository}/commits/:sha/refs`, refs, reading)
  api.route('GET', `${repository}/merge_base`, base, reading)
  api.route('GET', `${repository}/compare`, compare, reading)
}

export async function commitOf(ask: Ask, project: Project): Promise<Commit> {
  const commit = await ask.world.repositories.findCommit(project.gitDir, ask.params['sha'] ?? '')
  if (commit === null) throw notFound('Commit')
  return commit
}

const mostCommits = 10_000

async function list(ask: Ask): Promise<unknown> {
  const project = projectOf(ask)
  const revision = String(ask.query['ref_name'] ?? project.defaultBranch)
  const known = revision.split('..').map((name) => resolveCommit(project.gitDir, name))
  if ((await Promise.all(known)).includes(null)) throw notFound('Repository')
  const { path, since, until } = ask.query
  const commits = await listCommits(project.gitDir, {
    revision,
    limit: mostCommits,
    ...(typeof path === 'string' ? { path } : {}),
    ...(typeof since === 'string' ? { since } : {}),
    ...(typeof until === 'string' ? { until } : {}),
    firstParent: flag(ask.query['first_parent']),
  })
  return offsetPage(ask, commits).map((commit) => presentCommit(ask.world, project, commit))
}

async function show(ask: Ask): Promise<unknown> {
  const project = projectOf(ask)
  const commit = await commitOf(ask, project)
  const last = lastPipeline(ask.world, project, commit.id)
  return {
    ...presentCommit(ask.world, project, commit),
    stats: null,
    status: last?.status ?? null,
    project_id: project.id,
    last_pipeline: last === null ? null : presentPipelineBasic(ask.world, last),
  }
}

function lastPipeline(world: World, project: Project, sha: string): Pipeline | null {
  const found = [...world.state.pipelines.values()].filter(
    (pipeline) => pipeline.projectId === project.id && pipeline.sha === sha,
  )
  return found.at(-1) ?? null
}

/** The merge requests that introduced the commit. */
async function mergeRequests(ask: Ask): Promise<unknown> {
  const project = projectOf(ask)
  const commit = await commitOf(ask, project)
  const found: MergeRequest[] = []
  for (const mr of ask.world.state.mergeRequests.values()) {
    if (mr.projectId === project.id && (await introduces(project, mr, commit.id))) found.push(mr)
  }
  const state = ask.world.profile.commitMergeRequestState ? ask.query['state'] : undefined
  const wanted = found.filter((mr) => state === undefined || state === 'all' || mr.state === state)
  return offsetPage(ask, wanted).map((mr) => presentMergeRequestBasic(ask.world, mr))
}

async function introduces(project: Project, mr: MergeRequest, sha: string): Promise<boolean> {
  if (sha === mr.sha || sha === mr.mergeCommitSha || sha === mr.squashCommitSha) return true
  const base = mr.diffRefs?.base_sha
  if (base === undefined || !(await isAncestor(project.gitDir, sha, mr.sha))) return false
  return !(await isAncestor(project.gitDir, sha, base))
}

async function refs(ask: Ask): Promise<unknown> {
  const project = projectOf(ask)
  const commit = await commitOf(ask, project)
  const names = await gitText(project.gitDir, [
    'branch',
    '--contains',
    commit.id,
    '--format=%(refname:short)',
  ])
  const branches = names.split('\n').filter((name) => name !== '')
  return offsetPage(
    ask,
    branches.map((name) => ({ type: 'branch', name })),
  )
}

async function base(ask: Ask): Promise<unknown> {
  const project = projectOf(ask)
  const names = listOf(ask.query['refs'])
  if (names.length < 2) throw messageError(400, 'Provide at least 2 refs')
  const shas = await Promise.all(names.map((name) => resolveCommit(project.gitDir, name)))
  const missing = names.filter((_, index) => shas[index] === null)
  if (missing.length > 0) {
    const noun = missing.length === 1 ? 'ref' : 'refs'
    throw messageError(400, `Could not find ${noun}: ${missing.join(', ')}`)
  }
  const found = await mergeBase(
    project.gitDir,
    shas.filter((sha) => sha !== null),
  )
  const commit = found === null ? null : await ask.world.repositories.findCommit(project.gitDir, found)
  if (commit === null) throw notFound('Merge Base')
  return presentCommit(ask.world, project, commit)
}

async function compare(ask: Ask): Promise<unknown> {
  const project = projectOf(ask)
  const { from, to } = ask.query
  if (typeof from !== 'string' || typeof to !== 'string')
    throw new ApiError(400, { error: 'from is missing, to is missing' })
  const [fromSha, toSha] = await Promise.all([from, to].map((name) => resolveCommit(project.gitDir, name)))
  if (fromSha == null || toSha == null) throw notFound('Ref')
  const commits = await listCommits(project.gitDir, { revision: `${fromSha}..${toSha}`, limit: mostCommits })
  const presented = commits.toReversed().map((commit) => presentCommit(ask.world, project, commit))
  return {
    commit: presented.at(-1) ?? null,
    commits: presented,
    diffs: [],
    compare_timeout: false,
    compare_same_ref: fromSha === toSha,
    web_url: `${ask.world.url}/${project.path}/-/compare/${from}...${to}`,
  }
}
