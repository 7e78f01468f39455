import formbody from '@fastify/formbody'
import type { FastifyInstance } from 'fastify'
import type { Addresses } from '../domain/addresses.js'
import { Problem } from '../errors.js'
import type { KeptAccess } from '../grants/kept-access.js'
import { profileView } from '../render/pages/profile.js'
import type { ProjectStore } from '../stores/project-store.js'
import type { Session, SessionStore } from '../stores/session-store.js'
import { createPageErrorHandler } from './pages/errors.js'
import { tokenRoutes, type TokenRoutesOptions } from './tokens.js'

export interface AccountOptions extends TokenRoutesOptions {
  sessions: SessionStore
  projects: Pick<ProjectStore, 'listOnlyMaintainedBy'>
  /** Null where nobody can sign in. */
  keptAccess: KeptAccess | null
  /** Without the host. */
  addresses: Addresses
  publicUrl: string
  gitlabUrl: string
}

export const formBodyBytes = 64 * 1024
const options = { config: { access: 'session' }, bodyLimit: formBodyBytes } as const

/** Pages of one's own: the profile with its sessions, and the tokens. */
export async function accountRoutes(fastify: FastifyInstance, parts: AccountOptions): Promise<void> {
  const { sessions, projects, keptAccess, addresses, gitlabUrl, clock } = parts
  fastify.setErrorHandler(createPageErrorHandler(parts))
  await fastify.register(formbody, { bodyLimit: formBodyBytes })
  await fastify.register(tokenRoutes, parts)

  fastify.get('/-/profile', options, async (request, reply) => {
    const session = await request.getSession()
    const view = profileView({
      person: session,
      gitlabUrl,
      sessions: await sessions.list(session.gitlabUserId, clock()),
      currentId: session.id,
      access: (await keptAccess?.list(session.gitlabUserId)) ?? [],
      onlyMaintained: await projects.listOnlyMaintainedBy(session.gitlabUserId),
      addresses,
    })
    return reply.renderPage('profile', view)
  })

  fastify.post<{ Params: { id: string } }>(
    '/-/profile/sessions/:id/revoke',
    options,
    async (request, reply) => {
      const session = await request.getSession()
      const { id } = request.params
      if (id === session.id) await reply.endSession()
      else if (!(await sessions.end(id, session.gitlabUserId))) {
        throw new Problem('NOT_FOUND', { message: 'You have no such session, or it has ended.' })
      }
      request.log.info(idsOf(session), 'Session ended')
      return reply.redirect(id === session.id ? addresses.projects() : addresses.profile(), 303)
    },
  )

  fastify.post('/-/profile/gitlab/forget', options, async (request, reply) => {
    const session = await request.getSession()
    await keptAccess?.forget(session.gitlabUserId)
    request.log.info(idsOf(session), 'Access to GitLab forgotten')
    return reply.redirect(addresses.profile(), 303)
  })

  fastify.post('/-/sign-out', options, async (request, reply) => {
    await request.session()
    await reply.endSession()
    return reply.header('cache-control', 'no-store').redirect(addresses.projects(), 303)
  })

  fastify.post('/-/sign-out/everywhere', options, async (request, reply) => {
    const session = await request.getSession()
    const count = await sessions.endAll(session.gitlabUserId)
    await reply.endSession()
    request.log.info({ ...idsOf(session), count }, 'Signed out everywhere')
    return reply.header('cache-control', 'no-store').redirect(addresses.projects(), 303)
  })
}

function idsOf({ gitlabUserId }: Session) {
  return { gitlabUserId }
}
