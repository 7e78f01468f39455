import { addJob, addPipeline, type NewJob } from './pipelines.js'
import { getMergeRequest } from './merge-requests.js'
import { sendPipelineHook } from './hooks/events.js'
import { updatePipelineStatus } from './pipelines.js'
import { getProject } from './projects.js'
import type { Job, MergeRequest, Pipeline } from './state.js'
import type { World } from './world.js'

export interface SyntheticPipeline {
  /** The project that runs the pipeline: for merge requests from forks, usually the fork. */
  projectId: number
  /** Default: the head of the merge request. */
  sha?: string
  /** Default: the ref that GitLab uses for this kind of merge-request pipeline. */
  ref?: string
  source?: string
  tag?: boolean
  /** The merge request of a merge-request pipeline. */
  mrIid?: number
  /** Where the merge request is, when that is not the project that runs the pipeline. */
  mrProjectId?: number
  /** A merged-results pipeline: `sha` is the synthetic commit, these are what it was made from. */
  merged?: { sourceSha: string; targetSha: string }
  jobs?: (NewJob & { name: string })[]
  /** Who started it. Default: the author of the merge request, else the first user. */
  userId?: number
}

export function createSyntheticPipeline(world: World, input: SyntheticPipeline): Pipeline & { jobs: Job[] } {
  const mr =
    input.mrIid === undefined
      ? null
      : getMergeRequest(world, input.mrProjectId ?? input.projectId, input.mrIid)
  const sha = input.sha ?? mr?.sha
  const ref = input.ref ?? (mr === null ? null : mergeRequestRef(mr, input))
  if (sha === undefined || ref === null) throw new Error('A pipeline without mrIid needs sha and ref.')
  getProject(world, input.projectId)
  const pipeline = addPipeline(world, {
    projectId: input.projectId,
    sha,
    ref,
    source: input.source ?? (mr === null ? 'push' : 'merge_request_event'),
    userId: input.userId ?? mr?.authorId ?? firstUser(world),
    tag: input.tag ?? false,
    mrId: mr?.id ?? null,
    merged: input.merged ?? null,
  })
  const stages = [...new Set((input.jobs ?? []).map((job) => job.stage ?? 'test'))]
  const jobs = (input.jobs ?? []).map((job) =>
    addJob(world, pipeline, { status: 'pending', ...job, stageIndex: stages.indexOf(job.stage ?? 'test') }),
  )
  sendPipelineHook(world, pipeline)
  updatePipelineStatus(world, pipeline)
  return Object.assign(pipeline, { jobs })
}

/** In the target project GitLab uses the merge request's own refs, in a fork the branch. */
function mergeRequestRef(mr: MergeRequest, input: SyntheticPipeline): string {
  if (input.projectId !== mr.projectId) return mr.sourceBranch
  return `refs/merge-requests/${mr.iid}/${input.merged === undefined ? 'head' : 'merge'}`
}

function firstUser(world: World): number {
  const [user] = world.state.users.values()
  if (user === undefined) throw new Error('The simulator has no user yet.')
  return user.id
}
