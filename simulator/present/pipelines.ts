import { projectUrl, getProject } from '../projects.js'
import type { Job, Pipeline } from '../state.js'
import type { World } from '../world.js'
import { isoTime, secondsBetween } from './times.js'
import { presentUserId } from './users.js'

export function pipelineUrl(world: World, pipeline: Pipeline): string {
  return `${projectUrl(world, getProject(world, pipeline.projectId))}/-/pipelines/${pipeline.id}`
}

export function jobUrl(world: World, job: Job): string {
  return `${projectUrl(world, getProject(world, job.projectId))}/-/jobs/${job.id}`
}

export function presentPipelineBasic(world: World, pipeline: Pipeline): Record<string, unknown> {
  return {
    id: pipeline.id,
    iid: pipeline.iid,
    project_id: pipeline.projectId,
    sha: pipeline.sha,
    ref: pipeline.ref,
    status: pipeline.status,
    source: pipeline.source,
    created_at: isoTime(pipeline.createdAt),
    updated_at: isoTime(pipeline.updatedAt),
    web_url: pipelineUrl(world, pipeline),
  }
}

export function presentPipeline(world: World, pipeline: Pipeline): Record<string, unknown> {
  return {
    ...presentPipelineBasic(world, pipeline),
    before_sha: pipeline.beforeSha,
    tag: pipeline.tag,
    yaml_errors: pipeline.yamlErrors,
    user: presentUserId(world, pipeline.userId),
    started_at: isoTime(pipeline.startedAt),
    finished_at: isoTime(pipeline.finishedAt),
    committed_at: null,
    duration: wholeSeconds(pipeline.startedAt, pipeline.finishedAt),
    queued_duration: wholeSeconds(pipeline.createdAt, pipeline.startedAt),
    coverage: null,
    detailed_status: presentDetailedStatus(pipeline),
  }
}

function wholeSeconds(from: Date | null, to: Date | null): number | null {
  const seconds = secondsBetween(from, to)
  return seconds === null ? null : Math.round(seconds)
}

function presentDetailedStatus(pipeline: Pipeline): Record<string, unknown> {
  const { status } = pipeline
  return {
    icon: `status_${status}`,
    text: status,
    label: status === 'success' ? 'passed' : status,
    group: status,
    tooltip: status,
    has_details: true,
    details_path: `/-/pipelines/${pipeline.id}`,
  }
}

export interface JobFacts {
  pipeline: Pipeline
  commit: Record<string, unknown> | null
}

export function presentJob(world: World, job: Job, facts: JobFacts): Record<string, unknown> {
  return {
    ...presentJobBasic(world, job, facts),
    artifacts: [],
    runner: null,
    artifacts_expire_at: null,
    archived: false,
    tag_list: [],
  }
}

/** A job that starts a pipeline, with that pipeline once it exists. */
export function presentBridge(world: World, job: Job, facts: JobFacts): Record<string, unknown> {
  const downstream = world.state.pipelines.get(job.bridge?.downstreamId ?? -1)
  return {
    ...presentJobBasic(world, job, facts),
    downstream_pipeline: downstream === undefined ? null : presentPipelineBasic(world, downstream),
  }
}

function presentJobBasic(world: World, job: Job, facts: JobFacts): Record<string, unknown> {
  const { pipeline } = facts
  return {
    id: job.id,
    status: job.status,
    stage: job.stage,
    name: job.name,
    ref: job.ref,
    tag: pipeline.tag,
    coverage: job.coverage,
    allow_failure: job.allowFailure,
    created_at: isoTime(job.createdAt),
    started_at: isoTime(job.startedAt),
    finished_at: isoTime(job.finishedAt),
    erased_at: null,
    duration: secondsBetween(job.startedAt, job.finishedAt),
    queued_duration: secondsBetween(job.queuedAt, job.startedAt),
    ...(job.failureReason === null ? {} : { failure_reason: job.failureReason }),
    user: presentUserId(world, job.userId),
    commit: facts.commit,
    pipeline: presentPipelineBasic(world, pipeline),
    web_url: jobUrl(world, job),
    project: { ci_job_token_scope_enabled: false },
  }
}

/** A job or an external status in the list of a commit's statuses. */
export function presentCommitStatus(world: World, job: Job, sha: string): Record<string, unknown> {
  return {
    id: job.id,
    sha,
    ref: job.ref,
    status: job.status,
    name: job.name,
    target_url: job.external ? job.targetUrl : jobUrl(world, job),
    description: job.description,
    created_at: isoTime(job.createdAt),
    started_at: isoTime(job.startedAt),
    finished_at: isoTime(job.finishedAt),
    allow_failure: job.allowFailure,
    coverage: job.coverage,
    pipeline_id: job.pipelineId,
    author: presentUserId(world, job.userId),
  }
}
