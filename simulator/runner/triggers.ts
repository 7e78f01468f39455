import { accessLevel, developer } from '../access.js'
import { mergeBase, resolveCommit } from '../git/commits.js'
import { mergedResult } from '../merging.js'
import { noSha } from '../pipelines.js'
import { getProject } from '../projects.js'
import { branchOf } from '../pushes.js'
import type { MergeRequest, Project, User } from '../state.js'
import type { RefChange, World } from '../world.js'
import type { Runner } from './runner.js'
import type { PlannedPipeline } from './variables.js'

/** Branch and tag pipelines of a push. */
export function runForPush(runner: Runner, project: Project, user: User, changes: RefChange[]): void {
  for (const change of changes) {
    if (change.after !== noSha) runner.start(async () => planForRef(project, user, change))
  }
}

function planForRef(project: Project, user: User, change: RefChange): PlannedPipeline {
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
  }
}

/**
 * The pipeline of an open merge request: of a fork it runs in the fork, unless somebody who may write to the
 * parent asks for it there.
 */
export function runForMergeRequest(
  world: World,
  runner: Runner,
  mr: MergeRequest,
  user: User,
  options: { inParent?: boolean } = {},
): void {
  runner.start(() => planForMergeRequest(world, mr, user, options.inParent ?? false))
}

async function planForMergeRequest(
  world: World,
  mr: MergeRequest,
  user: User,
  inParent: boolean,
): Promise<PlannedPipeline | null> {
  if (mr.state !== 'opened' || mr.sourceProjectId === null) return null
  const target = getProject(world, mr.projectId)
  const isFork = mr.sourceProjectId !== target.id
  const project = isFork && !inParent ? getProject(world, mr.sourceProjectId) : target
  if (accessLevel(world, project, user) < developer) return null
  const result =
    target.mergedResults && project === target
      ? await mergedResult(world, mr, { name: user.name, email: user.email })
      : null
  return {
    project,
    sha: result?.sha ?? mr.sha,
    beforeSha: noSha,
    ref:
      project === target
        ? `refs/merge-requests/${mr.iid}/${result === null ? 'head' : 'merge'}`
        : mr.sourceBranch,
    tag: false,
    source: 'merge_request_event',
    userId: user.id,
    mr,
    merged: result === null ? null : { sourceSha: mr.sha, targetSha: result.targetSha },
    diffBaseSha: await diffBase(target, mr),
  }
}

async function diffBase(target: Project, mr: MergeRequest): Promise<string | null> {
  const head = await resolveCommit(target.gitDir, `refs/heads/${mr.targetBranch}`)
  return head === null ? null : mergeBase(target.gitDir, [head, mr.sha])
}
