import { countCommits, listChanges, listCommits, type Commit } from '../git/commits.js'
import { getUser } from '../people.js'
import { presentHookCommit } from '../present/commits.js'
import { getProject } from '../projects.js'
import type { Hook, HookEventName, MergeRequest, Pipeline, Project, User } from '../state.js'
import type { RefChange, World } from '../world.js'
import {
  mergeRequestAttributes,
  mergeRequestFrame,
  pipelinePayload,
  pushPayload,
  type MergeRequestAction,
  type PushedCommits,
} from './payloads.js'
import type { Delivery } from './deliveries.js'
import type { HookEvent } from './sender.js'

/** A push of more branches than this fires no push event. */
const pushEventLimit = 3
const maxPushedCommits = 20

export function sendPipelineHook(world: World, pipeline: Pipeline): void {
  if (getUser(world, pipeline.userId).state === 'blocked') return
  world.hooks.dispatch(pipelineEvent(world, pipeline))
}

function pipelineEvent(world: World, pipeline: Pipeline): HookEvent {
  const project = getProject(world, pipeline.projectId)
  const payload = pipelinePayload(world, pipeline)
  const { sha } = pipeline
  return {
    projectId: project.id,
    event: 'pipeline_events',
    header: 'Pipeline Hook',
    async payload() {
      const commit = await world.repositories.findCommit(project.gitDir, sha)
      return { ...payload, commit: commit === null ? null : presentHookCommit(world, project, commit) }
    },
  }
}

export function sendMergeRequestHook(
  world: World,
  mr: MergeRequest,
  user: User,
  what: MergeRequestAction,
): void {
  world.hooks.dispatch(mergeRequestEvent(world, mr, user, what))
}

function mergeRequestEvent(world: World, mr: MergeRequest, user: User, what: MergeRequestAction): HookEvent {
  const frame = mergeRequestFrame(world, mr, user, what)
  const attributes = mergeRequestAttributes(world, mr, what)
  const project = getProject(world, mr.projectId)
  const { sha } = mr
  return {
    projectId: mr.projectId,
    event: 'merge_requests_events',
    header: 'Merge Request Hook',
    async payload() {
      const commit = await world.repositories.findCommit(project.gitDir, sha)
      const lastCommit = commit === null ? null : presentHookCommit(world, project, commit)
      return { ...frame, object_attributes: { ...attributes, last_commit: lastCommit } }
    },
  }
}

export function sendPushHooks(world: World, project: Project, user: User, changes: RefChange[]): void {
  const branches = changes.filter((change) => change.ref.startsWith('refs/heads/'))
  const tags = changes.filter((change) => change.ref.startsWith('refs/tags/'))
  for (const group of [branches, tags]) {
    if (group.length > pushEventLimit) continue
    for (const change of group) world.hooks.dispatch(pushEvent(world, project, user, change))
  }
}

function pushEvent(world: World, project: Project, user: User, change: RefChange): HookEvent {
  const tag = change.ref.startsWith('refs/tags/')
  return {
    projectId: project.id,
    event: tag ? 'tag_push_events' : 'push_events',
    header: tag ? 'Tag Push Hook' : 'Push Hook',
    branch: change.ref.replace(/^refs\/(heads|tags)\//, ''),
    async payload() {
      return pushPayload(world, project, user, change, await pushedCommits(world, project, change))
    },
  }
}

async function pushedCommits(world: World, project: Project, change: RefChange): Promise<PushedCommits> {
  if (/^0+$/.test(change.after)) return { commits: [], total: 0 }
  const revision = /^0+$/.test(change.before) ? change.after : `${change.before}..${change.after}`
  const [commits, total] = await Promise.all([
    listCommits(project.gitDir, { revision, limit: maxPushedCommits }),
    countCommits(project.gitDir, revision),
  ])
  const presented = commits.toReversed().map((commit) => presentPushed(world, project, commit))
  return { commits: await Promise.all(presented), total }
}

async function presentPushed(
  world: World,
  project: Project,
  commit: Commit,
): Promise<Record<string, unknown>> {
  const changes = await listChanges(project.gitDir, commit.parentIds[0] ?? '', commit.id)
  const paths = (status: string): string[] =>
    changes.filter((change) => change.status === status).map((change) => change.path)
  return {
    ...presentHookCommit(world, project, commit),
    added: paths('A'),
    modified: paths('M'),
    removed: paths('D'),
  }
}

/** What the test endpoint sends: the latest of its kind, `null` when the project has none. */
export async function sendTestHook(world: World, hook: Hook, event: HookEventName): Promise<Delivery | null> {
  const sample = sampleEvent(world, hook, event)
  return sample === null ? null : world.hooks.sendNow(hook, sample)
}

function sampleEvent(world: World, hook: Hook, event: HookEventName): HookEvent | null {
  const project = getProject(world, hook.projectId)
  if (event === 'pipeline_events') {
    const pipeline = newest(world.state.pipelines.values(), project.id)
    return pipeline === null ? null : pipelineEvent(world, pipeline)
  }
  if (event === 'merge_requests_events') {
    const mr = newest(world.state.mergeRequests.values(), project.id)
    return mr === null ? null : mergeRequestEvent(world, mr, getUser(world, mr.authorId), { action: null })
  }
  if (event !== 'push_events') return null
  const [user] = world.state.users.values()
  return user === undefined ? null : branchSample(world, project, user)
}

function branchSample(world: World, project: Project, user: User): HookEvent {
  const ref = `refs/heads/${project.defaultBranch}`
  return {
    projectId: project.id,
    event: 'push_events',
    header: 'Push Hook',
    async payload() {
      const head = await world.repositories.findCommit(project.gitDir, ref)
      const sha = head?.id ?? '0'.repeat(40)
      const change = { ref, before: head?.parentIds[0] ?? '0'.repeat(40), after: sha }
      return pushPayload(world, project, user, change, await pushedCommits(world, project, change))
    },
  }
}

function newest<T extends { id: number; projectId: number }>(
  entries: Iterable<T>,
  projectId: number,
): T | null {
  const own = [...entries].filter((entry) => entry.projectId === projectId)
  return own.sort((a, b) => b.id - a.id)[0] ?? null
}
