import { compilePipeline, type CompileResult } from '../ci/compile.js'
import { tryGitText } from '../git/git.js'
import { updateRef } from '../git/write.js'
import { sendPipelineHook } from '../hooks/events.js'
import { addJob, addPipeline, attachDownstream } from '../pipelines.js'
import type { Pipeline } from '../state.js'
import type { World } from '../world.js'
import { withClone } from './checkout.js'
import { pipelineVariables, type PlannedPipeline, type Variables } from './variables.js'

export interface CreatedPipeline {
  pipeline: Pipeline
  variables: Variables
}

/** Creates the pipeline that the commit's configuration asks for; `null` where GitLab creates none. */
export async function createPipeline(world: World, plan: PlannedPipeline): Promise<CreatedPipeline | null> {
  const commit = await world.repositories.findCommit(plan.project.gitDir, plan.sha)
  if (maySkip(plan) && /\[(ci skip|skip ci)\]/i.test(commit?.message ?? '')) return null
  const variables = pipelineVariables(world, plan, commit)
  const compiled = await compile(world, plan, variables)
  if (compiled.kind === 'none') return null
  const pipeline = addPipeline(world, {
    projectId: plan.project.id,
    sha: plan.sha,
    beforeSha: plan.beforeSha,
    ref: plan.ref,
    tag: plan.tag,
    source: plan.source,
    userId: plan.userId,
    mrId: plan.mr?.id ?? null,
    merged: plan.merged,
    bridgeId: plan.child?.bridge.id ?? null,
  })
  await updateRef(plan.project.gitDir, `refs/pipelines/${pipeline.id}`, plan.sha)
  if (compiled.kind === 'error') refuse(world, pipeline, compiled.message)
  else addJobs(world, pipeline, { compiled, forwarded: plan.child?.variables ?? {} })
  sendPipelineHook(world, pipeline)
  if (plan.child !== null && compiled.kind === 'jobs') attachDownstream(world, plan.child.bridge, pipeline)
  return { pipeline, variables }
}

/** Pipelines that somebody asked for are made whatever the commit's message says. */
function maySkip(plan: PlannedPipeline): boolean {
  return plan.source === 'push' || plan.source === 'merge_request_event'
}

/** A configuration with an error makes a pipeline that has failed, without jobs. */
function refuse(world: World, pipeline: Pipeline, message: string): void {
  pipeline.status = 'failed'
  pipeline.yamlErrors = message
  pipeline.finishedAt = world.now()
}

interface JobsToAdd {
  compiled: Extract<CompileResult, { kind: 'jobs' }>
  /** Variables of the bridge: they win over those of the configuration. */
  forwarded: Variables
}

function addJobs(world: World, pipeline: Pipeline, { compiled, forwarded }: JobsToAdd): void {
  for (const job of compiled.jobs) {
    const { name, stage, stageIndex, allowFailure, when, trigger } = job
    addJob(world, pipeline, {
      name,
      stage,
      stageIndex,
      allowFailure,
      when,
      compiled: { ...job, variables: { ...job.variables, ...forwarded } },
      bridge: trigger === null ? null : { strategy: trigger.strategy, downstreamId: null },
    })
  }
}

async function compile(world: World, plan: PlannedPipeline, variables: Variables): Promise<CompileResult> {
  const { gitDir } = plan.project
  const hasConfig = await tryGitText(gitDir, ['cat-file', '-e', `${plan.sha}:.gitlab-ci.yml`])
  if (hasConfig === null) return { kind: 'none', reason: 'Missing CI config file' }
  return withClone(world, { plan, variables }, compilePipeline)
}
