import { setCommitStatus } from '../commit-statuses.js'
import { listAllJobs } from '../pipeline-queries.js'
import { presentCommitStatus } from '../present/pipelines.js'
import type { Job } from '../state.js'
import type { Api, Ask, SignedAsk } from './api.js'
import { commitOf } from './commits.js'
import { offsetPage } from './paging.js'
import { flag, optionalInteger, optionalText, projectOf, requireBuilds } from './parameters.js'

export function addStatusRoutes(api: Api): void {
  api.route('GET', '/projects/:id/repository/commits/:sha/statuses', list, { anonymous: true })
  api.signed('POST', '/projects/:id/statuses/:sha', create)
}

async function list(ask: Ask): Promise<unknown> {
  const project = projectOf(ask)
  requireBuilds(ask, project)
  const commit = await commitOf(ask, project)
  const pipelines = [...ask.world.state.pipelines.values()].filter(
    (pipeline) => pipeline.projectId === project.id && pipeline.sha === commit.id,
  )
  const rows = pipelines
    .flatMap((pipeline) => listAllJobs(ask.world, pipeline.id))
    .filter((job) => isListed(ask, job))
  const sign = ask.query['sort'] === 'desc' ? -1 : 1
  rows.sort((a, b) => sign * (a.id - b.id))
  return offsetPage(ask, rows).map((job) => presentCommitStatus(ask.world, job, commit.id))
}

function isListed({ query }: Ask, job: Job): boolean {
  if (job.retried && !flag(query['all'])) return false
  if (query['ref'] !== undefined && job.ref !== query['ref']) return false
  if (query['stage'] !== undefined && job.stage !== query['stage']) return false
  if (query['name'] !== undefined && job.name !== query['name']) return false
  return query['pipeline_id'] === undefined || job.pipelineId === Number(query['pipeline_id'])
}

async function create(ask: SignedAsk): Promise<unknown> {
  const project = projectOf(ask)
  const { body } = ask
  const sha = ask.params['sha'] ?? ''
  const status = await setCommitStatus(ask.world, project, ask.user, {
    sha,
    state: body['state'],
    name: optionalText(body['name']) ?? optionalText(body['context']) ?? 'default',
    ref: optionalText(body['ref']),
    pipelineId: optionalInteger(body['pipeline_id'], 'pipeline_id'),
    targetUrl: optionalText(body['target_url']),
    description: optionalText(body['description']),
    coverage: body['coverage'] === undefined || body['coverage'] === null ? null : Number(body['coverage']),
  })
  ask.reply.code(201)
  return presentCommitStatus(ask.world, status, sha)
}
