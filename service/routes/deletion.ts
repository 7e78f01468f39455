import type { FastifyInstance, FastifyRequest } from 'fastify'
import { Problem } from '../errors.js'
import { jobKey } from '../jobs/keys.js'
import type { Queue } from '../jobs/queue.js'
import type { KeptAccess } from '../kept-access.js'
import type { AnyProjectAccess, AnyVisitor } from '../plugins/any-project-access.js'
import type { PersonAccess } from '../plugins/person-access.js'
import type { AuditStore } from '../stores/audit-store.js'
import type { DeletionStore } from '../stores/deletion-store.js'
import type { ModelStore } from '../stores/model-store.js'
import type { ProjectStore } from '../stores/project-store.js'
import type { UserStore } from '../stores/user-store.js'
import type { TouchedNotes } from './touched-notes.js'

export interface DeletionRoutesOptions {
  anyAccess: AnyProjectAccess
  personAccess: Pick<PersonAccess, 'getUser'>
  projects: Pick<ProjectStore, 'markDeleting' | 'listOnlyMaintainedBy' | 'leaveAll'>
  models: Pick<ModelStore, 'findModel'>
  users: Pick<UserStore, 'erase'>
  deletions: DeletionStore
  audit: AuditStore
  /** Null where nobody can sign in. */
  keptAccess: KeptAccess | null
  touchedNotes: TouchedNotes
  queue: Pick<Queue, 'enqueue'>
  clock: () => Date
}

const crashedAfterMs = 60_000

type OfProject = { Params: { id: string }; Querystring: { confirm?: string } }
type OfModel = { Params: { id: string; modelId: string } }
type OfPerson = { Querystring: { confirm?: string } }

const options = { config: { access: 'person' }, bodyLimit: 64 * 1024 } as const

/** Deleting for good: a model, a project, one's own data. Each leaves a line in the audit log. */
export async function deletionRoutes(fastify: FastifyInstance, parts: DeletionRoutesOptions): Promise<void> {
  const { anyAccess, projects, models, deletions, audit, touchedNotes, queue, clock } = parts

  fastify.delete<OfModel>('/api/v1/projects/:id/models/:modelId', options, async (request, reply) => {
    const visitor = await anyAccess.getAllowed(await request.person(), request.params.id, 'delete')
    const { project } = visitor
    const model = await models.findModel(project.id, request.params.modelId)
    if (model === null) throw new Problem('NOT_FOUND', { message: 'There is no such model in this project.' })
    const notes = model.pipeline === null ? [] : await touchedNotes(model)
    const subject = `${project.path}: ${model.name} on ${model.dataset}`
    await record(request, visitor, 'model_deleted', subject)
    await deletions.deleteModel(model)
    await queue.enqueue(notes)
    request.log.info({ projectId: project.id, modelId: model.id }, 'Model deleted')
    return reply.code(204).send()
  })

  fastify.delete<OfProject>('/api/v1/projects/:id', options, async (request, reply) => {
    const visitor = await anyAccess.getAllowed(await request.person(), request.params.id, 'delete')
    const { project } = visitor
    requireConfirmed(request.query.confirm, project.path)
    await record(request, visitor, 'project_deleted', project.path)
    // Asked for first, in a while: a crash in between leaves a job that finishes it, or finds nothing to do.
    await queue.enqueue(jobKey.deleteProject(project.id), { delayMs: crashedAfterMs })
    await projects.markDeleting(project.id, clock())
    await queue.enqueue(jobKey.deleteProject(project.id))
    request.log.info({ projectId: project.id }, 'Project hidden, to be deleted')
    return reply.code(202).send({ id: project.id, state: 'deleting' })
  })

  fastify.delete<OfPerson>('/api/v1/user', options, async (request, reply) => {
    await deletePerson(parts, request)
    return reply.code(204).send()
  })

  function record(
    request: FastifyRequest,
    { project, user }: AnyVisitor,
    action: 'model_deleted' | 'project_deleted',
    subject: string,
  ): Promise<void> {
    const by = { gitlabUserId: user.id, username: user.username }
    return audit.record({ action, at: clock(), projectId: project.id, subject, by, from: request.ip })
  }
}

async function deletePerson(parts: DeletionRoutesOptions, request: FastifyRequest<OfPerson>): Promise<void> {
  const { personAccess, projects, users, deletions, audit, keptAccess, clock } = parts
  const person = await request.person()
  if (person.scope !== 'write' || person.projectIds !== null) {
    throw new Problem('API_TOKEN_READ_ONLY', { message: 'The token may not delete its person.' })
  }
  const { id, username } = await personAccess.getUser(person)
  requireConfirmed(request.query.confirm, username)
  const owned = await projects.listOnlyMaintainedBy(id)
  if (owned.length > 0) {
    const paths = owned.slice(0, 5).map(({ path }) => path)
    throw new Problem('LAST_MAINTAINER', {
      message: `Nobody else is a Maintainer of ${paths.join(', ')}${owned.length > 5 ? ' and others' : ''}.`,
    })
  }
  await keptAccess?.forget(id)
  await projects.leaveAll(id)
  await deletions.deletePerson(id)
  await users.erase(id)
  await audit.forgetPerson(id)
  await audit.record({
    action: 'person_deleted',
    at: clock(),
    projectId: null,
    subject: 'a former user',
    by: null,
    from: null,
  })
  request.log.info('Data of a person deleted')
}

function requireConfirmed(confirm: string | undefined, wanted: string): void {
  if (confirm === wanted) return
  throw new Problem('NOT_CONFIRMED', {
    message: `To delete ${wanted} for good, send its name again as confirm.`,
    field: 'confirm',
    value: confirm,
  })
}
