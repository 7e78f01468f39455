import type { FastifyInstance } from 'fastify'

export interface HealthOptions {
  /** Rejects where the database cannot be used. */
  pingDatabase: () => Promise<unknown>
}

/** `/healthz`: the process answers. `/readyz`: it can do its work. Both open to everyone, saying nothing more. */
export async function health(fastify: FastifyInstance, options: HealthOptions): Promise<void> {
  fastify.get('/healthz', { config: { access: 'everyone' } }, async () => ({ status: 'ok' }))
  fastify.get('/readyz', { config: { access: 'everyone' } }, async (request, reply) => {
    try {
      await options.pingDatabase()
      return { status: 'ready' }
    } catch (err) {
      request.log.warn({ err }, 'Not ready')
      return reply.code(503).send({ status: 'database unavailable' })
    }
  })
}
