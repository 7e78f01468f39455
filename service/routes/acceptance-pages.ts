import formbody from '@fastify/formbody'
import type { FastifyInstance, FastifyReply } from 'fastify'
import type { Addresses } from '../domain/addresses.js'
import { Problem } from '../errors.js'
import type { PersonAccess, Visitor } from '../plugins/person-access.js'
import { personOf } from '../plugins/person-identity.js'
import { AcceptanceForm } from '../schemas/decision.js'
import { type AcceptancesOptions, createAcceptances } from './acceptances.js'
import { formBodyBytes } from './account.js'
import { logDecision } from './decisions.js'
import { createPageErrorHandler } from './pages/errors.js'

export interface AcceptancePagesOptions extends AcceptancesOptions {
  personAccess: Pick<PersonAccess, 'getAllowed'>
  /** Without the host. */
  addresses: Addresses
  publicUrl: string
}

type Route = { Params: { id: string; iid: string } }

const options = { config: { access: 'session' }, bodyLimit: formBodyBytes } as const

/** The forms of a merge request's page. Each leads back to it, which says in one line what came of it. */
export async function acceptancePages(
  fastify: FastifyInstance,
  parts: AcceptancePagesOptions,
): Promise<void> {
  const { personAccess, addresses } = parts
  const acceptances = createAcceptances(parts)
  fastify.setErrorHandler(createPageErrorHandler(parts))
  await fastify.register(formbody, { bodyLimit: formBodyBytes })

  fastify.post<Route>('/-/projects/:id/merge_requests/:iid/accept', options, async (request, reply) => {
    const person = personOf(await request.getSession())
    const { id, iid } = request.params
    const visitor = await personAccess.getAllowed(person, id, 'accept')
    const { mrIid } = await acceptances.getComparison(visitor.project.id, iid)
    const form = AcceptanceForm.safeParse(request.body ?? {})
    if (!form.success) return back(reply, visitor, { mrIid, result: 'no-reason' })
    try {
      const { comparison, isNew } = await acceptances.accept(visitor, iid, form.data)
      logDecision(request, visitor, { mrIid, headSha: comparison.headSha, isNew }, 'Broken rules accepted')
      return await back(reply, visitor, { mrIid, result: 'accepted' })
    } catch (error) {
      const result = error instanceof Problem ? refusals.get(error.code) : undefined
      if (result === undefined) throw error
      return back(reply, visitor, { mrIid, result })
    }
  })

  fastify.post<Route>('/-/projects/:id/merge_requests/:iid/withdraw', options, async (request, reply) => {
    const person = personOf(await request.getSession())
    const { id, iid } = request.params
    const visitor = await personAccess.getAllowed(person, id, 'accept')
    const { comparison, ended } = await acceptances.withdraw(visitor, iid)
    const { mrIid } = comparison
    logDecision(request, visitor, { mrIid, ended }, 'Acceptance withdrawn')
    return back(reply, visitor, { mrIid, result: 'withdrawn' })
  })

  function back(
    reply: FastifyReply,
    { project }: Visitor,
    { mrIid, result }: { mrIid: number; result: string },
  ): FastifyReply {
    return reply.redirect(addresses.mergeRequest(project.path, mrIid, result), 303)
  }
}

const refusals: ReadonlyMap<string, string> = new Map([
  ['HEAD_CHANGED', 'head-changed'],
  ['NOTHING_TO_ACCEPT', 'nothing'],
])
