import { hkdfSync } from 'node:crypto'
import fastifyCookie from '@fastify/cookie'
import fastifyJwt from '@fastify/jwt'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { Problem } from '../errors.js'
import { type NewSession, type Session, sessionLifeMs, type SessionStore } from '../stores/session-store.js'
import { cookiePlace } from './cookie-place.js'
import { checkOrigin } from './origin.js'

declare module 'fastify' {
  interface FastifyRequest {
    /** The session of the browser that asks, by its cookie alone; null where there is none that holds.
     * @throws Problem ORIGIN_REFUSED for a request that may change something and comes from another site's page */
    session(): Promise<Session | null>
    /** The same for what only those may do who are signed in.
     * @throws Problem SIGN_IN_NEEDED, ORIGIN_REFUSED */
    getSession(): Promise<Session>
    /** A part of `session`; knows nothing of sessions that have ended. */
    verifySession(): Promise<unknown>
  }
  interface FastifyReply {
    /** Signs a person in, always with a new session; one that the browser had before ends. */
    startSession(facts: Omit<NewSession, 'userAgent'>): Promise<Session>
    /** Signs this browser out. */
    endSession(): Promise<void>
    /** A part of `startSession`. */
    signSession(claims: SessionClaims): Promise<string>
  }
}

interface SessionClaims {
  sid: string
  /** Seconds. */
  exp: number
}

export interface SessionOptions {
  sessions: SessionStore
  publicUrl: string
  sessionSecret: string
  clock: () => Date
}

/** A key for one purpose only, so that what was signed for another is worth nothing here. */
export function deriveKey(secret: string, purpose: string): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, '', purpose, 32))
}

/** Gives requests `session()`: who is signed in, by a cookie that holds a signed session id. */
export const session = fp(registerSession, { name: 'session', fastify: '5.x' })

async function registerSession(fastify: FastifyInstance, options: SessionOptions): Promise<void> {
  const { sessions, publicUrl, sessionSecret, clock } = options
  const { cookieName, cookieOptions } = cookiePlace(publicUrl, 'mlmm')
  const { origin } = new URL(publicUrl)
  const found = new WeakMap<FastifyRequest, Promise<Session | null>>()

  await fastify.register(fastifyCookie)
  await fastify.register(fastifyJwt, {
    namespace: 'session',
    jwtVerify: 'verifySession',
    jwtSign: 'signSession',
    decoratorName: 'sessionClaims',
    secret: deriveKey(sessionSecret, 'mlmm session cookie'),
    cookie: { cookieName, signed: false },
    sign: { algorithm: 'HS256' },
    verify: {
      onlyCookie: true,
      algorithms: ['HS256'],
      requiredClaims: ['sid', 'exp'],
      // Checked below, by our clock.
      ignoreExpiration: true,
    },
  })
  fastify.decorateRequest('sessionClaims', null)

  fastify.decorateRequest('session', function findSession(this: FastifyRequest) {
    const known = found.get(this)
    if (known !== undefined) return known
    const answer = lookUp(this)
    found.set(this, answer)
    return answer
  })

  fastify.decorateRequest('getSession', async function getSession(this: FastifyRequest) {
    const session = await this.session()
    if (session !== null) return session
    throw new Problem('SIGN_IN_NEEDED', { message: 'You are not signed in, or no longer.' })
  })

  fastify.decorateReply('startSession', async function startSession(this: FastifyReply, facts) {
    const before = await readSecret(this.request)
    const now = clock()
    const userAgent = this.request.headers['user-agent'] ?? ''
    const { secret, session } = await sessions.create({ ...facts, userAgent }, now)
    if (before !== null) await endBySecret(before)
    const endsAt = new Date(now.getTime() + sessionLifeMs)
    const token = await this.signSession({ sid: secret, exp: Math.floor(endsAt.getTime() / 1000) })
    this.setCookie(cookieName, token, { ...cookieOptions, expires: endsAt })
    found.set(this.request, Promise.resolve(session))
    return session
  })

  fastify.decorateReply('endSession', async function endSession(this: FastifyReply) {
    const secret = await readSecret(this.request)
    if (secret !== null) await endBySecret(secret)
    this.clearCookie(cookieName, cookieOptions)
    found.set(this.request, Promise.resolve(null))
  })

  async function lookUp(request: FastifyRequest): Promise<Session | null> {
    if (request.cookies[cookieName] === undefined) return null
    checkOrigin(request, origin)
    const secret = await readSecret(request)
    const session = secret === null ? null : await sessions.findBySecret(secret, clock())
    if (session === null) return null
    await sessions.markSeen(session, clock())
    return session
  }

  async function endBySecret(secret: string): Promise<void> {
    const session = await sessions.findBySecret(secret, clock())
    if (session !== null) await sessions.end(session.id, session.gitlabUserId)
  }

  async function readSecret(request: FastifyRequest): Promise<string | null> {
    if (!request.cookies[cookieName]) return null
    try {
      const { sid, exp } = (await request.verifySession()) as Partial<Record<keyof SessionClaims, unknown>>
      const holds = typeof exp === 'number' && exp * 1000 > clock().getTime()
      return holds && typeof sid === 'string' && /^[\w-]{43}$/.test(sid) ? sid : null
    } catch {
      return null // Whoever sends a cookie that we did not sign is not signed in.
    }
  }
}
