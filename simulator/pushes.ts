import { resolveCommit } from './git/commits.js'
import { commitFiles } from './git/write.js'
import { sendPushHooks } from './hooks/events.js'
import { editMergeRequest, followTarget, updateHead } from './merge-requests.js'
import { getUser } from './people.js'
import { noSha } from './pipelines.js'
import { getProject } from './projects.js'
import type { MergeRequest, Project, User } from './state.js'
import type { RefChange, World } from './world.js'

export interface PushedFiles {
  projectId: number
  branch: string
  /** New content for each path; `null` deletes the file. */
  files: Record<string, string | Buffer | null>
  message?: string
  userId: number
  /** Where a new branch starts. Default: the default branch, or nothing in an empty repository. */
  startBranch?: string
}

export interface Pushes {
  /** What GitLab does in the background after refs have moved. */
  handle(project: Project, user: User, changes: RefChange[]): void
  commit(push: PushedFiles): Promise<string>
}

export function createPushes(world: World): Pushes {
  function handle(project: Project, user: User, changes: RefChange[]): void {
    project.lastActivityAt = world.now()
    world.tasks.run(async () => {
      sendPushHooks(world, project, user, changes)
      for (const change of changes) await updateMergeRequests(world, project, user, change)
      world.on.branchesChanged(project, user, changes)
    })
  }

  return {
    handle,
    async commit(push) {
      const project = getProject(world, push.projectId)
      const user = getUser(world, push.userId)
      const change = await world.repositories.exclusively(project.gitDir, () =>
        commit(world, project, user, push),
      )
      handle(project, user, [change])
      return change.after
    },
  }
}

async function commit(world: World, project: Project, user: User, push: PushedFiles): Promise<RefChange> {
  const ref = `refs/heads/${push.branch}`
  const before = await resolveCommit(project.gitDir, ref)
  const start = before ?? (await resolveCommit(project.gitDir, push.startBranch ?? project.defaultBranch))
  const after = await commitFiles(project.gitDir, {
    branch: push.branch,
    files: push.files,
    message: push.message ?? `Update ${Object.keys(push.files).join(', ')}`,
    author: { name: user.name, email: user.email },
    date: world.now(),
    parent: start,
  })
  return { ref, before: before ?? noSha, after }
}

async function updateMergeRequests(
  world: World,
  project: Project,
  user: User,
  change: RefChange,
): Promise<void> {
  const branch = branchOf(change.ref)
  for (const mr of world.state.mergeRequests.values()) {
    if (branch === null || mr.state !== 'opened') continue
    if (isSource(mr, project, branch)) await followSource(world, mr, change, user)
    else if (mr.projectId === project.id && mr.targetBranch === branch && change.after !== noSha) {
      await followTarget(world, mr, user, change)
    }
  }
}

function isSource(mr: MergeRequest, project: Project, branch: string): boolean {
  return mr.sourceProjectId === project.id && mr.sourceBranch === branch
}

async function followSource(world: World, mr: MergeRequest, change: RefChange, user: User): Promise<void> {
  if (change.after === noSha) return editMergeRequest(world, mr, user, { stateEvent: 'close' })
  if (mr.sha === change.after) return
  await updateHead(world, mr, change.after, user)
  void world.on.mergeRequestNeedsPipeline(mr, user)
}

export function branchOf(ref: string): string | null {
  return ref.startsWith('refs/heads/') ? ref.slice('refs/heads/'.length) : null
}
