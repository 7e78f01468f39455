import type { FastifyRequest } from 'fastify'

import { ApiError, forbidden, unauthorized } from '../errors.js'
import { suspension, tokenState } from '../people.js'
import type { AccessToken, Job, User } from '../state.js'
import type { World } from '../world.js'

export interface Caller {
  user: User | null
  /** The job whose token was used. */
  job: Job | null
  token: AccessToken | null
}

/** Who asks: a personal or OAuth token, a job token where the route allows it, or nobody. */
export function authenticate(world: World, request: FastifyRequest, options: { jobToken?: boolean }): Caller {
  const jobToken = header(request, 'job-token') ?? queryValue(request, 'job_token')
  if (jobToken !== null) return jobCaller(world, jobToken, options.jobToken === true)
  const privateToken = header(request, 'private-token') ?? queryValue(request, 'private_token')
  const bearer = /^bearer (.+)$/i.exec(header(request, 'authorization') ?? '')?.[1] ?? null
  const value = privateToken ?? bearer ?? queryValue(request, 'access_token')
  if (value === null) return { user: null, job: null, token: null }
  const token = world.state.tokens.get(value)
  if (token === undefined) throw privateToken === null ? invalidToken('Bad Access Token.') : unauthorized()
  requireUsable(token, world.now())
  requireScope(token, request.method, pathOf(request))
  const user = world.state.users.get(token.userId)
  if (user === undefined) throw unauthorized()
  const reason = suspension(world, user)
  if (reason !== null) throw forbidden(reason)
  token.lastUsedAt = world.now()
  return { user, job: null, token }
}

function header(request: FastifyRequest, name: string): string | null {
  const value = request.headers[name]
  return typeof value === 'string' ? value : null
}

function queryValue(request: FastifyRequest, name: string): string | null {
  const value = (request.query as Record<string, unknown>)[name]
  return typeof value === 'string' ? value : null
}

function pathOf(request: FastifyRequest): string {
  return request.simulatedCall.route
}

function jobCaller(world: World, value: string, allowed: boolean): Caller {
  const job = findRunningJob(world, value)
  const user = job === null ? undefined : world.state.users.get(job.userId)
  if (!allowed || job === null || user === undefined) throw unauthorized()
  return { user, job, token: null }
}

/** A job token lives while its job runs. */
export function findRunningJob(world: World, token: string): Job | null {
  for (const job of world.state.jobs.values()) {
    if (job.token === token && job.status === 'running') return job
  }
  return null
}

function requireUsable(token: AccessToken, now: Date): void {
  const state = tokenState(token, now)
  if (state === 'expired') {
    throw invalidToken('Token is expired. You can either do re-authorization or token refresh.')
  }
  if (state === 'revoked') {
    throw invalidToken('Token was revoked. You have to re-authorize from the user.')
  }
}

function invalidToken(description: string): ApiError {
  return new ApiError(401, { error: 'invalid_token', error_description: description })
}

/** `api` opens everything, `read_api` all reading, `read_user` what is about users. */
function requireScope(token: AccessToken, method: string, route: string): void {
  // Every token may look at itself and revoke itself.
  if (token.scopes.includes('api') || route === '/personal_access_tokens/self') return
  const reading = method === 'GET' || method === 'HEAD'
  if (reading && token.scopes.includes('read_api')) return
  if (reading && token.scopes.includes('read_user') && /^\/users?(\/|$)/.test(route)) return
  throw new ApiError(403, {
    error: 'insufficient_scope',
    error_description: 'The request requires higher privileges than provided by the access token.',
    scope: reading ? 'api read_api' : 'api',
  })
}
