import { hash } from 'node:crypto'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { z } from 'zod'
import { cookiePlace } from './cookie-place.js'
import { createCookieTokens } from './cookie-tokens.js'

/** What a browser keeps while its person is at GitLab's page. */
const SignInState = z.object({
  state: z.string().min(16),
  verifier: z.string().min(43),
  returnTo: z.string(),
  purpose: z.enum(['sign-in', 'posting']),
})
type SignInState = z.infer<typeof SignInState>

declare module 'fastify' {
  interface FastifyRequest {
    /** What this browser was given when the sign-in with this state began; null after 10 minutes and where it was not
     * this browser. */
    signInState(state: unknown): SignInState | null
  }
  interface FastifyReply {
    /** Gives it to the browser, for 10 minutes. A browser keeps as many as five: people begin in several tabs. */
    keepSignInState(state: SignInState): void
    clearSignInState(state: string): void
  }
}

export interface SignInStateOptions {
  publicUrl: string
  sessionSecret: string
  clock: () => Date
}

export const signInLifeMs = 10 * 60_000
/** Every request carries them all, and proxies take 8 kB of cookies or less. */
const mostBegun = 5
const mostCharacters = 5_000

export const signInState = fp(registerSignInState, {
  name: 'sign-in-state',
  fastify: '5.x',
  dependencies: ['session'],
})

async function registerSignInState(fastify: FastifyInstance, options: SignInStateOptions): Promise<void> {
  const { publicUrl, sessionSecret: secret, clock } = options
  const { cookieName, cookieOptions } = cookiePlace(publicUrl, 'mlmm-sign-in')
  const purpose = 'mlmm sign-in cookie'
  const tokens = await createCookieTokens(fastify, { kind: 'signIn', secret, purpose })

  fastify.decorateRequest('signInState', function readState(this: FastifyRequest, state) {
    if (typeof state !== 'string') return null
    const claims = tokens.read(this.cookies[nameFor(state)] ?? '', clock())
    const parsed = SignInState.safeParse(claims)
    // The name is a part of the hash only.
    return parsed.success && parsed.data.state === state ? parsed.data : null
  })

  fastify.decorateReply('keepSignInState', function keepState(this: FastifyReply, state) {
    const endsAt = new Date(clock().getTime() + signInLifeMs)
    const token = tokens.sign(state, endsAt)
    for (const name of listCrowdedOut(this.request, token.length)) this.clearCookie(name, cookieOptions)
    this.setCookie(nameFor(state.state), token, { ...cookieOptions, expires: endsAt })
  })

  fastify.decorateReply('clearSignInState', function clearState(this: FastifyReply, state) {
    this.clearCookie(nameFor(state), cookieOptions)
  })

  function nameFor(state: string): string {
    return `${cookieName}-${hash('sha256', state, 'hex').slice(0, 12)}`
  }

  /** The cookies that go for a new one of this length: those that are worth nothing, then the oldest. */
  function listCrowdedOut({ cookies }: FastifyRequest, length: number): string[] {
    const now = clock()
    const begun = Object.entries(cookies)
      .filter(([name]) => name.startsWith(`${cookieName}-`))
      .map(([name, token = '']) => ({ name, token, end: Number(tokens.read(token, now)?.exp ?? 0) }))
      // Browsers send the oldest first, which tells those of one second apart.
      .toReversed()
      .toSorted((one, other) => other.end - one.end)
    let room = mostCharacters - length
    return begun
      .filter(({ token, end }, index) => {
        room -= token.length
        return end === 0 || index >= mostBegun - 1 || room < 0
      })
      .map(({ name }) => name)
  }
}
