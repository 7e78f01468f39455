import { join } from 'node:path'

import type { CompiledJob } from '../ci/compile.js'
import { runJob } from '../ci/run-job.js'
import { expandVariables } from '../ci/variables.js'
import { resolveCommit } from '../git/commits.js'
import { idToken } from '../id-tokens.js'
import { getJob, getPipeline, listLatestJobs } from '../pipeline-queries.js'
import { isFinished } from '../pipeline-status.js'
import { setJobStatus } from '../pipelines.js'
import { getProject } from '../projects.js'
import type { Job, Pipeline } from '../state.js'
import type { World } from '../world.js'
import { createPipeline } from './create.js'
import { jobsBefore, nextStatus } from './scheduling.js'
import { cloneUrl, jobVariables, type PlannedPipeline, type Variables } from './variables.js'

/** Runs the jobs of compiled pipelines, a few at a time. */
export interface Runner {
  /** Compiles plans, one after another, and runs what comes of them; resolves when the pipeline exists. */
  start(plan: () => Promise<PlannedPipeline | null>): Promise<Pipeline | null>
  /** Looks again at a pipeline whose jobs were retried, played or cancelled. */
  jobsChanged(pipeline: Pipeline): void
}

export interface RunnerOptions {
  concurrentJobs: number
}

export function createRunner(world: World, options: RunnerOptions): Runner {
  const plans = new Map<number, { plan: PlannedPipeline; variables: Variables }>()
  const running = new Map<number, AbortController>()
  let compiling: Promise<unknown> = Promise.resolve()

  function advance(pipeline: Pipeline): void {
    for (let moved = true; moved;) moved = moveCreatedJobs(world, pipeline)
    startChildren(pipeline)
    fillSlots()
    if (pipeline.bridgeId !== null) advance(getPipeline(world, getJob(world, pipeline.bridgeId).pipelineId))
  }

  function startChildren(pipeline: Pipeline): void {
    const parent = plans.get(pipeline.id)
    for (const job of listLatestJobs(world, pipeline.id)) {
      if (parent === undefined || job.bridge === null || job.status !== 'pending') continue
      setJobStatus(world, job, 'running')
      const plan = planForChild(parent, job)
      world.tasks.run(async () => bridgeEnded(job, await start(async () => plan)))
    }
  }

  function bridgeEnded(bridge: Job, child: Pipeline | null): void {
    if (child === null || child.yamlErrors !== null) {
      setJobStatus(world, bridge, 'failed', 'downstream_pipeline_creation_failed')
    }
    advance(getPipeline(world, bridge.pipelineId))
  }

  function fillSlots(): void {
    for (const job of world.state.jobs.values()) {
      if (running.size >= options.concurrentJobs) return
      if (job.compiled === null || job.bridge !== null || job.status !== 'pending' || running.has(job.id))
        continue
      const abort = new AbortController()
      running.set(job.id, abort)
      const { compiled } = job
      world.tasks.run(() => execute(job, compiled, abort))
    }
  }

  async function execute(job: Job, compiled: CompiledJob, abort: AbortController): Promise<void> {
    const pipeline = getPipeline(world, job.pipelineId)
    try {
      setJobStatus(world, job, 'running')
      const result = await runInClone(
        world,
        { job, compiled, pipeline },
        plans.get(pipeline.id)?.variables ?? {},
        abort.signal,
      )
      // A job that was cancelled meanwhile stays so, however its script ended.
      if (!isFinished(job.status)) setJobStatus(world, job, result.status, result.failureReason ?? undefined)
    } finally {
      running.delete(job.id)
      advance(pipeline)
    }
  }

  async function compileAndRun(plan: () => Promise<PlannedPipeline | null>): Promise<Pipeline | null> {
    const planned = await plan()
    if (planned === null) return null
    const created = await createPipeline(world, planned)
    if (created === null) return null
    plans.set(created.pipeline.id, { plan: planned, variables: created.variables })
    advance(created.pipeline)
    return created.pipeline
  }

  function start(plan: () => Promise<PlannedPipeline | null>): Promise<Pipeline | null> {
    const next = compiling.then(() => compileAndRun(plan))
    compiling = next.catch(() => undefined)
    world.tasks.run(async () => {
      await next
    })
    return next
  }

  return {
    start,
    jobsChanged(pipeline) {
      for (const job of listLatestJobs(world, pipeline.id)) {
        if (job.status === 'canceled') running.get(job.id)?.abort()
      }
      advance(pipeline)
    },
  }
}

/** In a child pipeline all is as in its parent but the configuration, as in GitLab's `Ci::Bridge`. */
function planForChild(
  { plan, variables }: { plan: PlannedPipeline; variables: Variables },
  bridge: Job,
): PlannedPipeline {
  const handedOver = expandVariables(bridge.compiled?.variables ?? {}, variables)
  const config = bridge.compiled?.trigger?.config ?? ''
  return { ...plan, source: 'parent_pipeline', child: { bridge, config, variables: handedOver } }
}

function moveCreatedJobs(world: World, pipeline: Pipeline): boolean {
  const jobs = listLatestJobs(world, pipeline.id)
  let moved = false
  for (const job of jobs) {
    const next = job.status === 'created' && job.compiled !== null ? nextStatus(job, jobs) : null
    if (next === null) continue
    setJobStatus(world, job, next)
    moved = true
  }
  return moved
}

interface Execution {
  job: Job
  compiled: CompiledJob
  pipeline: Pipeline
}

async function runInClone(
  world: World,
  { job, compiled, pipeline }: Execution,
  ofPipeline: Variables,
  signal: AbortSignal,
): ReturnType<typeof runJob> {
  const project = getProject(world, pipeline.projectId)
  const folder = join(world.folder, 'jobs', String(job.id))
  const before = jobsBefore(job, listLatestJobs(world, pipeline.id))
  job.artifactsDir = join(folder, 'artifacts')
  return runJob({
    job: compiled,
    cloneUrl: cloneUrl(world, project, job),
    sha: pipeline.sha,
    refSpec: await refToFetch(world, pipeline),
    workDir: join(folder, 'builds', project.path),
    env: { ...ofPipeline, ...jobVariables(world, pipeline, job), ...signedTokens(world, job, compiled) },
    artifactsIn: before.flatMap((other) => other.artifactsDir ?? []),
    artifactsOut: job.artifactsDir,
    signal,
    stop: world.tasks.signal,
    onLog(chunk) {
      job.trace += chunk
    },
  })
}

/** The branch while it still is at the commit, else the ref that GitLab keeps for the pipeline. */
async function refToFetch(world: World, pipeline: Pipeline): Promise<string> {
  const ref = pipeline.ref.startsWith('refs/')
    ? pipeline.ref
    : `refs/${pipeline.tag ? 'tags' : 'heads'}/${pipeline.ref}`
  const head = await resolveCommit(getProject(world, pipeline.projectId).gitDir, ref)
  return head === pipeline.sha ? ref : `refs/pipelines/${pipeline.id}`
}

function signedTokens(world: World, job: Job, compiled: CompiledJob): Variables {
  return Object.fromEntries(
    Object.entries(compiled.idTokens).map(([name, { aud }]) => {
      const [only = ''] = aud
      const token = idToken(world, {
        jobId: job.id,
        aud: aud.length === 1 ? only : aud,
        lifetimeSeconds: compiled.timeoutSeconds,
      })
      return [name, token]
    }),
  )
}
