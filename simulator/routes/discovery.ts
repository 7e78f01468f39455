import type { FastifyInstance } from 'fastify'

import { knownScopes } from '../oauth/applications.js'
import type { World } from '../world.js'

/** The documents that tell who signs tokens; below the relative path, not below `/api/v4`. */
export function addDiscoveryRoutes(app: FastifyInstance, world: World): void {
  app.get('/oauth/discovery/keys', (_request, reply) => {
    reply.header('cache-control', 'public, max-age=86400, must-revalidate')
    return world.keys.jwks()
  })
  for (const name of ['openid-configuration', 'oauth-authorization-server']) {
    app.get(`/.well-known/${name}`, () => metadata(world))
  }
}

function metadata(world: World): Record<string, unknown> {
  return {
    issuer: world.settings.issuerUrl ?? world.url,
    authorization_endpoint: `${world.url}/oauth/authorize`,
    token_endpoint: `${world.url}/oauth/token`,
    revocation_endpoint: `${world.url}/oauth/revoke`,
    introspection_endpoint: `${world.url}/oauth/introspect`,
    userinfo_endpoint: `${world.url}/oauth/userinfo`,
    jwks_uri: `${world.url}/oauth/discovery/keys`,
    scopes_supported: knownScopes,
    response_types_supported: ['code'],
    response_modes_supported: ['query'],
    grant_types_supported: ['authorization_code', 'refresh_token'],
    token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
    claim_types_supported: ['normal'],
    claims_supported: [
      'iss',
      'sub',
      'aud',
      'exp',
      'iat',
      'sub_legacy',
      'name',
      'nickname',
      'preferred_username',
      'email',
      'email_verified',
      'profile',
      'picture',
      'groups',
      'groups_direct',
    ],
    code_challenge_methods_supported: ['plain', 'S256'],
  }
}
