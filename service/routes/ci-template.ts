import { createHash } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import { renderCiTemplate } from '../render/ci-template.js'

export interface CiTemplateRoutesOptions {
  /** The component file of `ci-templates/`. */
  source: string
  publicUrl: string
}

/** `/ci/v1/mlmm.yml`: the template for `include: remote:`. Its addresses come from the configuration, never from the
 * request's Host header. */
export async function ciTemplateRoutes(
  fastify: FastifyInstance,
  { source, publicUrl }: CiTemplateRoutesOptions,
): Promise<void> {
  const template = renderCiTemplate(source, { url: publicUrl })
  const etag = `"${createHash('sha256').update(template).digest('base64url').slice(0, 22)}"`

  fastify.get('/ci/v1/mlmm.yml', { config: { access: 'everyone' } }, async (request, reply) => {
    reply.header('etag', etag).header('cache-control', 'public, max-age=300')
    if (request.headers['if-none-match'] === etag) return reply.code(304).send()
    return reply.type('application/yaml; charset=utf-8').send(template)
  })
}
