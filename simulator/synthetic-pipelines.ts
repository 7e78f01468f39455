import { getMergeRequest } from './merge-requests.js'
import { sendPipelineHook } from './hooks/events.js'
import { getPipeline, listLatestJobs } from './pipeline-queries.js'
import {
  addJob,
  addPipeline,
  attachDownstream,
  updatePipelineStatus,
  type NewJob,
  type NewPipeline,
} from './pipelines.js'
import { getProject } from './projects.js'
import type { Bridge, Job, MergeRequest, Pipeline } from './state.js'
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
  /** Jobs that start a pipeline, which has not come into being yet. */
  bridges?: NewBridge[]
  /**
   * The pipeline that starts this one, by a job named `bridgeName`: a new one that waits for this pipeline, unless it
   * is among that pipeline's `bridges`. In the same project it is a child, with the commit, ref and merge request of
   * its parent; in another project it needs `sha` and `ref`.
   */
  parentPipelineId?: number
  bridgeName?: string
  /** Who started it. Default: the author of the merge request, else the first user. */
  userId?: number
}

export interface NewBridge {
  name: string
  stage?: string
  /** Default `depend`. */
  strategy?: Bridge['strategy']
}

export function createSyntheticPipeline(world: World, input: SyntheticPipeline): Pipeline & { jobs: Job[] } {
  const parent = input.parentPipelineId === undefined ? null : getPipeline(world, input.parentPipelineId)
  const bridge = parent === null ? null : bridgeOf(world, parent, input.bridgeName ?? 'child')
  const isChild = parent !== null && parent.projectId === input.projectId
  getProject(world, input.projectId)
  const pipeline = addPipeline(world, {
    ...(isChild ? inherited(parent) : planned(world, input)),
    source: input.source ?? sourceOf(input, isChild),
    ...(input.userId === undefined ? {} : { userId: input.userId }),
    bridgeId: bridge?.id ?? null,
  })
  const jobs = addJobs(world, pipeline, input)
  sendPipelineHook(world, pipeline)
  if (bridge !== null) attachDownstream(world, bridge, pipeline)
  updatePipelineStatus(world, pipeline)
  return Object.assign(pipeline, { jobs })
}

function addJobs(world: World, pipeline: Pipeline, input: SyntheticPipeline): Job[] {
  const bridges: NewJob[] = (input.bridges ?? []).map(({ strategy = 'depend', ...job }) => ({
    ...job,
    bridge: { strategy, downstreamId: null },
  }))
  const all = [...(input.jobs ?? []), ...bridges]
  const stages = [...new Set(all.map((job) => job.stage ?? 'test'))]
  return all.map((job) =>
    addJob(world, pipeline, { status: 'pending', ...job, stageIndex: stages.indexOf(job.stage ?? 'test') }),
  )
}

function bridgeOf(world: World, parent: Pipeline, name: string): Job {
  const waiting = listLatestJobs(world, parent.id).find(
    (job) => job.name === name && job.bridge?.downstreamId === null,
  )
  if (waiting !== undefined) return waiting
  return addJob(world, parent, {
    name,
    status: 'pending',
    bridge: { strategy: 'depend', downstreamId: null },
  })
}

function sourceOf(input: SyntheticPipeline, isChild: boolean): string {
  if (isChild) return 'parent_pipeline'
  if (input.parentPipelineId !== undefined) return 'pipeline'
  return input.mrIid === undefined ? 'push' : 'merge_request_event'
}

function inherited(parent: Pipeline): Omit<NewPipeline, 'source'> {
  const { projectId, sha, beforeSha, ref, tag, mrId, userId, sourceSha, targetSha } = parent
  const merged = sourceSha === null || targetSha === null ? null : { sourceSha, targetSha }
  return { projectId, sha, beforeSha, ref, tag, mrId, userId, merged }
}

function planned(world: World, input: SyntheticPipeline): Omit<NewPipeline, 'source'> {
  const mr =
    input.mrIid === undefined
      ? null
      : getMergeRequest(world, input.mrProjectId ?? input.projectId, input.mrIid)
  const sha = input.sha ?? mr?.sha
  const ref = input.ref ?? (mr === null ? null : mergeRequestRef(mr, input))
  if (sha === undefined || ref === null) throw new Error('A pipeline without mrIid needs sha and ref.')
  return {
    projectId: input.projectId,
    sha,
    ref,
    userId: mr?.authorId ?? firstUser(world),
    tag: input.tag ?? false,
    mrId: mr?.id ?? null,
    merged: input.merged ?? null,
  }
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
