import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'

import { compilePipeline, type CompileResult } from '../ci/compile.js'
import { git, tryGitText } from '../git/git.js'
import { updateRef } from '../git/write.js'
import { sendPipelineHook } from '../hooks/events.js'
import { addJob, addPipeline, noSha } from '../pipelines.js'
import { projectUrl } from '../projects.js'
import type { Pipeline } from '../state.js'
import type { World } from '../world.js'
import { pipelineVariables, type PlannedPipeline, type Variables } from './variables.js'

export interface CreatedPipeline {
  pipeline: Pipeline
  variables: Variables
}

/** Creates the pipeline that the commit's configuration asks for; `null` where GitLab creates none. */
export async function createPipeline(world: World, plan: PlannedPipeline): Promise<CreatedPipeline | null> {
  const commit = await world.repositories.findCommit(plan.project.gitDir, plan.sha)
  if (/\[(ci skip|skip ci)\]/i.test(commit?.message ?? '')) return null
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
  })
  await updateRef(plan.project.gitDir, `refs/pipelines/${pipeline.id}`, plan.sha)
  if (compiled.kind === 'error') refuse(world, pipeline, compiled.message)
  else addJobs(world, pipeline, compiled)
  sendPipelineHook(world, pipeline)
  return { pipeline, variables }
}

/** A configuration with an error makes a pipeline that has failed, without jobs. */
function refuse(world: World, pipeline: Pipeline, message: string): void {
  pipeline.status = 'failed'
  pipeline.yamlErrors = message
  pipeline.finishedAt = world.now()
}

function addJobs(world: World, pipeline: Pipeline, compiled: Extract<CompileResult, { kind: 'jobs' }>): void {
  for (const job of compiled.jobs) {
    const { name, stage, stageIndex, allowFailure, when } = job
    addJob(world, pipeline, { name, stage, stageIndex, allowFailure, when, compiled: job })
  }
}

async function compile(world: World, plan: PlannedPipeline, variables: Variables): Promise<CompileResult> {
  const { gitDir } = plan.project
  const hasConfig = await tryGitText(gitDir, ['cat-file', '-e', `${plan.sha}:.gitlab-ci.yml`])
  if (hasConfig === null) return { kind: 'none', reason: 'Missing CI config file' }
  const folder = join(world.folder, `compile-${plan.project.id}-${plan.sha.slice(0, 8)}-${performance.now()}`)
  try {
    return await compilePipeline({
      repoDir: await cloneForCompiling(world, plan, folder),
      pipelineVariables: variables,
      changesBaseSha: changesBase(plan),
      stateDir: join(folder, 'state'),
    })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** `rules:changes`: of a merge request its diff, of a push what it brought, and of a new branch everything. */
function changesBase(plan: PlannedPipeline): string | null {
  if (plan.mr !== null) return plan.merged?.targetSha ?? plan.diffBaseSha
  return plan.beforeSha === noSha ? null : plan.beforeSha
}

/** A full clone whose HEAD is on a branch named like the ref, with `origin` at the project's address. */
async function cloneForCompiling(world: World, plan: PlannedPipeline, folder: string): Promise<string> {
  const repoDir = join(folder, 'repo')
  await mkdir(repoDir, { recursive: true })
  await mkdir(join(folder, 'state'))
  const gitDir = join(repoDir, '.git')
  const inClone = (...args: string[]): Promise<Buffer> => git(gitDir, ['--work-tree', repoDir, ...args])
  await inClone('init', '--quiet')
  await inClone('remote', 'add', 'origin', `${projectUrl(world, plan.project)}.git`)
  await inClone('fetch', '--quiet', plan.project.gitDir, '+refs/heads/*:refs/remotes/origin/*', plan.sha)
  await inClone('checkout', '--quiet', '-B', plan.mr?.sourceBranch ?? plan.ref, plan.sha)
  return repoDir
}
