import type { FastifyInstance, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { Problem } from '../errors.js'
import type { ApiToken, ApiTokenStore, TokenScope } from '../stores/api-token-store.js'
import type { Session } from '../stores/session-store.js'

/** Who asks. What they may do, GitLab says: see `person-access.ts`. */
export interface Person {
  gitlabUserId: number
  /** A session of a browser may do all that its person may. */
  scope: TokenScope
  credential: Credential
  /** Our ids of the projects that the token is limited to; null: all. */
  projectIds: readonly string[] | null
}

export interface Credential {
  kind: 'session' | 'token'
  id: string
  createdAt: Date
  expiresAt: Date
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** A request that changes nothing, although its method might: a token that may only read is let through. */
    changesNothing?: boolean
  }
  interface FastifyRequest {
    /** Who asks, by the personal token in `Authorization: Bearer mlmm_…`, else by the session of the browser.
     * @throws Problem 401 for every refusal of the token, API_TOKEN_READ_ONLY where it would change something,
     * ORIGIN_REFUSED */
    person(): Promise<Person>
    /** The same, with null for who sends neither.
     * @throws Problem as `person` */
    findPerson(): Promise<Person | null>
  }
}

export interface PersonIdentityOptions {
  apiTokens: ApiTokenStore
  clock: () => Date
}

/** Whether the request comes with what looks like a personal token. */
export function holdsApiToken({ headers }: FastifyRequest): boolean {
  return /^Bearer +mlmm_/i.test(headers.authorization ?? '')
}

const tokenRefusals = new Set(['API_TOKEN_INVALID', 'API_TOKEN_REVOKED', 'API_TOKEN_EXPIRED'])
const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS'])

/** Gives requests `person()` and `findPerson()`. */
export const personIdentity = fp(registerPersonIdentity, {
  name: 'person-identity',
  fastify: '5.x',
  dependencies: ['session', 'refusals'],
})

async function registerPersonIdentity(
  fastify: FastifyInstance,
  { apiTokens, clock }: PersonIdentityOptions,
): Promise<void> {
  const found = new WeakMap<FastifyRequest, Promise<Person | null>>()

  fastify.decorateRequest('findPerson', function findPerson(this: FastifyRequest) {
    const known = found.get(this)
    if (known !== undefined) return known
    const answer = identify(this)
    found.set(this, answer)
    return answer
  })

  fastify.decorateRequest('person', async function person(this: FastifyRequest) {
    const person = await this.findPerson()
    if (person !== null) return person
    throw this.slowed(
      new Problem('API_TOKEN_MISSING', { message: 'The request has no Authorization header.' }),
    )
  })

  async function identify(request: FastifyRequest): Promise<Person | null> {
    try {
      const text = tokenText(request)
      return text === null ? await identifySession(request) : await identifyToken(request, text)
    } catch (error) {
      if (!(error instanceof Problem) || !tokenRefusals.has(error.code)) throw error
      await request.countRefusal()
      throw request.slowed(error)
    }
  }

  async function identifyToken(request: FastifyRequest, text: string): Promise<Person> {
    const now = clock()
    const token = getUsable(await apiTokens.findByText(text), now)
    await apiTokens.markUsed(token, now)
    const { id, gitlabUserId, scope, createdAt, expiresAt, projectIds = null } = token
    if (scope === 'read' && mayChange(request)) {
      throw new Problem('API_TOKEN_READ_ONLY', { message: 'The token may only read.' })
    }
    return { gitlabUserId, scope, credential: { kind: 'token', id, createdAt, expiresAt }, projectIds }
  }
}

async function identifySession(request: FastifyRequest): Promise<Person | null> {
  const session = await request.session()
  return session && personOf(session)
}

/** Who is signed in. */
export function personOf({ id, gitlabUserId, createdAt, expiresAt }: Session): Person {
  const credential = { kind: 'session', id, createdAt, expiresAt } as const
  return { gitlabUserId, scope: 'write', credential, projectIds: null }
}

function mayChange({ method, routeOptions }: FastifyRequest): boolean {
  return !safeMethods.has(method) && routeOptions.config.changesNothing !== true
}

/** Null where the request has no such header. */
function tokenText(request: FastifyRequest): string | null {
  const header = request.headers.authorization
  if (header === undefined || header === '') return null
  const text = /^Bearer +(\S+) *$/i.exec(header)?.[1]
  if (text === undefined) {
    throw new Problem('API_TOKEN_MISSING', {
      message: 'The Authorization header is not "Bearer" and a token.',
    })
  }
  if (/^mlmm_[\w-]{32,200}$/.test(text)) return text
  throw new Problem('API_TOKEN_INVALID', { message: 'This is not a personal token of this service.' })
}

function getUsable(token: ApiToken | null, now: Date): ApiToken {
  if (token === null) throw new Problem('API_TOKEN_INVALID', { message: 'There is no such token.' })
  if (token.revokedAt !== null) {
    throw new Problem('API_TOKEN_REVOKED', {
      message: `The token was revoked at ${token.revokedAt.toISOString()}.`,
    })
  }
  if (token.expiresAt > now) return token
  throw new Problem('API_TOKEN_EXPIRED', {
    message: `The token expired at ${token.expiresAt.toISOString()}.`,
  })
}
