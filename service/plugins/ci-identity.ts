import { hash } from 'node:crypto'
import fastifyJwt from '@fastify/jwt'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { Problem, shortened } from '../errors.js'
import type { SigningKeys } from '../gitlab/keys.js'
import { IdTokenClaims, toCiIdentity, type CiIdentity } from '../schemas/id-token.js'

declare module 'fastify' {
  interface FastifyRequest {
    /** Who reports, by the ID token in `Authorization: Bearer …`.
     * @throws Problem 401 for every refusal of the token, 503 where GitLab's keys are not to be had. */
    ciIdentity(): Promise<CiIdentity>
    /** A part of `ciIdentity`; checks no times. */
    verifyIdToken(): Promise<unknown>
  }
}

export interface CiIdentityOptions {
  keys: SigningKeys
  /** The exact `iss` of the instance. */
  issuer: string
  /** The exact and only `aud`: this service's public address. */
  audience: string
  now?: () => number
}

const leewayMs = 60_000
const maxTokenLength = 32_768
const cachedTokens = 1000

/** Verifies the ID tokens of GitLab's jobs and gives requests `ciIdentity()`. */
export const ciIdentity = fp(registerCiIdentity, {
  name: 'ci-identity',
  fastify: '5.x',
  dependencies: ['refusals'],
})

async function registerCiIdentity(fastify: FastifyInstance, options: CiIdentityOptions): Promise<void> {
  const { keys, issuer, audience, now = Date.now } = options
  const cache = createIdentityCache(keys, now)

  await fastify.register(fastifyJwt, {
    namespace: 'idToken',
    jwtVerify: 'verifyIdToken',
    decoratorName: 'idTokenClaims',
    secret: (_request: FastifyRequest, decoded: unknown) => findTokenKey(decoded, options),
    decode: { complete: true },
    verify: {
      extractToken: bearerToken,
      algorithms: ['RS256'],
      allowedIss: issuer,
      allowedAud: audience,
      requiredClaims: ['exp', 'iss', 'aud', 'sub'],
      // Checked in checkTimes, by our clock. A clock given per call would cost a new parse of the key each time.
      ignoreExpiration: true,
      ignoreNotBefore: true,
    },
  })

  fastify.decorateRequest('ciIdentity', async function identify(this: FastifyRequest) {
    const token = bearerToken(this)
    const known = cache.find(token)
    if (known !== null) return known

    const identity = await verify(this).catch(async (error: unknown) => {
      if (!(error instanceof Problem) || error.status !== 401) throw error
      await this.countRefusal()
      throw this.slowed(error)
    })
    cache.save(token, identity)
    return identity
  })

  async function verify(request: FastifyRequest): Promise<CiIdentity> {
    const claims = parseClaims(await request.verifyIdToken().catch(refuse))
    checkTimes(claims, now())
    return toCiIdentity(claims)
  }
}

interface IdentityCache {
  find(token: string): CiIdentity | null
  save(token: string, identity: CiIdentity): void
}

/** Saves the RSA check of a token that comes again. Never beyond the token's own end, nor beyond a change of keys. */
function createIdentityCache(keys: SigningKeys, now: () => number): IdentityCache {
  const entries = new Map<string, CiIdentity>()
  let version = keys.version()

  function forgetIfKeysChanged(): void {
    if (version === keys.version()) return
    version = keys.version()
    entries.clear()
  }

  function find(token: string): CiIdentity | null {
    forgetIfKeysChanged()
    const key = cacheKey(token)
    const identity = entries.get(key)
    if (identity === undefined) return null
    entries.delete(key)
    if (identity.expiresAt.getTime() <= now()) return null
    entries.set(key, identity)
    return identity
  }

  function save(token: string, identity: CiIdentity): void {
    forgetIfKeysChanged()
    entries.set(cacheKey(token), identity)
    if (entries.size <= cachedTokens) return
    for (const oldest of entries.keys()) {
      entries.delete(oldest)
      return
    }
  }

  return { find, save }
}

function cacheKey(token: string): string {
  return hash('sha256', token, 'base64')
}

function bearerToken(request: FastifyRequest): string {
  const header = request.headers.authorization
  if (header === undefined || header === '') {
    throw new Problem('ID_TOKEN_MISSING', { message: 'The request has no Authorization header.' })
  }
  const token = /^Bearer +(\S+) *$/i.exec(header)?.[1]
  if (token === undefined) {
    throw new Problem('ID_TOKEN_MISSING', {
      message: 'The Authorization header is not "Bearer" and a token.',
    })
  }
  if (token.length > maxTokenLength) {
    throw new Problem('ID_TOKEN_INVALID', {
      message: `The ID token has ${token.length} characters; ${maxTokenLength} are accepted.`,
    })
  }
  return token
}

/** Called with the token's unverified content, which is good for refusing only. What passes here is checked again by
 * @fastify/jwt, on the same bytes; here the refusal gets its code and says what was found. */
async function findTokenKey(decoded: unknown, options: CiIdentityOptions): Promise<string> {
  const { header, payload } = decoded as Record<'header' | 'payload', Record<string, unknown>>
  if (header.alg !== 'RS256') {
    throw invalid(
      `The ID token is signed with ${found(header.alg)}; only RS256 is accepted.`,
      'alg',
      header.alg,
    )
  }
  if (payload.iss !== options.issuer) {
    const message = `The ID token's issuer is ${found(payload.iss)}; expected ${options.issuer}.`
    throw new Problem('ID_TOKEN_WRONG_ISSUER', { message, field: 'iss', value: payload.iss })
  }
  if (!isOnlyAudience(payload.aud, options.audience)) {
    const message = `The ID token's audience is ${found(payload.aud)}; expected ${options.audience} and no other.`
    throw new Problem('ID_TOKEN_WRONG_AUDIENCE', { message, field: 'aud', value: payload.aud })
  }
  if (typeof header.kid !== 'string') throw invalid('The ID token does not name its key.', 'kid', header.kid)

  const key = await options.keys.findKey(header.kid).catch((error: unknown) => {
    const message = "GitLab's keys for ID tokens are not available at the moment."
    throw new Problem('IDENTITY_KEYS_UNAVAILABLE', { message, retryAfterSeconds: 10, cause: error })
  })
  if (key === null) {
    throw invalid(
      `The ID token is signed with a key that GitLab does not have: ${found(header.kid)}.`,
      'kid',
      header.kid,
    )
  }
  return key
}

function isOnlyAudience(aud: unknown, audience: string): boolean {
  return Array.isArray(aud) ? aud.length === 1 && aud[0] === audience : aud === audience
}

function parseClaims(claims: unknown): IdTokenClaims {
  const parsed = IdTokenClaims.safeParse(claims)
  if (parsed.success) return parsed.data
  const claim = String(parsed.error.issues[0]?.path[0])
  const value = (claims as Record<string, unknown>)[claim]
  throw invalid(
    `The claim ${claim} of the ID token is ${found(value)}, which is not what GitLab sends.`,
    claim,
    value,
  )
}

function checkTimes({ exp, nbf, iat }: IdTokenClaims, nowMs: number): void {
  const clock = `this service's clock says ${atTime(nowMs)}`
  if (exp * 1000 + leewayMs < nowMs) {
    const message = `The ID token expired at ${atTime(exp * 1000)}; ${clock}.`
    throw new Problem('ID_TOKEN_EXPIRED', { message, field: 'exp', value: exp })
  }
  const latestMs = nowMs + leewayMs
  if (nbf !== undefined && nbf * 1000 > latestMs) {
    throw invalid(`The ID token is not valid before ${atTime(nbf * 1000)}; ${clock}.`, 'nbf', nbf)
  }
  if (iat !== undefined && iat * 1000 > latestMs) {
    throw invalid(`The ID token was issued in the future, at ${atTime(iat * 1000)}; ${clock}.`, 'iat', iat)
  }
}

/** Errors of @fastify/jwt say what they refused in words of their own, never with the token. */
function refuse(error: unknown): never {
  if (error instanceof Problem) throw error
  const words = error instanceof Error && 'code' in error ? error.message : 'it could not be read'
  throw invalid(`The ID token was refused: ${words}`)
}

function atTime(timeMs: number): string {
  return new Date(timeMs).toISOString()
}

function found(value: unknown): string {
  if (value === undefined) return 'missing'
  if (!Array.isArray(value)) return JSON.stringify(shortened(value))
  return shortened(`[${value.slice(0, 5).map(found).join(', ')}]`)
}

function invalid(message: string, field?: string, value?: unknown): Problem {
  return new Problem('ID_TOKEN_INVALID', { message, field, value })
}
