import type { FastifyInstance, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { Problem } from '../errors.js'
import type { ApiToken, ApiTokenStore, TokenScope } from '../stores/api-token-store.js'

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
  interface FastifyRequest {
    /** Who asks, by the personal token in `Authorization: Bearer mlmm_…`. Nothing else, no cookie, is looked at.
     * @throws Problem 401 for every refusal of the token */
    person(): Promise<Person>
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

/** Gives requests `person()`. */
export const personIdentity = fp(registerPersonIdentity, { name: 'person-identity', fastify: '5.x' })

async function registerPersonIdentity(
  fastify: FastifyInstance,
  { apiTokens, clock }: PersonIdentityOptions,
): Promise<void> {
  fastify.decorateRequest('person', async function identify(this: FastifyRequest) {
    const now = clock()
    const token = getUsable(await apiTokens.findByText(tokenText(this)), now)
    await apiTokens.markUsed(token, now)
    const { id, gitlabUserId, scope, createdAt, expiresAt } = token
    const credential = { kind: 'token', id, createdAt, expiresAt } as const
    return { gitlabUserId, scope, credential, projectIds: null }
  })
}

function tokenText(request: FastifyRequest): string {
  const header = request.headers.authorization
  if (header === undefined || header === '') {
    throw new Problem('API_TOKEN_MISSING', { message: 'The request has no Authorization header.' })
  }
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
