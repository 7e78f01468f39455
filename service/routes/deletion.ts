import type { FastifyInstance } from 'fastify'
import type { Deleting } from './deleting.js'

export interface DeletionRoutesOptions {
  deleting: Deleting
}

type OfProject = { Params: { id: string }; Querystring: { confirm?: string } }
type OfModel = { Params: { id: string; modelId: string } }
type OfPerson = { Querystring: { confirm?: string } }

const options = { config: { access: 'person' }, bodyLimit: 64 * 1024 } as const

/** Deleting for good by REST: a model, a project, one's own data. */
export async function deletionRoutes(
  fastify: FastifyInstance,
  { deleting }: DeletionRoutesOptions,
): Promise<void> {
  fastify.delete<OfModel>('/api/v1/projects/:id/models/:modelId', options, async (request, reply) => {
    const { id: projectId, modelId } = request.params
    const person = await request.person()
    const { project, model } = await deleting.deleteModel(person, { projectId, modelId, from: request.ip })
    request.log.info({ projectId: project.id, modelId: model.id }, 'Model deleted')
    return reply.code(204).send()
  })

  fastify.delete<OfProject>('/api/v1/projects/:id', options, async (request, reply) => {
    const { id: projectId } = request.params
    const { confirm } = request.query
    const person = await request.person()
    const project = await deleting.deleteProject(person, { projectId, confirm, from: request.ip })
    request.log.info({ projectId: project.id }, 'Project hidden, to be deleted')
    return reply.code(202).send({ id: project.id, state: 'deleting' })
  })

  fastify.delete<OfPerson>('/api/v1/user', options, async (request, reply) => {
    await deleting.deletePerson(await request.person(), request.query.confirm)
    request.log.info('Data of a person deleted')
    return reply.code(204).send()
  })
}
