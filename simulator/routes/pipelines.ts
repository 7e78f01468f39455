import { developer } from '../access.js'
import { forbidden, messageError, notFound } from '../errors.js'
import { resolveCommit } from '../git/commits.js'
import { presentCommit } from '../present/commits.js'
import {
  jobUrl,
  presentBridge,
  presentJob,
  presentPipeline,
  presentPipelineBasic,
  type JobFacts,
} from '../present/pipelines.js'
import { isFinished } from '../pipeline-status.js'
import { getPipeline, listAllJobs } from '../pipeline-queries.js'
import { cancelAllJobs, cancelJob, playJob, retryJob } from '../pipelines.js'
import { getProject } from '../projects.js'
import type { Job, Pipeline, Project } from '../state.js'
import type { World } from '../world.js'
import type { Api, Ask, SignedAsk } from './api.js'
import { offsetPage } from './paging.js'
import { flag, integer, listOf, projectOf, requireBuilds, requiredText, requireLevel } from './parameters.js'

const pipelines = '/projects/:id/pipelines'
const jobs = '/projects/:id/jobs'

export function addPipelineRoutes(api: Api): void {
  const open = { anonymous: true }
  api.route('GET', pipelines, listPipelines, open)
  api.route('GET', `${pipelines}/:pipelineId`, (ask) => presentPipeline(ask.world, pipelineOf(ask)), open)
  api.route('GET', `${pipelines}/:pipelineId/jobs`, listPipelineJobs, open)
  api.route('GET', `${pipelines}/:pipelineId/bridges`, listBridges, open)
  api.signed('POST', '/projects/:id/pipeline', runPipeline)
  api.signed('POST', `${pipelines}/:pipelineId/retry`, retryPipeline)
  api.signed('POST', `${pipelines}/:pipelineId/cancel`, cancelPipeline)
  api.route('GET', jobs, listProjectJobs, open)
  api.route('GET', `${jobs}/:jobId`, (ask) => present(ask, jobOf(ask)), open)
  api.route('GET', `${jobs}/:jobId/trace`, trace, open)
  api.signed('POST', `${jobs}/:jobId/retry`, retry)
  api.signed('POST', `${jobs}/:jobId/cancel`, cancel)
  api.signed('POST', `${jobs}/:jobId/play`, play)
  api.route('GET', '/job', showOwnJob, { jobToken: true })
}

function readableProject(ask: Ask): Project {
  const project = projectOf(ask)
  requireBuilds(ask, project)
  return project
}

function pipelineOf(ask: Ask): Pipeline {
  const project = readableProject(ask)
  const pipeline = ask.world.state.pipelines.get(integer(ask.params['pipelineId'], 'pipeline_id'))
  if (pipeline === undefined || pipeline.projectId !== project.id) throw messageError(404, '404 Not found')
  return pipeline
}

function jobOf(ask: Ask): Job {
  const project = readableProject(ask)
  const job = ask.world.state.jobs.get(integer(ask.params['jobId'], 'job_id'))
  if (job === undefined || job.external || job.bridge !== null || job.projectId !== project.id)
    throw messageError(404, '404 Not found')
  return job
}

async function present(ask: Ask, job: Job): Promise<unknown> {
  return presentWithCommit(ask.world, job)
}

async function presentWithCommit(world: World, job: Job): Promise<Record<string, unknown>> {
  return presentJob(world, job, await jobFacts(world, job))
}

async function jobFacts(world: World, job: Job): Promise<JobFacts> {
  const project = getProject(world, job.projectId)
  const pipeline = getPipeline(world, job.pipelineId)
  const commit = await world.repositories.findCommit(project.gitDir, pipeline.sha)
  return { pipeline, commit: commit === null ? null : presentCommit(world, project, commit) }
}

function listPipelines(ask: Ask): unknown {
  const project = readableProject(ask)
  const { query } = ask
  const rows = [...ask.world.state.pipelines.values()].filter(
    (pipeline) =>
      pipeline.projectId === project.id &&
      (pipeline.source !== 'parent_pipeline' || query['source'] === 'parent_pipeline') &&
      ['ref', 'sha', 'status', 'source'].every(
        (name) =>
          query[name] === undefined || pipeline[name as 'ref' | 'sha' | 'status' | 'source'] === query[name],
      ) &&
      (typeof query['updated_after'] !== 'string' || pipeline.updatedAt >= new Date(query['updated_after'])),
  )
  const sign = query['sort'] === 'asc' ? 1 : -1
  rows.sort((a, b) => sign * (a.id - b.id))
  return offsetPage(ask, rows).map((pipeline) => presentPipelineBasic(ask.world, pipeline))
}

function listPipelineJobs(ask: Ask): Promise<unknown> {
  const all = listAllJobs(ask.world, pipelineOf(ask).id)
  const wanted = flag(ask.query['include_retried']) ? all : all.filter((job) => !job.retried)
  return presentJobs(ask, wanted)
}

async function listBridges(ask: Ask): Promise<unknown> {
  const { world } = ask
  const scope = listOf(ask.query['scope'])
  const bridges = listAllJobs(world, pipelineOf(ask).id)
    .filter((job) => job.bridge !== null && !job.retried)
    .filter((job) => scope.length === 0 || scope.includes(job.status))
    .sort((a, b) => b.id - a.id)
  return Promise.all(
    offsetPage(ask, bridges).map(async (job) => presentBridge(world, job, await jobFacts(world, job))),
  )
}

function listProjectJobs(ask: Ask): Promise<unknown> {
  const project = readableProject(ask)
  return presentJobs(
    ask,
    [...ask.world.state.jobs.values()].filter((job) => job.projectId === project.id),
  )
}

function presentJobs(ask: Ask, found: Job[]): Promise<unknown> {
  const scope = listOf(ask.query['scope'])
  const rows = found
    .filter(
      (job) => !job.external && job.bridge === null && (scope.length === 0 || scope.includes(job.status)),
    )
    .sort((a, b) => b.id - a.id)
  return Promise.all(offsetPage(ask, rows).map((job) => presentWithCommit(ask.world, job)))
}

function trace(ask: Ask): unknown {
  return ask.reply.type('text/plain').send(jobOf(ask).trace)
}

function updatable(ask: Ask): Job {
  const job = jobOf(ask)
  requireLevel(ask, getProject(ask.world, job.projectId), developer)
  return job
}

function retry(ask: Ask): Promise<unknown> {
  const job = updatable(ask)
  if (!isFinished(job.status) || job.retried) throw forbidden('Job is not retryable')
  ask.reply.code(201)
  return present(ask, retryJob(ask.world, job))
}

function cancel(ask: Ask): Promise<unknown> {
  const job = updatable(ask)
  cancelJob(ask.world, job)
  ask.reply.code(201)
  return present(ask, job)
}

function play(ask: Ask): Promise<unknown> {
  const job = updatable(ask)
  if (job.status !== 'manual') throw messageError(400, '400 Bad request - Unplayable Job')
  playJob(ask.world, job)
  return present(ask, job)
}

function retryPipeline(ask: Ask): unknown {
  const pipeline = pipelineOf(ask)
  requireLevel(ask, getProject(ask.world, pipeline.projectId), developer)
  for (const job of listAllJobs(ask.world, pipeline.id)) {
    if (!job.retried && !job.external && (job.status === 'failed' || job.status === 'canceled')) {
      retryJob(ask.world, job)
    }
  }
  ask.reply.code(201)
  return presentPipeline(ask.world, pipeline)
}

async function runPipeline(ask: SignedAsk): Promise<unknown> {
  const project = projectOf(ask)
  requireLevel(ask, project, developer)
  const ref = requiredText(ask, 'ref')
  const names = [`refs/heads/${ref}`, `refs/tags/${ref}`]
  const heads = await Promise.all(names.map((name) => resolveCommit(project.gitDir, name)))
  if (heads.every((head) => head === null)) throw messageError(400, { base: ['Reference not found'] })
  const pipeline = await ask.world.on.refNeedsPipeline({ project, user: ask.user, ref, source: 'api' })
  if (pipeline === null)
    throw messageError(400, { base: ['Pipeline will not run for the selected trigger.'] })
  ask.reply.code(201)
  return presentPipeline(ask.world, pipeline)
}

function cancelPipeline(ask: Ask): unknown {
  const pipeline = pipelineOf(ask)
  requireLevel(ask, getProject(ask.world, pipeline.projectId), developer)
  cancelAllJobs(ask.world, pipeline.id)
  ask.reply.code(201)
  return presentPipeline(ask.world, pipeline)
}

/** The running job that the token belongs to. */
async function showOwnJob(ask: Ask): Promise<unknown> {
  const { job } = ask.caller
  if (job === null) throw notFound('Job')
  return { ...(await presentWithCommit(ask.world, job)), web_url: jobUrl(ask.world, job) }
}
