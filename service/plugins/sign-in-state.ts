import fastifyJwt from '@fastify/jwt'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { z } from 'zod'
import { cookiePlace } from './cookie-place.js'
import { deriveKey } from './session.js'

/** What a browser keeps while its person is at GitLab's page. */
const SignInState = z.object({
  state: z.string().min(16),
  verifier: z.string().min(43),
  returnTo: z.string(),
  purpose: z.enum(['sign-in', 'posting']),
  /** Seconds. */
  exp: z.number(),
})
type SignInState = z.infer<typeof SignInState>

declare module 'fastify' {
  interface FastifyRequest {
    /** What this browser was given when its sign-in began; null after 10 minutes and where it was not this browser. */
    signInState(): Promise<SignInState | null>
    /** A part of `signInState`. */
    verifySignIn(): Promise<unknown>
  }
  interface FastifyReply {
    /** Gives it to the browser, for 10 minutes. */
    keepSignInState(state: Omit<SignInState, 'exp'>): Promise<void>
    clearSignInState(): void
    /** A part of `keepSignInState`. */
    signSignIn(state: SignInState): Promise<string>
  }
}

export interface SignInStateOptions {
  publicUrl: string
  sessionSecret: string
  clock: () => Date
}

export const signInLifeMs = 10 * 60_000

export const signInState = fp(registerSignInState, {
  name: 'sign-in-state',
  fastify: '5.x',
  dependencies: ['session'],
})

async function registerSignInState(fastify: FastifyInstance, options: SignInStateOptions): Promise<void> {
  const { publicUrl, sessionSecret, clock } = options
  const { cookieName, cookieOptions } = cookiePlace(publicUrl, 'mlmm-sign-in')

  await fastify.register(fastifyJwt, {
    namespace: 'signIn',
    jwtVerify: 'verifySignIn',
    jwtSign: 'signSignIn',
    decoratorName: 'signInClaims',
    secret: deriveKey(sessionSecret, 'mlmm sign-in cookie'),
    cookie: { cookieName, signed: false },
    sign: { algorithm: 'HS256' },
    // The time is checked below, by our clock.
    verify: { onlyCookie: true, algorithms: ['HS256'], requiredClaims: ['exp'], ignoreExpiration: true },
  })
  fastify.decorateRequest('signInClaims', null)

  fastify.decorateRequest('signInState', async function readState(this: FastifyRequest) {
    if (!this.cookies[cookieName]) return null
    try {
      const parsed = SignInState.safeParse(await this.verifySignIn())
      return parsed.success && parsed.data.exp * 1000 > clock().getTime() ? parsed.data : null
    } catch {
      return null // What we did not sign is no state of ours.
    }
  })

  fastify.decorateReply('keepSignInState', async function keepState(this: FastifyReply, state) {
    const endsAt = new Date(clock().getTime() + signInLifeMs)
    const token = await this.signSignIn({ ...state, exp: Math.floor(endsAt.getTime() / 1000) })
    this.setCookie(cookieName, token, { ...cookieOptions, expires: endsAt })
  })

  fastify.decorateReply('clearSignInState', function clearState(this: FastifyReply) {
    this.clearCookie(cookieName, cookieOptions)
  })
}
