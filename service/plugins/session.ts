import fastifyCookie from '@fastify/cookie'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { Problem } from '../errors.js'
import { type NewSession, type Session, sessionLifeMs, type SessionStore } from '../stores/session-store.js'
import { cookiePlace } from './cookie-place.js'
import { createCookieTokens } from './cookie-tokens.js'
import { checkOrigin } from './origin.js'

declare module 'fastify' {
  interface FastifyRequest {
    /** The session of the browser that asks, by its cookie alone; null where there is none that holds.
     * @throws Problem ORIGIN_REFUSED for a request that may change something and comes from another site's page */
    session(): Promise<Session | null>
    /** The same for what only those may do who are signed in.
     * @throws Problem SIGN_IN_NEEDED, ORIGIN_REFUSED */
    getSession(): Promise<Session>
  }
  interface FastifyReply {
    /** Signs a person in, always with a new session; one that the browser had before ends. */
    startSession(facts: Omit<NewSession, 'userAgent'>): Promise<Session>
    /** Signs this browser out. */
    endSession(): Promise<void>
  }
}

export interface SessionOptions {
  sessions: SessionStore
  publicUrl: string
  sessionSecret: string
  clock: () => Date
}

/** Gives requests `session()`: who is signed in, by a cookie that holds a signed session id. */
export const session = fp(registerSession, { name: 'session', fastify: '5.x', dependencies: ['refusals'] })

async function registerSession(fastify: FastifyInstance, options: SessionOptions): Promise<void> {
  const { sessions, publicUrl, sessionSecret, clock } = options
  const { cookieName, cookieOptions } = cookiePlace(publicUrl, 'mlmm')
  const { origin } = new URL(publicUrl)
  const found = new WeakMap<FastifyRequest, Promise<Session | null>>()

  await fastify.register(fastifyCookie)
  const purpose = 'mlmm session cookie'
  const tokens = await createCookieTokens(fastify, { kind: 'session', secret: sessionSecret, purpose })

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
    throw this.slowed(new Problem('SIGN_IN_NEEDED', { message: 'You are not signed in, or no longer.' }))
  })

  fastify.decorateReply('startSession', async function startSession(this: FastifyReply, facts) {
    const before = readSecret(this.request)
    const now = clock()
    const userAgent = this.request.headers['user-agent'] ?? ''
    const { secret, session } = await sessions.create({ ...facts, userAgent }, now)
    if (before !== null) await endBySecret(before)
    const endsAt = new Date(now.getTime() + sessionLifeMs)
    this.setCookie(cookieName, tokens.sign({ sid: secret }, endsAt), { ...cookieOptions, expires: endsAt })
    found.set(this.request, Promise.resolve(session))
    return session
  })

  fastify.decorateReply('endSession', async function endSession(this: FastifyReply) {
    const secret = readSecret(this.request)
    if (secret !== null) await endBySecret(secret)
    this.clearCookie(cookieName, cookieOptions)
    found.set(this.request, Promise.resolve(null))
  })

  async function lookUp(request: FastifyRequest): Promise<Session | null> {
    if (request.cookies[cookieName] === undefined) return null
    checkOrigin(request, origin)
    const secret = readSecret(request)
    const session = secret === null ? null : await sessions.findBySecret(secret, clock())
    if (session === null) {
      await request.countRefusal()
      return null
    }
    await sessions.markSeen(session, clock())
    return session
  }

  async function endBySecret(secret: string): Promise<void> {
    const session = await sessions.findBySecret(secret, clock())
    if (session !== null) await sessions.end(session.id, session.gitlabUserId)
  }

  /** Null for whoever sends no cookie, or one that we did not sign. */
  function readSecret({ cookies }: FastifyRequest): string | null {
    const sid = tokens.read(cookies[cookieName] ?? '', clock())?.sid
    return typeof sid === 'string' && /^[\w-]{43}$/.test(sid) ? sid : null
  }
}
