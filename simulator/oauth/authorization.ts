import { randomBytes } from 'node:crypto'

import { suspension, tokenState } from '../people.js'
import type { Application, User } from '../state.js'
import type { World } from '../world.js'
import { findApplication, scopeList } from './applications.js'
import { oauthDescription, type OAuthErrorCode } from './errors.js'

/** A request for authorisation that may be granted. */
export interface Authorization {
  application: Application
  redirectUri: string
  scopes: string[]
  state: string | null
  challenge: { value: string; method: 'S256' | 'plain' } | null
  nonce: string | null
}

export interface Refusal {
  error: OAuthErrorCode
}

/** Checks the parameters of `GET /oauth/authorize`. What is wrong with them is told on a page, not by a redirect. */
export function readAuthorization(world: World, query: URLSearchParams): Authorization | Refusal {
  const application = findApplication(world, query.get('client_id') ?? '')
  if (application === null) return { error: 'invalid_client' }
  const redirectUri = query.get('redirect_uri') ?? ''
  if (!application.redirectUris.includes(redirectUri)) return { error: 'invalid_redirect_uri' }
  if (query.get('response_type') === null) return { error: 'invalid_request' }
  if (query.get('response_type') !== 'code') return { error: 'unsupported_response_type' }
  const scopes = readScopes(application, query.get('scope'))
  if (scopes === null) return { error: 'invalid_scope' }
  const challenge = readChallenge(query)
  if (challenge === 'invalid') return { error: 'invalid_request' }
  return {
    application,
    redirectUri,
    scopes,
    challenge,
    state: query.get('state'),
    nonce: query.get('nonce'),
  }
}

/** Without a scope, the application's first counts, as in GitLab where that is `api`. */
function readScopes(application: Application, text: string | null): string[] | null {
  const asked = scopeList(text ?? '')
  if (asked.length === 0) return application.scopes.slice(0, 1)
  return asked.every((scope) => application.scopes.includes(scope)) ? asked : null
}

function readChallenge(query: URLSearchParams): Authorization['challenge'] | 'invalid' {
  const value = query.get('code_challenge')
  const method = query.get('code_challenge_method') ?? 'plain'
  if (value === null || value === '') return null
  if (method !== 'S256' && method !== 'plain') return 'invalid'
  if (method === 'S256' && !/^[A-Za-z0-9_-]{43}$/.test(value)) return 'invalid'
  return { value, method }
}

/** Whether consent is not asked for: of trusted applications, and of confidential ones that hold such a token. */
export function skipsConsent(world: World, asked: Authorization, user: User): boolean {
  const { application } = asked
  if (application.trusted) return true
  if (!application.confidential) return false
  const wanted = asked.scopes.toSorted().join(' ')
  return [...world.state.tokens.values()].some(
    (token) =>
      token.applicationId === application.id &&
      token.userId === user.id &&
      tokenState(token, world.now()) === 'active' &&
      token.scopes.toSorted().join(' ') === wanted,
  )
}

/** The address to send the browser to, with a code. */
export function grant(world: World, asked: Authorization, user: User): string {
  const value = randomBytes(32).toString('hex')
  world.state.authorizationCodes.set(value, {
    value,
    applicationId: asked.application.id,
    userId: user.id,
    redirectUri: asked.redirectUri,
    scopes: asked.scopes,
    challenge: asked.challenge,
    nonce: asked.nonce,
    used: false,
    createdAt: world.now(),
  })
  return backTo(asked, { code: value })
}

export function deny(asked: Authorization): string {
  return backTo(asked, {
    error: 'access_denied',
    error_description: oauthDescription('access_denied'),
  })
}

function backTo(asked: Authorization, answer: Record<string, string>): string {
  const url = new URL(asked.redirectUri)
  for (const [name, value] of Object.entries(answer)) url.searchParams.set(name, value)
  if (asked.state !== null) url.searchParams.set('state', asked.state)
  return url.href
}

/**
 * Why this person cannot sign in in a browser; `null` when they can. A sign-in reactivates a deactivated account
 * and sets a new password in the place of an expired one.
 */
export function signInRefusal(world: World, user: User): string | null {
  const suspended = user.state === 'blocked' || user.state === 'blocked_pending_approval'
  return suspended ? suspension(world, user) : null
}

export function signIn(user: User): void {
  user.state = 'active'
  user.passwordExpired = false
}

/** What a person does in the browser who opens the address, signs in and consents: see `Simulator.authorize`. */
export function authorizeAs(world: World, user: User, url: string, decision: 'authorize' | 'deny'): string {
  const asked = readAuthorization(world, new URL(url, world.url).searchParams)
  if ('error' in asked) throw new Error(`GitLab shows: ${oauthDescription(asked.error)}`)
  const refusal = signInRefusal(world, user)
  if (refusal !== null) throw new Error(`GitLab shows: ${refusal}`)
  signIn(user)
  return decision === 'deny' ? deny(asked) : grant(world, asked, user)
}
