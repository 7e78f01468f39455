import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Model } from '../domain/model.js'
import { Problem } from '../errors.js'
import { check } from '../ingest/report.js'
import type { Queue } from '../jobs/queue.js'
import type { PersonAccess, Visitor } from '../plugins/person-access.js'
import { AcceptanceBody, ExclusionBody } from '../schemas/decision.js'
import type { ComparisonFacts, ComparisonStore } from '../stores/comparison-store.js'
import type { DecisionStore, StoredAcceptance, StoredExclusion } from '../stores/decision-store.js'
import type { ModelStore } from '../stores/model-store.js'
import { createAcceptances, deciderOf } from './acceptances.js'
import type { TouchedNotes } from './touched-notes.js'

export interface DecisionRoutesOptions {
  personAccess: PersonAccess
  comparisons: Pick<ComparisonStore, 'findFacts'>
  decisions: DecisionStore
  models: Pick<ModelStore, 'findModel'>
  touchedNotes: TouchedNotes
  queue: Pick<Queue, 'enqueue'>
  clock: () => Date
}

type OfMergeRequest = { Params: { id: string; iid: string } }
type OfModel = { Params: { id: string; modelId: string } }

const options = { config: { access: 'person' }, bodyLimit: 64 * 1024 } as const

/** What people decide on results: broken rules of a merge request are accepted, a model is taken out of comparisons.
 * Every decision has a reason and can be taken back; its note is written anew. */
export async function decisionRoutes(fastify: FastifyInstance, parts: DecisionRoutesOptions): Promise<void> {
  acceptanceRoutes(fastify, parts)
  exclusionRoutes(fastify, parts)
}

function acceptanceRoutes(fastify: FastifyInstance, parts: DecisionRoutesOptions): void {
  const { personAccess, decisions } = parts
  const acceptances = createAcceptances(parts)
  const address = '/api/v1/projects/:id/merge_requests/:iid/acceptance'

  fastify.get<OfMergeRequest>(address, options, async (request) => {
    const { project } = await personAccess.getReadable(await request.person(), request.params.id)
    return answer(await acceptances.getComparison(project.id, request.params.iid))
  })

  fastify.post<OfMergeRequest>(address, options, async (request, reply) => {
    const visitor = await personAccess.getAllowed(await request.person(), request.params.id, 'accept')
    const body = check(AcceptanceBody, request.body, '')
    const { comparison, isNew } = await acceptances.accept(visitor, request.params.iid, body)
    const { mrIid, headSha } = comparison
    logDecision(request, visitor, { mrIid, headSha, isNew }, 'Broken rules accepted')
    return reply.code(isNew ? 201 : 200).send(await answer(comparison))
  })

  fastify.delete<OfMergeRequest>(address, options, async (request) => {
    const visitor = await personAccess.getAllowed(await request.person(), request.params.id, 'accept')
    const { comparison, ended } = await acceptances.withdraw(visitor, request.params.iid)
    logDecision(request, visitor, { mrIid: comparison.mrIid, ended }, 'Acceptance withdrawn')
    return answer(comparison)
  })

  async function answer({ projectId, mrIid, headSha, verdict }: ComparisonFacts) {
    const rows = await decisions.listAcceptanceHistory(projectId, mrIid)
    const accepted = new Set(rows.filter((row) => holdsAt(row, headSha)).flatMap(({ keys }) => keys))
    return {
      merge_request: mrIid,
      head_sha: headSha,
      broken: (verdict?.broken ?? []).map(({ key, level }) => ({ key, level, accepted: accepted.has(key) })),
      acceptances: rows.map(acceptanceJson),
    }
  }
}

function exclusionRoutes(fastify: FastifyInstance, parts: DecisionRoutesOptions): void {
  const { personAccess, decisions, models, touchedNotes, queue, clock } = parts
  const address = '/api/v1/projects/:id/models/:modelId/exclusion'

  fastify.get<OfModel>(address, options, async (request) => {
    const { project } = await personAccess.getReadable(await request.person(), request.params.id)
    return answer(await getModel(project.id, request.params.modelId))
  })

  fastify.post<OfModel>(address, options, async (request, reply) => {
    const visitor = await personAccess.getAllowed(await request.person(), request.params.id, 'exclude')
    const { reason } = check(ExclusionBody, request.body, '')
    const model = await getModel(visitor.project.id, request.params.modelId)
    const isNew = await decisions.exclude({ ...uploadOf(model), ...decided(visitor, reason, clock()) })
    await queue.enqueue(await touchedNotes.listOpen(model))
    logDecision(request, visitor, { modelId: model.id, isNew }, 'Model excluded')
    return reply.code(isNew ? 201 : 200).send(await answer(model))
  })

  fastify.delete<OfModel>(address, options, async (request) => {
    const visitor = await personAccess.getAllowed(await request.person(), request.params.id, 'exclude')
    const model = await getModel(visitor.project.id, request.params.modelId)
    const ended = await decisions.include(model.projectId, model.id, deciderOf(visitor), clock())
    await queue.enqueue(await touchedNotes.listOpen(model))
    logDecision(request, visitor, { modelId: model.id, ended }, 'Model included')
    return answer(model)
  })

  async function getModel(projectId: string, modelId: string): Promise<Model> {
    const model = await models.findModel(projectId, modelId)
    if (model === null) throw new Problem('NOT_FOUND', { message: 'There is no such model in this project.' })
    if (model.pipeline !== null) return model
    throw new Problem('NOT_COMPARED', {
      message: 'The model was reported with an API token; no comparison shows it.',
    })
  }

  async function answer(model: Model) {
    const rows = await decisions.listExclusionHistory(model.projectId, model.id)
    const isExcluded = rows.some((row) => row.revokedAt === null && row.jobId === model.job.id)
    return { model: model.id, excluded: isExcluded, exclusions: rows.map(exclusionJson) }
  }
}

function holdsAt(row: StoredAcceptance, headSha: string): boolean {
  return row.revokedAt === null && row.headSha === headSha
}

function uploadOf(model: Model) {
  const { id: modelId, projectId, job, dataset, name, commit } = model
  return { projectId, modelId, jobId: job.id, dataset, name, commit }
}

function decided(visitor: Visitor, reason: string, at: Date) {
  return { ...deciderOf(visitor), reason, at }
}

export function logDecision(
  request: FastifyRequest,
  { user, project }: Visitor,
  facts: object,
  text: string,
): void {
  request.log.info({ projectId: project.id, gitlabUserId: user.id, ...facts }, text)
}

function acceptanceJson(row: StoredAcceptance) {
  const { keys, headSha, reason, at, revokedAt, revokedBy } = row
  return {
    head_sha: headSha,
    keys,
    reason,
    by: deciderJson(row),
    at,
    withdrawn_at: revokedAt,
    withdrawn_by: revokedBy && deciderJson(revokedBy),
  }
}

function exclusionJson(row: StoredExclusion) {
  const { jobId, commit, reason, at, revokedAt, revokedBy } = row
  return {
    job: jobId,
    commit,
    reason,
    by: deciderJson(row),
    at,
    included_at: revokedAt,
    included_by: revokedBy && deciderJson(revokedBy),
  }
}

function deciderJson({ gitlabUserId, username }: { gitlabUserId: number; username: string }) {
  return { id: gitlabUserId, username }
}
