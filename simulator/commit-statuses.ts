import { accessLevel, developer, maintainer } from './access.js'
import { forbidden, messageError, notFound, parameterError } from './errors.js'
import { git } from './git/git.js'
import { addJob, addPipeline, setJobStatus } from './pipelines.js'
import type { Job, JobStatus, Pipeline, Project, User } from './state.js'
import type { World } from './world.js'

const events = {
  pending: 'enqueue',
  running: 'run',
  success: 'success',
  failed: 'drop',
  canceled: 'cancel',
  skipped: 'skip',
} as const
export type StatusState = keyof typeof events

export interface StatusInput {
  sha: string
  state: unknown
  name: string
  ref: string | null
  pipelineId: number | null
  targetUrl: string | null
  description: string | null
  coverage: number | null
}

/** The algorithm of GitLab's `Ci::CreateCommitStatusService`, section 3.3 of the contract. */
export async function setCommitStatus(
  world: World,
  project: Project,
  user: User,
  input: StatusInput,
): Promise<Job> {
  const state = checkedState(input.state)
  const commit = await world.repositories.findCommit(project.gitDir, input.sha)
  if (commit === null) throw notFound('Commit')
  checkFields(input)
  const target = await choosePipeline(world, project, { ...input, sha: commit.id })
  if (!mayUpdate(world, project, user, target.ref)) throw forbidden()
  const held = target.pipeline === null ? null : heldStatus(world, target.pipeline, user, input.name)
  if (held !== null) requireTransition(held.status, state)
  const pipeline = target.pipeline ?? externalPipeline(world, project, user, { ...target, sha: commit.id })
  const status = held ?? newStatus(world, pipeline, user, { name: input.name, ref: target.ref })
  assign(status, input)
  retireOthers(world, status)
  setJobStatus(world, status, state, 'unknown_failure')
  return status
}

function checkedState(state: unknown): StatusState {
  if (state === undefined) throw parameterError('state is missing')
  if (typeof state !== 'string' || !(state in events))
    throw parameterError('state does not have a valid value')
  return state as StatusState
}

function checkFields(input: StatusInput): void {
  const problems: Record<string, string[]> = {}
  if (input.targetUrl !== null && !/^https?:\/\/[^\s/]+/.test(input.targetUrl)) {
    problems['target_url'] = ['is blocked: Only allowed schemes are http, https']
  }
  if ((input.targetUrl?.length ?? 0) > 255)
    problems['target_url'] = ['is too long (maximum is 255 characters)']
  if ((input.description?.length ?? 0) > 255)
    problems['description'] = ['is too long (maximum is 255 characters)']
  if (input.name.length > 255) problems['name'] = ['is too long (maximum is 255 characters)']
  if (Object.keys(problems).length > 0) throw messageError(400, problems)
}

interface Target {
  pipeline: Pipeline | null
  ref: string
}

async function choosePipeline(world: World, project: Project, input: StatusInput): Promise<Target> {
  const ofSha = [...world.state.pipelines.values()]
    .filter((pipeline) => pipeline.projectId === project.id && pipeline.sha === input.sha)
    .filter((pipeline) => pipeline.source !== 'parent_pipeline')
    .sort((a, b) => b.id - a.id)
    .slice(0, 100)
  const ref = input.ref ?? ofSha[0]?.ref ?? (await firstBranchWith(project, input.sha))
  if (ref === null) throw notFound('References for commit')
  const matching = ofSha.filter(
    (pipeline) => pipeline.ref === ref && (input.pipelineId === null || pipeline.id === input.pipelineId),
  )
  const chosen = input.ref === null && input.pipelineId !== null ? byId(ofSha, input.pipelineId) : matching[0]
  if (chosen === undefined && input.pipelineId !== null) {
    throw notFound('Pipeline for pipeline_id, sha and ref')
  }
  return { pipeline: chosen ?? null, ref: chosen?.ref ?? ref }
}

function byId(pipelines: Pipeline[], id: number): Pipeline | undefined {
  return pipelines.find((pipeline) => pipeline.id === id)
}

async function firstBranchWith(project: Project, sha: string): Promise<string | null> {
  const output = await git(project.gitDir, ['branch', '--contains', sha, '--format=%(refname:short)'])
  const [first] = output.toString().split('\n')
  return first === undefined || first === '' ? null : first
}

/** Developers may, but not on a protected branch, where GitLab asks for the right to push. */
function mayUpdate(world: World, project: Project, user: User, ref: string): boolean {
  const level = accessLevel(world, project, user)
  return project.protectedBranches.includes(ref) ? level >= maintainer : level >= developer
}

function heldStatus(world: World, pipeline: Pipeline, user: User, name: string): Job | null {
  const held = [...world.state.jobs.values()].find(
    (job) =>
      job.pipelineId === pipeline.id &&
      job.external &&
      job.name === name &&
      job.userId === user.id &&
      (job.status === 'pending' || job.status === 'running'),
  )
  return held ?? null
}

function requireTransition(held: JobStatus, state: StatusState): void {
  const event = events[state]
  const repeats = state === 'pending' || state === held
  if (!repeats && !(held === 'running' && state === 'skipped')) return
  const reason = `Status cannot transition via "${event}"`
  throw messageError(400, `Cannot transition status via :${event} from :${held} (Reason(s): ${reason})`)
}

function externalPipeline(
  world: World,
  project: Project,
  user: User,
  target: { ref: string; sha: string },
): Pipeline {
  return addPipeline(world, {
    projectId: project.id,
    sha: target.sha,
    ref: target.ref,
    source: 'external',
    userId: user.id,
  })
}

function newStatus(world: World, pipeline: Pipeline, user: User, input: { name: string; ref: string }): Job {
  const status = addJob(world, pipeline, { name: input.name, stage: 'external', stageIndex: 1_000_000 })
  status.external = true
  status.userId = user.id
  status.ref = input.ref
  return status
}

function assign(status: Job, input: StatusInput): void {
  status.targetUrl = input.targetUrl ?? status.targetUrl
  status.description = input.description ?? status.description
  status.coverage = input.coverage ?? status.coverage
}

/** Older records of the same name, whoever posted them, no longer count. */
function retireOthers(world: World, status: Job): void {
  for (const job of world.state.jobs.values()) {
    const same = job.pipelineId === status.pipelineId && job.name === status.name && job.external
    if (same && job.id !== status.id) job.retried = true
  }
}
