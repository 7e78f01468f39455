import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'

import { getUser, suspension } from '../people.js'
import type { AccessToken, Application, AuthorizationCode, RefreshToken } from '../state.js'
import type { World } from '../world.js'
import { findApplication, scopeList } from './applications.js'
import { signInToken } from './claims.js'
import { oauthError } from './errors.js'

const codeLifetimeMs = 10 * 60_000
const tokenLifetimeSeconds = 7200

/** What one sends to the endpoints for programs, with the credentials of HTTP Basic put among the fields. */
export type OAuthFields = Record<string, string | null>

/** The application that asks, by its secret; public ones have none. */
export function clientOf(world: World, fields: OAuthFields): Application | null {
  const application = findApplication(world, fields['client_id'] ?? '')
  const secret = fields['client_secret'] ?? null
  if (application === null) return null
  if (secret === null || secret === '') return application.confidential ? null : application
  return sameText(secret, application.clientSecret) ? application : null
}

function sameText(one: string, other: string): boolean {
  const [a, b] = [one, other].map((text) => createHash('sha256').update(text).digest())
  return a !== undefined && b !== undefined && timingSafeEqual(a, b)
}

/** `POST /oauth/token` */
export function exchange(world: World, fields: OAuthFields): Record<string, unknown> {
  const type = fields['grant_type'] ?? null
  if (type === null) throw oauthError('invalid_request')
  if (type !== 'authorization_code' && type !== 'refresh_token') throw oauthError('unsupported_grant_type')
  const application = clientOf(world, fields)
  if (application === null) throw oauthError('invalid_client')
  return type === 'authorization_code'
    ? exchangeCode(world, application, fields)
    : refresh(world, application, fields)
}

function exchangeCode(world: World, application: Application, fields: OAuthFields): Record<string, unknown> {
  const value = fields['code'] ?? null
  const redirectUri = fields['redirect_uri'] ?? null
  if (value === null || redirectUri === null) throw oauthError('invalid_request')
  const code = world.state.authorizationCodes.get(value)
  if (code === undefined || code.used || code.applicationId !== application.id)
    throw oauthError('invalid_grant')
  if (world.now().getTime() >= code.createdAt.getTime() + codeLifetimeMs) throw oauthError('invalid_grant')
  if (code.redirectUri !== redirectUri) throw oauthError('invalid_grant')
  checkVerifier(code, fields['code_verifier'] ?? null)
  refuseSuspended(world, code.userId)
  code.used = true
  const answer = issue(world, code)
  if (!code.scopes.includes('openid')) return answer
  return { ...answer, id_token: signInToken(world, application, code) }
}

function checkVerifier(code: AuthorizationCode, verifier: string | null): void {
  if (code.challenge === null) {
    if (verifier !== null) throw oauthError('invalid_grant')
    return
  }
  if (verifier === null) throw oauthError('invalid_request')
  if (!/^[A-Za-z0-9\-._~]{43,128}$/.test(verifier)) throw oauthError('invalid_grant')
  const { method, value } = code.challenge
  const made = method === 'plain' ? verifier : createHash('sha256').update(verifier).digest('base64url')
  if (made !== value) throw oauthError('invalid_grant')
}

/** Kills the old pair at once: whoever comes second with the same refresh token has lost the grant. */
function refresh(world: World, application: Application, fields: OAuthFields): Record<string, unknown> {
  const value = fields['refresh_token'] ?? null
  if (value === null) throw oauthError('invalid_request')
  const old = world.state.refreshTokens.get(value)
  if (old === undefined || old.state !== 'active' || old.applicationId !== application.id) {
    throw oauthError('invalid_grant')
  }
  const redirectUri = fields['redirect_uri'] ?? null
  if (redirectUri !== null && redirectUri !== old.redirectUri) throw oauthError('invalid_grant')
  refuseSuspended(world, old.userId)
  const scopes =
    fields['scope'] === undefined || fields['scope'] === null ? old.scopes : scopeList(fields['scope'])
  if (!scopes.every((scope) => old.scopes.includes(scope))) throw oauthError('invalid_scope')
  old.usedAt = world.now()
  revokePair(world, old)
  return issue(world, { ...old, scopes })
}

/** Suspended people get no tokens; GitLab's answer is not known and taken to be this. */
function refuseSuspended(world: World, userId: number): void {
  if (suspension(world, getUser(world, userId)) !== null) throw oauthError('invalid_grant')
}

type Granted = Pick<RefreshToken, 'applicationId' | 'userId' | 'redirectUri' | 'scopes'>

function issue(world: World, granted: Granted): Record<string, unknown> {
  const { applicationId, userId, redirectUri, scopes } = granted
  const createdAt = world.now()
  const [accessToken, refreshToken] = [randomBytes(32).toString('hex'), randomBytes(32).toString('hex')]
  world.state.tokens.set(accessToken, {
    id: world.state.nextId('token'),
    value: accessToken,
    kind: 'oauth',
    name: '',
    userId,
    scopes,
    state: 'active',
    createdAt,
    expiresAt: new Date(createdAt.getTime() + tokenLifetimeSeconds * 1000),
    lastUsedAt: null,
    projectId: null,
    applicationId,
  })
  world.state.refreshTokens.set(refreshToken, {
    value: refreshToken,
    accessToken,
    applicationId,
    userId,
    redirectUri,
    scopes,
    state: 'active',
    usedAt: null,
    createdAt,
  })
  return {
    access_token: accessToken,
    token_type: 'Bearer',
    expires_in: tokenLifetimeSeconds,
    refresh_token: refreshToken,
    scope: scopes.join(' '),
    created_at: unixSeconds(createdAt),
  }
}

function revokePair(world: World, refreshToken: RefreshToken): void {
  refreshToken.state = 'revoked'
  const token = world.state.tokens.get(refreshToken.accessToken)
  if (token !== undefined) token.state = 'revoked'
}

/** Revokes the pair that the value, of either kind, belongs to; unknown values are nobody's business. */
export function revoke(world: World, value: string, application: Application): void {
  for (const refreshToken of world.state.refreshTokens.values()) {
    if (refreshToken.value !== value && refreshToken.accessToken !== value) continue
    if (refreshToken.applicationId !== application.id) throw oauthError('unauthorized_client')
    revokePair(world, refreshToken)
  }
}

/** What a person does who withdraws their consent, from all applications or from one. */
export function revokeGrants(world: World, userId: number, applicationId?: number): void {
  for (const refreshToken of world.state.refreshTokens.values()) {
    if (refreshToken.userId !== userId) continue
    if (applicationId === undefined || refreshToken.applicationId === applicationId)
      revokePair(world, refreshToken)
  }
}

export function tokenInfo(world: World, token: AccessToken): Record<string, unknown> {
  const expiresIn = secondsLeft(world, token)
  const application = world.state.applications.get(token.applicationId ?? -1)
  return {
    resource_owner_id: token.userId,
    scope: token.scopes,
    expires_in: expiresIn,
    application: { uid: application?.clientId ?? null },
    created_at: unixSeconds(token.createdAt),
    scopes: token.scopes,
    expires_in_seconds: expiresIn,
  }
}

function secondsLeft(world: World, token: AccessToken): number | null {
  return token.expiresAt === null ? null : unixSeconds(token.expiresAt) - unixSeconds(world.now())
}

/** What introspection says of a token of the application that asks; anything else is not active. */
export function introspect(world: World, value: string, application: Application): Record<string, unknown> {
  const token = world.state.tokens.get(value)
  const refreshToken = world.state.refreshTokens.get(value)
  const found = token ?? refreshToken
  if (found === undefined || found.applicationId !== application.id) return { active: false }
  const expiresAt = token?.expiresAt ?? null
  if (found.state !== 'active' || (expiresAt !== null && expiresAt <= world.now())) return { active: false }
  return {
    active: true,
    scope: found.scopes.join(' '),
    client_id: application.clientId,
    token_type: 'Bearer',
    ...(expiresAt === null ? {} : { exp: unixSeconds(expiresAt) }),
    iat: unixSeconds(found.createdAt),
  }
}

function unixSeconds(date: Date): number {
  return Math.floor(date.getTime() / 1000)
}
