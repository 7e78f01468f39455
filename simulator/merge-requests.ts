import { setTimeout as sleep } from 'node:timers/promises'

import { unknownId } from './errors.js'
import { isAncestor, listChanges, mergeBase, resolveCommit } from './git/commits.js'
import { fetchFrom, mergeTrees } from './git/write.js'
import { sendMergeRequestHook } from './hooks/events.js'
import type { MergeRequestAction } from './hooks/payloads.js'
import { addSystemNote } from './notes-store.js'
import { getUser } from './people.js'
import { getProject } from './projects.js'
import type { MergeRequest, Project, User } from './state.js'
import type { World } from './world.js'

export interface NewMergeRequest {
  /** The target project. */
  projectId: number
  sourceBranch: string
  targetBranch: string
  title: string
  description?: string
  /** The fork that the branch is in. */
  sourceProjectId?: number
  userId: number
  squash?: boolean
}

/** Opens a merge request; throws when a branch does not exist. The diff gets ready a moment later. */
export async function createMergeRequest(world: World, input: NewMergeRequest): Promise<MergeRequest> {
  const target = getProject(world, input.projectId)
  const source = getProject(world, input.sourceProjectId ?? input.projectId)
  const sha = await branchHead(source, input.sourceBranch)
  await branchHead(target, input.targetBranch)
  const mr = newMergeRequest(world, input, { target, source, sha })
  await fetchHead(world, mr)
  world.state.mergeRequests.set(mr.id, mr)
  const user = getUser(world, input.userId)
  prepare(world, mr)
  sendMergeRequestHook(world, mr, user, { action: 'open' })
  void world.on.mergeRequestNeedsPipeline(mr, user)
  return mr
}

async function branchHead(project: Project, branch: string): Promise<string> {
  const sha = await resolveCommit(project.gitDir, `refs/heads/${branch}`)
  if (sha === null) throw unknownId(`branch of ${project.path}`, branch)
  return sha
}

function newMergeRequest(
  world: World,
  input: NewMergeRequest,
  { target, source, sha }: { target: Project; source: Project; sha: string },
): MergeRequest {
  const now = world.now()
  return {
    id: world.state.nextId('mergeRequest'),
    iid: target.nextMrIid++,
    projectId: target.id,
    sourceProjectId: source.id,
    sourceBranch: input.sourceBranch,
    targetBranch: input.targetBranch,
    title: input.title,
    description: input.description ?? '',
    state: 'opened',
    authorId: input.userId,
    assigneeIds: [],
    reviewerIds: [],
    labels: [],
    sha,
    diffRefs: null,
    changesCount: null,
    preparedAt: null,
    hasConflicts: false,
    squash: input.squash ?? false,
    mergeCommitSha: null,
    squashCommitSha: null,
    mergedAt: null,
    mergedById: null,
    closedAt: null,
    closedById: null,
    discussionLocked: false,
    createdAt: now,
    updatedAt: now,
  }
}

/** Takes the head into the target project, as `refs/merge-requests/N/head`. */
async function fetchHead(world: World, mr: MergeRequest): Promise<void> {
  const target = getProject(world, mr.projectId)
  const source = getProject(world, mr.sourceProjectId ?? mr.projectId)
  await fetchFrom(target.gitDir, source.gitDir, mr.sha, `refs/merge-requests/${mr.iid}/head`)
}

/** Fills in the diff a moment later; a head that moved on in the meantime is left to its own preparation. */
function prepare(world: World, mr: MergeRequest): void {
  const { sha } = mr
  world.tasks.run(async (signal) => {
    await sleep(world.settings.prepareDelayMs, undefined, { signal })
    const diff = await readDiff(world, mr, sha)
    if (mr.sha !== sha || !world.state.mergeRequests.has(mr.id)) return
    mr.diffRefs = diff.refs
    mr.changesCount = diff.changesCount
    mr.hasConflicts = diff.hasConflicts
    mr.preparedAt ??= world.now()
  })
}

interface Diff {
  refs: MergeRequest['diffRefs']
  changesCount: string | null
  hasConflicts: boolean
}

/** Reads until the target branch stands still, as conflicts are told by whoever looked at its newest commit. */
async function readDiff(world: World, mr: MergeRequest, sha: string): Promise<Diff> {
  const { gitDir } = getProject(world, mr.projectId)
  const readTarget = (): Promise<string | null> => resolveCommit(gitDir, `refs/heads/${mr.targetBranch}`)
  for (let target = await readTarget(); ;) {
    const diff = await readDiffTo(gitDir, target, sha)
    const now = await readTarget()
    if (now === target) return diff
    target = now
  }
}

async function readDiffTo(gitDir: string, target: string | null, sha: string): Promise<Diff> {
  const base = target === null ? null : await mergeBase(gitDir, [target, sha])
  if (target === null || base === null) return { refs: null, changesCount: null, hasConflicts: true }
  const changes = await listChanges(gitDir, base, sha)
  const { conflicts } = await mergeTrees(gitDir, target, sha)
  return {
    refs: { base_sha: base, head_sha: sha, start_sha: base },
    changesCount: changes.length === 0 ? null : String(changes.length),
    hasConflicts: conflicts,
  }
}

/** The source branch has a new head: the diff is built anew, and the hook tells the old head. */
export async function updateHead(world: World, mr: MergeRequest, sha: string, user: User): Promise<void> {
  const oldRev = mr.sha
  mr.sha = sha
  mr.diffRefs = null
  mr.changesCount = null
  mr.updatedAt = world.now()
  await fetchHead(world, mr)
  prepare(world, mr)
  addSystemNote(world, mr, user, `added 1 commit\n\n<ul><li>${sha.slice(0, 8)}</li></ul>`)
  sendMergeRequestHook(world, mr, user, { action: 'update', oldRev })
}

/**
 * The target branch moved: the diff stays, conflicts are looked for again, and a request whose commits came
 * with the push is merged, as if somebody had merged it by hand.
 */
export async function followTarget(
  world: World,
  mr: MergeRequest,
  user: User,
  change: { before: string; after: string },
): Promise<void> {
  const { gitDir } = getProject(world, mr.projectId)
  const wasThere = await isAncestor(gitDir, mr.sha, change.before)
  if (!wasThere && (await isAncestor(gitDir, mr.sha, change.after))) {
    markMerged(world, mr, user)
    return
  }
  mr.hasConflicts = (await mergeTrees(gitDir, change.after, mr.sha)).conflicts
}

export function markMerged(world: World, mr: MergeRequest, user: User): void {
  mr.state = 'merged'
  mr.mergedAt = world.now()
  mr.updatedAt = mr.mergedAt
  mr.mergedById = user.id
  addSystemNote(world, mr, user, 'merged')
  sendMergeRequestHook(world, mr, user, { action: 'merge' })
}

export interface MergeRequestEdit {
  title?: string
  description?: string
  targetBranch?: string
  stateEvent?: 'close' | 'reopen'
  assigneeIds?: number[]
  labels?: string[]
  squash?: boolean
  discussionLocked?: boolean
}

export function editMergeRequest(world: World, mr: MergeRequest, user: User, edit: MergeRequestEdit): void {
  const changes: NonNullable<MergeRequestAction['changes']> = {}
  mr.updatedAt = world.now()
  if (edit.title !== undefined && edit.title !== mr.title) {
    changes['title'] = { previous: mr.title, current: edit.title }
    mr.title = edit.title
  }
  if (edit.targetBranch !== undefined && edit.targetBranch !== mr.targetBranch) {
    changes['target_branch'] = { previous: mr.targetBranch, current: edit.targetBranch }
    mr.targetBranch = edit.targetBranch
    mr.diffRefs = null
    prepare(world, mr)
  }
  mr.description = edit.description ?? mr.description
  mr.assigneeIds = edit.assigneeIds ?? mr.assigneeIds
  mr.labels = edit.labels ?? mr.labels
  mr.squash = edit.squash ?? mr.squash
  mr.discussionLocked = edit.discussionLocked ?? mr.discussionLocked
  if (edit.stateEvent === 'close') closeMergeRequest(world, mr, user)
  else if (edit.stateEvent === 'reopen') reopenMergeRequest(world, mr, user)
  else sendMergeRequestHook(world, mr, user, { action: 'update', changes })
}

function closeMergeRequest(world: World, mr: MergeRequest, user: User): void {
  if (mr.state !== 'opened') return
  mr.state = 'closed'
  mr.closedAt = world.now()
  mr.closedById = user.id
  addSystemNote(world, mr, user, 'closed')
  sendMergeRequestHook(world, mr, user, { action: 'close' })
}

function reopenMergeRequest(world: World, mr: MergeRequest, user: User): void {
  if (mr.state !== 'closed') return
  mr.state = 'opened'
  mr.closedAt = null
  mr.closedById = null
  addSystemNote(world, mr, user, 'reopened')
  sendMergeRequestHook(world, mr, user, { action: 'reopen' })
}

export function findMergeRequest(world: World, projectId: number, iid: number): MergeRequest | null {
  for (const mr of world.state.mergeRequests.values()) {
    if (mr.projectId === projectId && mr.iid === iid) return mr
  }
  return null
}

export function getMergeRequest(world: World, projectId: number, iid: number): MergeRequest {
  const mr = findMergeRequest(world, projectId, iid)
  if (mr === null) throw unknownId(`merge request in project ${projectId}`, iid)
  return mr
}
