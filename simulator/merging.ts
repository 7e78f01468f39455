import { ApiError } from './errors.js'
import { isAncestor, mergeBase, resolveCommit } from './git/commits.js'
import { gitText } from './git/git.js'
import { commitTree, mergeTrees, updateRef, type Person } from './git/write.js'
import { markMerged } from './merge-requests.js'
import { getProject } from './projects.js'
import type { MergeRequest, Project, User } from './state.js'
import type { World } from './world.js'

export interface MergeOptions {
  squash?: boolean
  /** Refuse unless this is still the head. */
  sha?: string
  message?: string
}

/** Merges into the target branch, by the project's merge method; throws `ApiError` as GitLab answers. */
export async function acceptMergeRequest(
  world: World,
  mr: MergeRequest,
  user: User,
  options: MergeOptions = {},
): Promise<void> {
  const project = getProject(world, mr.projectId)
  if (mr.state !== 'opened') throw new ApiError(405, { message: '405 Method Not Allowed' })
  if (options.sha !== undefined && options.sha !== mr.sha) {
    throw new ApiError(409, { message: 'SHA does not match HEAD of source branch' })
  }
  const change = await world.repositories.exclusively(project.gitDir, () => merge(world, mr, user, options))
  markMerged(world, mr, user)
  world.on.pushed(project, user, [{ ref: `refs/heads/${mr.targetBranch}`, ...change }])
}

async function merge(
  world: World,
  mr: MergeRequest,
  user: User,
  options: MergeOptions,
): Promise<{ before: string; after: string }> {
  const project = getProject(world, mr.projectId)
  const before = await resolveCommit(project.gitDir, `refs/heads/${mr.targetBranch}`)
  if (before === null) throw new ApiError(405, { message: '405 Method Not Allowed' })
  const person = { name: user.name, email: user.email }
  const squash = options.squash ?? mr.squash
  const head = squash ? await squashCommit(world, mr, person, before) : mr.sha
  if (squash) mr.squashCommitSha = head
  const after = await mergeHead(world, { project, mr, head, before, person, message: options.message })
  mr.mergeCommitSha = after === head ? null : after
  await updateRef(project.gitDir, `refs/heads/${mr.targetBranch}`, after)
  return { before, after }
}

/** One commit with all changes of the request, on top of its merge base (fast-forward: of the target). */
async function squashCommit(world: World, mr: MergeRequest, author: Person, target: string): Promise<string> {
  const { gitDir, mergeMethod } = getProject(world, mr.projectId)
  const base = mergeMethod === 'ff' ? target : ((await mergeBase(gitDir, [target, mr.sha])) ?? target)
  const { tree, conflicts } = await mergeTrees(gitDir, base, mr.sha)
  if (conflicts) throw cannotMerge()
  return commitTree(gitDir, { tree, parents: [base], message: `${mr.title}\n`, author, date: world.now() })
}

interface MergeStep {
  project: Project
  mr: MergeRequest
  head: string
  before: string
  person: Person
  message: string | undefined
}

async function mergeHead(world: World, step: MergeStep): Promise<string> {
  const { project, mr, head, before } = step
  if (project.mergeMethod !== 'merge' && !(await isAncestor(project.gitDir, before, head)))
    throw cannotMerge()
  if (project.mergeMethod === 'ff') return head
  const { tree, conflicts } = await mergeTrees(project.gitDir, before, head)
  if (conflicts) throw cannotMerge()
  return commitTree(project.gitDir, {
    tree,
    parents: [before, head],
    message: step.message ?? mergeMessage(project, mr),
    author: step.person,
    date: world.now(),
  })
}

function mergeMessage(project: Project, mr: MergeRequest): string {
  const title = `Merge branch '${mr.sourceBranch}' into '${mr.targetBranch}'`
  return `${title}\n\n${mr.title}\n\nSee merge request ${project.path}!${mr.iid}\n`
}

function cannotMerge(): ApiError {
  return new ApiError(422, { message: 'Branch cannot be merged' })
}

/**
 * The commit of a merged-results pipeline: in no branch, made against the target as it is now. `null` on
 * conflicts, where GitLab falls back to a plain merge-request pipeline.
 */
export async function mergedResult(
  world: World,
  mr: MergeRequest,
  head: string,
  author: Person,
): Promise<{ sha: string; targetSha: string } | null> {
  const { gitDir } = getProject(world, mr.projectId)
  const targetSha = await resolveCommit(gitDir, `refs/heads/${mr.targetBranch}`)
  if (targetSha === null) return null
  const { tree, conflicts } = await mergeTrees(gitDir, targetSha, head)
  if (conflicts) return null
  const message = `Merge ${head} into ${targetSha}\n`
  const sha = await commitTree(gitDir, {
    tree,
    parents: [targetSha, head],
    message,
    author,
    date: world.now(),
  })
  await gitText(gitDir, ['update-ref', `refs/merge-requests/${mr.iid}/merge`, sha])
  return { sha, targetSha }
}
