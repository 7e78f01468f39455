import type { FastifyInstance } from 'fastify'
import { wantsText } from '../plugins/error-handler.js'
import type { ProjectAccess } from '../plugins/project-access.js'
import type { GateReader } from './gate-verdict.js'
import { readWaitMs } from './wait-query.js'

export interface GateRoutesOptions {
  access: ProjectAccess
  gate: GateReader
}

/** `GET /api/v1/gate`: the verdict on the pipeline that the ID token is from. */
export async function gateRoutes(
  fastify: FastifyInstance,
  { access, gate }: GateRoutesOptions,
): Promise<void> {
  fastify.get('/api/v1/gate', { config: { access: 'job' } }, async (request, reply) => {
    const waitMs = readWaitMs(request.query)
    const identity = await request.ciIdentity()
    const project = await access.getForJob(identity.gitlabProjectId)
    const answer = await gate.wait(project, identity, { waitMs, isGone: () => request.raw.destroyed })
    const { state, summary, lines, mergeRequestUrls } = answer
    if (!wantsText(request))
      return reply.send({ state, summary, lines, links: { merge_requests: mergeRequestUrls } })
    return reply.type('text/plain; charset=utf-8').send([`gate ${state}`, ...lines, ''].join('\n'))
  })
}
