import { randomBytes } from 'node:crypto'

import type { CompiledJob } from './ci/compile.js'
import { sendPipelineHook } from './hooks/events.js'
import { getPipeline, listAllJobs } from './pipeline-queries.js'
import { compositeStatus, isFinished } from './pipeline-status.js'
import { getProject } from './projects.js'
import type { Bridge, Job, JobStatus, Pipeline } from './state.js'
import type { World } from './world.js'

export interface NewPipeline {
  projectId: number
  sha: string
  ref: string
  source: string
  userId: number
  tag?: boolean
  beforeSha?: string
  mrId?: number | null
  bridgeId?: number | null
  merged?: { sourceSha: string; targetSha: string } | null
}

export interface NewJob {
  name: string
  stage?: string
  stageIndex?: number
  allowFailure?: boolean
  when?: Job['when']
  status?: JobStatus
  compiled?: CompiledJob | null
  bridge?: Bridge | null
}

export const noSha = '0'.repeat(40)

export function addPipeline(world: World, input: NewPipeline): Pipeline {
  const project = getProject(world, input.projectId)
  const now = world.now()
  const pipeline: Pipeline = {
    id: world.state.nextId('pipeline'),
    iid: project.nextPipelineIid++,
    projectId: input.projectId,
    sha: input.sha,
    beforeSha: input.beforeSha ?? noSha,
    ref: input.ref,
    tag: input.tag ?? false,
    source: input.source,
    status: 'created',
    userId: input.userId,
    mrId: input.mrId ?? null,
    sourceSha: input.merged?.sourceSha ?? null,
    targetSha: input.merged?.targetSha ?? null,
    yamlErrors: null,
    bridgeId: input.bridgeId ?? null,
    createdAt: now,
    updatedAt: now,
    startedAt: null,
    finishedAt: null,
  }
  world.state.pipelines.set(pipeline.id, pipeline)
  return pipeline
}

export function addJob(world: World, pipeline: Pipeline, input: NewJob): Job {
  const now = world.now()
  const job: Job = {
    id: world.state.nextId('job'),
    pipelineId: pipeline.id,
    projectId: pipeline.projectId,
    name: input.name,
    stage: input.stage ?? 'test',
    stageIndex: input.stageIndex ?? 0,
    status: input.status ?? 'created',
    allowFailure: input.allowFailure ?? false,
    when: input.when ?? 'on_success',
    userId: pipeline.userId,
    token: `glcbt-${randomBytes(15).toString('base64url')}`,
    retried: false,
    external: false,
    bridge: input.bridge ?? null,
    ref: pipeline.ref,
    targetUrl: null,
    description: null,
    coverage: null,
    failureReason: null,
    trace: '',
    artifactsDir: null,
    compiled: input.compiled ?? null,
    createdAt: now,
    queuedAt: null,
    startedAt: null,
    finishedAt: null,
  }
  world.state.jobs.set(job.id, job)
  return job
}

/** Moves a job and whatever follows from it: times, the pipeline's state and the webhooks. */
export function setJobStatus(world: World, job: Job, status: JobStatus, failureReason?: string): void {
  const now = world.now()
  job.status = status
  job.failureReason = status === 'failed' ? (failureReason ?? 'script_failure') : null
  if (status === 'pending') job.queuedAt = now
  if (status === 'running') job.startedAt = now
  if (isFinished(status)) job.finishedAt = now
  updatePipelineStatus(world, getPipeline(world, job.pipelineId))
}

export function updatePipelineStatus(world: World, pipeline: Pipeline): void {
  const held = listAllJobs(world, pipeline.id).filter((job) => !job.retried)
  const status = compositeStatus(held)
  if (status === pipeline.status) return
  const now = world.now()
  pipeline.status = status
  pipeline.updatedAt = now
  if (status === 'running') pipeline.startedAt ??= now
  pipeline.finishedAt = isFinished(status) ? now : null
  sendPipelineHook(world, pipeline)
  updateBridge(world, pipeline)
}

/** A job that waits for the pipeline it started takes its state, as GitLab's `Ci::Bridge` does. */
function updateBridge(world: World, { bridgeId, status }: Pipeline): void {
  const job = bridgeId === null ? undefined : world.state.jobs.get(bridgeId)
  const strategy = job?.bridge?.strategy ?? null
  if (job === undefined || strategy === null || job.retried) return
  const followed = followedStatus(status, strategy)
  if (job.status !== followed) setJobStatus(world, job, followed, 'downstream_pipeline_failed')
}

function followedStatus(status: JobStatus, strategy: 'depend' | 'mirror'): JobStatus {
  if (status === 'skipped') return strategy === 'depend' ? 'failed' : 'skipped'
  if (isFinished(status) || (status === 'manual' && strategy === 'mirror')) return status
  return 'running'
}

/** Ties a pipeline to the job that started it. */
export function attachDownstream(world: World, job: Job, downstream: Pipeline): void {
  if (job.bridge === null) throw new Error(`The job ${job.name} starts no pipeline.`)
  job.bridge.downstreamId = downstream.id
  downstream.bridgeId = job.id
  if (job.bridge.strategy === null) setJobStatus(world, job, 'success')
  else updateBridge(world, downstream)
}

/** A new try of a job; the old one stays, marked as retried. */
export function retryJob(world: World, job: Job): Job {
  const pipeline = getPipeline(world, job.pipelineId)
  job.retried = true
  const next = addJob(world, pipeline, {
    ...job,
    when: 'on_success',
    status: 'pending',
    bridge: job.bridge === null ? null : { ...job.bridge, downstreamId: null },
  })
  next.queuedAt = world.now()
  reviveSkipped(world, next)
  updatePipelineStatus(world, pipeline)
  world.on.jobsChanged(pipeline)
  return next
}

/** Jobs that were skipped because of the failed try may run after the new one. */
function reviveSkipped(world: World, retried: Job): void {
  for (const job of listAllJobs(world, retried.pipelineId)) {
    const waits = job.stageIndex > retried.stageIndex || job.compiled?.needs?.includes(retried.name) === true
    if (job.compiled === null || job.retried || job.status !== 'skipped' || !waits) continue
    job.status = 'created'
    job.finishedAt = null
  }
}

export function cancelJob(world: World, job: Job): void {
  if (!isFinished(job.status)) setJobStatus(world, job, 'canceled')
  const downstreamId = job.bridge?.downstreamId ?? null
  if (downstreamId !== null) cancelAllJobs(world, downstreamId)
  world.on.jobsChanged(getPipeline(world, job.pipelineId))
}

/** Cancels a pipeline, and the pipelines that it started. */
export function cancelAllJobs(world: World, pipelineId: number): void {
  for (const job of listAllJobs(world, pipelineId)) {
    if (!job.external) cancelJob(world, job)
  }
}

/** Starts a manual job. */
export function playJob(world: World, job: Job): void {
  setJobStatus(world, job, 'pending')
  world.on.jobsChanged(getPipeline(world, job.pipelineId))
}
