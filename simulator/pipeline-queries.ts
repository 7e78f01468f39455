import { unknownId } from './errors.js'
import type { Job, MergeRequest, Pipeline } from './state.js'
import type { World } from './world.js'

/** All tries of all jobs and statuses, oldest first. */
export function listAllJobs(world: World, pipelineId: number): Job[] {
  return [...world.state.jobs.values()].filter((job) => job.pipelineId === pipelineId)
}

/** The latest try of each CI job and bridge, without the statuses that were posted from outside. */
export function listLatestJobs(world: World, pipelineId: number): Job[] {
  return listAllJobs(world, pipelineId).filter((job) => !job.retried && !job.external)
}

export function getPipeline(world: World, pipelineId: number): Pipeline {
  const pipeline = world.state.pipelines.get(pipelineId)
  if (pipeline === undefined) throw unknownId('pipeline', pipelineId)
  return pipeline
}

export function getJob(world: World, jobId: number): Job {
  const job = world.state.jobs.get(jobId)
  if (job === undefined) throw unknownId('job', jobId)
  return job
}

/** The branch or tag that a pipeline is about: for merge-request pipelines the source branch. */
export function sourceRef(world: World, pipeline: Pipeline): string {
  return mergeRequestOf(world, pipeline)?.sourceBranch ?? pipeline.ref
}

export function mergeRequestOf(world: World, pipeline: Pipeline): MergeRequest | null {
  if (pipeline.mrId === null) return null
  return world.state.mergeRequests.get(pipeline.mrId) ?? null
}

/** Pipelines of a merge request's current head, the one that GitLab shows first. */
export function headPipeline(world: World, mr: MergeRequest): Pipeline | null {
  const found = listMergeRequestPipelines(world, mr).filter((pipeline) => isAbout(pipeline, mr.sha))
  const ofRequest = found.filter((pipeline) => pipeline.mrId === mr.id)
  return ofRequest[0] ?? found[0] ?? null
}

/** Newest first: the merge request's own pipelines and branch pipelines of its source branch. */
export function listMergeRequestPipelines(world: World, mr: MergeRequest): Pipeline[] {
  return [...world.state.pipelines.values()]
    .filter((pipeline) => {
      if (pipeline.bridgeId !== null) return false
      if (pipeline.mrId !== null) return pipeline.mrId === mr.id
      return pipeline.projectId === mr.sourceProjectId && pipeline.ref === mr.sourceBranch && !pipeline.tag
    })
    .sort((a, b) => b.id - a.id)
}

function isAbout(pipeline: Pipeline, sha: string): boolean {
  return (pipeline.sourceSha ?? pipeline.sha) === sha
}
