import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

import { ApiError } from '../errors.js'
import { deny, grant, readAuthorization, skipsConsent } from '../oauth/authorization.js'
import { userClaims } from '../oauth/claims.js'
import { oauthDescription, oauthError, type OAuthErrorCode } from '../oauth/errors.js'
import { clientOf, exchange, introspect, revoke, tokenInfo, type OAuthFields } from '../oauth/tokens.js'
import { consentPage, oauthErrorPage, signInPage } from '../pages/oauth.js'
import { getUser, suspension, tokenState } from '../people.js'
import type { AccessToken } from '../state.js'
import type { World } from '../world.js'
import { formOf, requireOwnOrigin, sendPage, signedInUser } from './sessions.js'

/** OAuth as in section 1 of the contract: the pages for a browser and the endpoints for programs. */
export function addOAuthRoutes(app: FastifyInstance, world: World): void {
  addPages(app, world)
  app.post('/oauth/token', (request, reply) => {
    reply.headers({ 'cache-control': 'no-store', pragma: 'no-cache' })
    return exchange(world, readFields(request))
  })
  app.post('/oauth/revoke', (request) => {
    const fields = readFields(request)
    const application = clientOf(world, fields)
    if (application === null) throw oauthError('unauthorized_client')
    revoke(world, fields['token'] ?? '', application)
    return {}
  })
  app.post('/oauth/introspect', (request) => {
    const fields = readFields(request)
    const application = clientOf(world, fields)
    if (application === null) throw oauthError('invalid_client')
    return introspect(world, fields['token'] ?? '', application)
  })
  app.get('/oauth/token/info', (request) => tokenInfo(world, bearerOf(world, request)))
  for (const method of ['GET', 'POST'] as const) {
    app.route({
      method,
      url: '/oauth/userinfo',
      handler: (request) => userInfo(world, bearerOf(world, request)),
    })
  }
}

function addPages(app: FastifyInstance, world: World): void {
  app.get('/oauth/authorize', (request, reply) => {
    const query = new URL(request.url, 'http://unused').searchParams
    const asked = readAuthorization(world, query)
    if ('error' in asked) return sendError(world, reply, asked.error)
    const user = signedInUser(world, request)
    if (user === null) return sendPage(world, reply, signInPage(world, `/oauth/authorize?${query}`, null))
    if (skipsConsent(world, asked, user)) return reply.redirect(grant(world, asked, user), 302)
    return sendPage(world, reply, consentPage(world, asked, user, query))
  })

  app.post('/oauth/authorize', (request, reply) => {
    requireOwnOrigin(request)
    const form = formOf(request)
    const asked = readAuthorization(world, form)
    if ('error' in asked) return sendError(world, reply, asked.error)
    const user = signedInUser(world, request)
    if (user === null) return reply.redirect(`${world.url}/users/sign_in`, 302)
    const authorized = form.get('decision') === 'authorize'
    return reply.redirect(authorized ? grant(world, asked, user) : deny(asked), 302)
  })
}

/** GitLab answers 200 to what it cannot send back. */
function sendError(world: World, reply: FastifyReply, code: OAuthErrorCode): FastifyReply {
  return sendPage(world, reply, oauthErrorPage(code, oauthDescription(code)))
}

/** A form or JSON, and the credentials of HTTP Basic. */
function readFields(request: FastifyRequest): OAuthFields {
  const fields: OAuthFields = {}
  for (const [name, value] of Object.entries((request.body ?? {}) as Record<string, unknown>)) {
    if (typeof value === 'string') fields[name] = value
  }
  const encoded = /^basic (.+)$/i.exec(request.headers.authorization ?? '')?.[1]
  if (encoded === undefined) return fields
  const [id = '', secret = ''] = Buffer.from(encoded, 'base64').toString().split(':')
  return { ...fields, client_id: formDecoded(id), client_secret: formDecoded(secret) }
}

function formDecoded(text: string): string {
  return new URLSearchParams(`v=${text}`).get('v') ?? ''
}

/** The OAuth token that the request is made with. */
function bearerOf(world: World, request: FastifyRequest): AccessToken {
  const query = (request.query as Record<string, unknown>)['access_token']
  const header = /^bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1]
  const token = world.state.tokens.get(header ?? (typeof query === 'string' ? query : ''))
  if (token === undefined || token.kind !== 'oauth') throw invalidToken('The access token is invalid')
  const state = tokenState(token, world.now())
  if (state === 'expired') throw invalidToken('The access token expired')
  if (state === 'revoked') throw invalidToken('The access token was revoked')
  return token
}

function invalidToken(description: string): ApiError {
  return new ApiError(
    401,
    { error: 'invalid_token', error_description: description },
    {
      'www-authenticate': `Bearer realm="GitLab", error="invalid_token", error_description="${description}"`,
    },
  )
}

function userInfo(world: World, token: AccessToken): Record<string, unknown> {
  if (!token.scopes.includes('openid')) {
    throw new ApiError(403, {
      error: 'insufficient_scope',
      error_description: 'The request requires higher privileges than provided by the access token.',
      scope: 'openid',
    })
  }
  const user = getUser(world, token.userId)
  if (suspension(world, user) !== null) throw invalidToken('The access token is invalid')
  return userClaims(world, user, token.scopes)
}
