import type { FastifyInstance, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { Addresses } from '../domain/addresses.js'
import { Problem } from '../errors.js'
import type { AnyProjectAccess } from '../plugins/any-project-access.js'
import type { ComparisonStore } from '../stores/comparison-store.js'
import type { ModelStore } from '../stores/model-store.js'
import type { AnyProject } from '../stores/project-store.js'
import { anyProjectJson, modelJson } from './json.js'
import { formatListKey, parseListKey } from './list-key.js'

export interface ProjectRoutesOptions {
  anyAccess: AnyProjectAccess
  models: ModelStore
  comparisons: ComparisonStore
  addresses: Addresses
}

const pageSize = 50

const ProjectsQuery = z.strictObject({ after: z.string().min(1).max(1000).optional() })
const ModelsQuery = z.strictObject({
  name: z.string().min(1).max(400).optional(),
  dataset: z.string().min(1).max(400).optional(),
  before: z.string().max(200).optional(),
})

/** Reading by REST: projects, their models, what was said of their merge requests. With a personal token or a session,
 * of projects that the person may read, else of those that are open to everyone. */
export async function projectRoutes(fastify: FastifyInstance, options: ProjectRoutesOptions): Promise<void> {
  const { anyAccess, models, comparisons, addresses } = options
  const config = { access: 'person-or-open-project' } as const

  fastify.get('/api/v1/projects', { config }, async (request) => {
    const { after } = readQuery(ProjectsQuery, request.query)
    const page = { limit: pageSize, after: after ?? null }
    const { projects, next } = await anyAccess.listReadable(await request.findPerson(), page)
    return { projects: projects.map((project) => anyProjectJson(project, addresses)), next }
  })

  fastify.get<{ Params: { id: string } }>('/api/v1/projects/:id', { config }, async (request) =>
    anyProjectJson(await getProject(request), addresses),
  )

  fastify.get<{ Params: { id: string } }>('/api/v1/projects/:id/models', { config }, async (request) => {
    const project = await getProject(request)
    const { name, dataset, before } = readQuery(ModelsQuery, request.query)
    const page = await models.listNewest(
      project.id,
      { ...(name !== undefined && { name }), ...(dataset !== undefined && { dataset }) },
      { limit: pageSize, before: parseListKey(before ?? null) },
    )
    return {
      models: page.models.map((model) => modelJson(model, project, addresses)),
      next: page.next === null ? null : formatListKey(page.next),
    }
  })

  fastify.get<{ Params: { id: string; modelId: string } }>(
    '/api/v1/projects/:id/models/:modelId',
    { config },
    async (request) => {
      const project = await getProject(request)
      const model = await models.findModel(project.id, request.params.modelId)
      if (model === null)
        throw new Problem('NOT_FOUND', { message: 'There is no such model in this project.' })
      return modelJson(model, project, addresses)
    },
  )

  fastify.get<{ Params: { id: string; iid: string } }>(
    '/api/v1/projects/:id/merge_requests/:iid',
    { config },
    async (request) => {
      const project = await getProject(request)
      const iid = /^\d{1,12}$/.test(request.params.iid) ? Number(request.params.iid) : null
      const found = iid === null ? null : await comparisons.find(project.id, iid)
      if (found === null) {
        throw new Problem('NOT_FOUND', {
          message: 'No model was reported for a merge request with this number.',
        })
      }
      return {
        iid: found.mrIid,
        state: found.mrState,
        url: found.mrUrl,
        target_branch: found.targetBranch,
        head: found.headSha,
        verdict: { state: found.verdict?.state ?? null, summary: found.summary, lines: found.lines },
        judged_at: found.judgedAt,
      }
    },
  )

  async function getProject(request: FastifyRequest<{ Params: { id: string } }>): Promise<AnyProject> {
    return (await anyAccess.getReadable(await request.findPerson(), request.params.id)).project
  }
}

function readQuery<T extends z.ZodType>(schema: T, query: unknown): z.infer<T> {
  const parsed = schema.safeParse(query)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  const field = issue?.code === 'unrecognized_keys' ? issue.keys[0] : String(issue?.path[0] ?? '')
  throw new Problem('INVALID_QUERY', { message: `The query parameter ${field} is not accepted.`, field })
}
