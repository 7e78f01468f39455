import formbody from '@fastify/formbody'
import type { FastifyInstance } from 'fastify'
import type { Addresses } from '../domain/addresses.js'
import { Problem } from '../errors.js'
import type { AnyProjectAccess } from '../plugins/any-project-access.js'
import { personOf } from '../plugins/person-identity.js'
import { standaloneSettingsView } from '../render/pages/standalone-settings.js'
import { visibleText } from '../render/text.js'
import { ConfirmForm } from '../schemas/standalone-forms.js'
import { formBodyBytes } from './account.js'
import type { Deleting } from './deleting.js'
import { createPageErrorHandler } from './pages/errors.js'

export interface DeletionPagesOptions {
  deleting: Deleting
  anyAccess: AnyProjectAccess
  /** Without the host. */
  addresses: Addresses
  publicUrl: string
}

type OfProject = { Params: { id: string } }
type OfModel = { Params: { id: string; modelId: string } }

const options = { config: { access: 'session' }, bodyLimit: formBodyBytes } as const

/** The forms that delete for good. */
export async function deletionPages(fastify: FastifyInstance, parts: DeletionPagesOptions): Promise<void> {
  const { deleting, anyAccess, addresses } = parts
  fastify.setErrorHandler(createPageErrorHandler(parts))
  await fastify.register(formbody, { bodyLimit: formBodyBytes })

  fastify.post<OfModel>('/-/projects/:id/models/:modelId/delete', options, async (request, reply) => {
    const person = personOf(await request.getSession())
    const { id: projectId, modelId } = request.params
    const confirm = confirmOf(request.body)
    const { project, model } = await deleting.deleteModel(person, {
      projectId,
      modelId,
      from: request.ip,
      isConfirmed: ({ name }) => confirm === name || confirm === visibleText(name, 200),
    })
    request.log.info({ projectId: project.id, modelId: model.id }, 'Model deleted')
    return reply.redirect(addresses.project(project.path), 303)
  })

  fastify.post<OfProject>('/-/projects/:id/delete', options, async (request, reply) => {
    const person = personOf(await request.getSession())
    const { id: projectId } = request.params
    const confirm = confirmOf(request.body).trim()
    try {
      const project = await deleting.deleteProject(person, { projectId, confirm, from: request.ip })
      request.log.info({ projectId: project.id }, 'Project hidden, to be deleted')
      return await reply.redirect(addresses.projects(), 303)
    } catch (error) {
      if (!(error instanceof Problem) || error.code !== 'NOT_CONFIRMED') throw error
      const { project } = await anyAccess.getReadable(person, projectId)
      if (project.gitlabProjectId !== null)
        return await reply.redirect(addresses.settings(project.path, 'wrong-path'), 303)
      const problem = { at: 'delete', message: `This is not ${project.path}. Nothing was deleted.` } as const
      const { gitlabUserId } = person
      const view = standaloneSettingsView({ project, gitlabUserId, problem, written: {}, addresses })
      return reply.code(400).renderPage('standalone-settings', view)
    }
  })

  fastify.post('/-/profile/delete', options, async (request, reply) => {
    const session = await request.getSession()
    await deleting.deletePerson(personOf(session), confirmOf(request.body).trim().replace(/^@/, ''))
    await reply.endSession()
    request.log.info('Data of a person deleted')
    return reply.header('cache-control', 'no-store').redirect(addresses.projects(), 303)
  })
}

function confirmOf(body: unknown): string {
  const form = ConfirmForm.safeParse(body ?? {})
  if (form.success) return form.data.confirm
  throw new Problem('INVALID_REQUEST', { message: 'This is not the form of this page.' })
}
