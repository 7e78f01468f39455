import { accessLevel, developer } from '../access.js'
import { mergeBase, resolveCommit } from '../git/commits.js'
import { mergedResult } from '../merging.js'
import { noSha } from '../pipelines.js'
import { getProject } from '../projects.js'
import { branchOf } from '../pushes.js'
import type { MergeRequest, Pipeline, Project, User } from '../state.js'
import type { RefChange, World } from '../world.js'
import type { Runner } from './runner.js'
import type { PlannedPipeline } from './variables.js'

/** The pipeline of a branch or tag that somebody, or a schedule, asks for. */
export function runForRef(
  runner: Runner,
  { project, user, ref, source }: { project: Project; user: User; ref: string; source: string },
): Promise<Pipeline | null> {
  return runner.start(async () => {
    for (const full of [`refs/heads/${ref}`, `refs/tags/${ref}`]) {
      const sha = await resolveCommit(project.gitDir, full)
      if (sha !== null)
        return { ...planForRef(project, user, { ref: full, before: noSha, after: sha }), source }
    }
    return null
  })
}

/** Branch and tag pipelines of a push. */
export function runForPush(runner: Runner, project: Project, user: User, changes: RefChange[]): void {
  for (const change of changes) {
    if (change.after !== noSha) void runner.start(async () => planForRef(project, user, change))
  }
}

/** What a branch or tag pipeline is made from. */
export function planForRef(project: Project, user: User, change: RefChange): PlannedPipeline {
  const branch = branchOf(change.ref)
  return {
    project,
    sha: change.after,
    beforeSha: change.before,
    ref: branch ?? change.ref.replace('refs/tags/', ''),
    tag: branch === null,
    source: 'push',
    userId: user.id,
    mr: null,
    merged: null,
    diffBaseSha: null,
    child: null,
  }
}

/** The pipeline of an open merge request, for the head that it has now. */
export function runForMergeRequest(
  world: World,
  runner: Runner,
  mr: MergeRequest,
  user: User,
  options: { inParent?: boolean } = {},
): Promise<Pipeline | null> {
  const head = mr.sha
  return runner.start(() =>
    planForMergeRequest(world, mr, { head, user, inParent: options.inParent ?? false }),
  )
}

interface Request {
  head: string
  user: User
  inParent: boolean
}

async function planForMergeRequest(
  world: World,
  mr: MergeRequest,
  { head, user, inParent }: Request,
): Promise<PlannedPipeline | null> {
  if (mr.state !== 'opened' || mr.sourceProjectId === null) return null
  const target = getProject(world, mr.projectId)
  const isFork = mr.sourceProjectId !== target.id
  const project = isFork && !inParent ? getProject(world, mr.sourceProjectId) : target
  if (accessLevel(world, project, user) < developer) return null
  const result =
    target.mergedResults && project === target
      ? await mergedResult(world, mr, head, { name: user.name, email: user.email })
      : null
  return {
    project,
    sha: result?.sha ?? head,
    beforeSha: noSha,
    ref:
      project === target
        ? `refs/merge-requests/${mr.iid}/${result === null ? 'head' : 'merge'}`
        : mr.sourceBranch,
    tag: false,
    source: 'merge_request_event',
    userId: user.id,
    mr,
    merged: result === null ? null : { sourceSha: head, targetSha: result.targetSha },
    diffBaseSha: await diffBase(target, mr.targetBranch, head),
    child: null,
  }
}

async function diffBase(target: Project, branch: string, head: string): Promise<string | null> {
  const sha = await resolveCommit(target.gitDir, `refs/heads/${branch}`)
  return sha === null ? null : mergeBase(target.gitDir, [sha, head])
}
