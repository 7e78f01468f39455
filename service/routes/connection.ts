import type { FastifyInstance } from 'fastify'
import type { Disconnect } from '../connection/disconnecting.js'
import type { PersonAccess } from '../plugins/person-access.js'
import type { AuditStore } from '../stores/audit-store.js'

export interface ConnectionRoutesOptions {
  personAccess: Pick<PersonAccess, 'getAllowed'>
  disconnect: Disconnect
  audit: Pick<AuditStore, 'record'>
  clock: () => Date
}

const options = { config: { access: 'person' }, bodyLimit: 64 * 1024 } as const

/** `DELETE /api/v1/projects/:id/connection`: ends what is done for a project and keeps what is stored. */
export async function connectionRoutes(
  fastify: FastifyInstance,
  parts: ConnectionRoutesOptions,
): Promise<void> {
  const { personAccess, disconnect, audit, clock } = parts

  fastify.delete<{ Params: { id: string } }>('/api/v1/projects/:id/connection', options, async (request) => {
    const person = await request.person()
    const { project, user } = await personAccess.getAllowed(person, request.params.id, 'configure')
    const { isNew, leftovers } = await disconnect(project, user.id)
    if (isNew) {
      const by = { gitlabUserId: user.id, username: user.username }
      const subject = { projectId: project.id, subject: project.path }
      await audit.record({ action: 'project_disconnected', at: clock(), ...subject, by, from: request.ip })
    }
    return { id: project.id, state: 'disconnected', left_in_gitlab: leftovers }
  })
}
