import { createHash } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import { rulesJsonSchema } from '../schemas/rules.js'

/** `/schemas/mlmm-rules.json`: the JSON Schema of `.mlmm.yml`, for editors. */
export async function rulesSchemaRoutes(fastify: FastifyInstance): Promise<void> {
  const body = JSON.stringify(rulesJsonSchema)
  const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`

  fastify.get('/schemas/mlmm-rules.json', { config: { access: 'everyone' } }, async (request, reply) => {
    // Editors that run in a browser fetch it from their own origin.
    reply.header('etag', etag).header('cache-control', 'public, max-age=3600')
    reply.header('access-control-allow-origin', '*').header('cross-origin-resource-policy', 'cross-origin')
    if (request.headers['if-none-match'] === etag) return reply.code(304).send()
    return reply.type('application/schema+json; charset=utf-8').send(body)
  })
}
