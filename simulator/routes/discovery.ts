import type { FastifyInstance } from 'fastify'

import type { World } from '../world.js'

/** The documents that tell who signs tokens; below the relative path, not below `/api/v4`. */
export function addDiscoveryRoutes(app: FastifyInstance, world: World): void {
  app.get('/oauth/discovery/keys', (_request, reply) => {
    reply.header('cache-control', 'public, max-age=86400, must-revalidate')
    return world.keys.jwks()
  })
  app.get('/.well-known/openid-configuration', () => ({
    issuer: world.settings.issuerUrl ?? world.url,
    authorization_endpoint: `${world.url}/oauth/authorize`,
    token_endpoint: `${world.url}/oauth/token`,
    userinfo_endpoint: `${world.url}/oauth/userinfo`,
    jwks_uri: `${world.url}/oauth/discovery/keys`,
    response_types_supported: ['code'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
  }))
}
