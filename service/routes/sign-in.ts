import fastifyRateLimit from '@fastify/rate-limit'
import type { FastifyInstance } from 'fastify'
import type { Addresses } from '../domain/addresses.js'
import { returnPath } from '../domain/return-path.js'
import { Problem } from '../errors.js'
import { signInLifeMs } from '../plugins/sign-in-state.js'
import type { SignIn } from '../sign-in.js'
import type { SessionStore } from '../stores/session-store.js'
import { createPageErrorHandler } from './pages/errors.js'

export interface SignInRoutesOptions {
  /** Null where nobody can sign in. */
  signIn: SignIn | null
  sessions: Pick<SessionStore, 'spendState'>
  /** Without the host. */
  addresses: Addresses
  publicUrl: string
  clock: () => Date
}

/** Of one address, behind which a whole company may be. */
const mostInMinute = 300
const options = { config: { access: 'everyone' } } as const

/** `GET /-/sign-in` leads to GitLab, `GET /-/sign-in/callback` back to where one came from. Links only: a form that ends
 * at another host is stopped by the browser (`form-action`). */
export async function signInRoutes(fastify: FastifyInstance, parts: SignInRoutesOptions): Promise<void> {
  const { sessions, publicUrl, clock } = parts
  const basePath = new URL(publicUrl).pathname.replace(/\/$/, '')
  fastify.setErrorHandler(createPageErrorHandler(parts))
  await fastify.register(fastifyRateLimit, {
    max: mostInMinute,
    timeWindow: 60_000,
    addHeaders: noHeaders,
    addHeadersOnExceeding: noHeaders,
    errorResponseBuilder: (_request, { ttl }) =>
      new Problem('TOO_MANY_REQUESTS', {
        message: 'Too many sign-ins from your address within a minute.',
        retryAfterSeconds: Math.ceil(ttl / 1000),
      }),
  })
  fastify.addHook('onRequest', async (_request, reply) => {
    reply.header('cache-control', 'no-store')
  })

  fastify.get<{ Querystring: Record<string, unknown> }>('/-/sign-in', options, async (request, reply) => {
    const signIn = getSignIn(parts)
    const purpose = request.query.for === 'posting' ? 'posting' : 'sign-in'
    if (purpose === 'posting') await request.getSession()
    const { url, state, verifier } = await signIn.begin(purpose)
    const returnTo = returnPath(request.query.return_to, basePath)
    reply.keepSignInState({ state, verifier, returnTo, purpose })
    return reply.redirect(url, 302)
  })

  fastify.get<{ Querystring: Record<string, unknown> }>(
    '/-/sign-in/callback',
    options,
    async (request, reply) => {
      const signIn = getSignIn(parts)
      const kept = request.signInState(request.query.state)
      if (kept === null) throw stale('This browser has begun no sign-in that would end here.')
      reply.clearSignInState(kept.state)
      const isFirst = await sessions.spendState(kept.state, new Date(clock().getTime() + 2 * signInLifeMs))
      if (!isFirst) throw stale('This sign-in has ended already.')
      const { purpose, state, verifier } = kept
      const expectedUserId = purpose === 'posting' ? (await request.getSession()).gitlabUserId : null
      const callbackUrl = `${publicUrl}${request.raw.url ?? ''}`
      const person = await signIn.finish({ purpose, callbackUrl, state, verifier, expectedUserId })
      const { id: gitlabUserId, name, username } = person
      if (purpose === 'sign-in') await reply.startSession({ gitlabUserId, name, username })
      request.log.info({ gitlabUserId, purpose }, 'Signed in')
      return reply.redirect(returnPath(kept.returnTo, basePath), 303)
    },
  )
}

const noHeaders = {
  'x-ratelimit-limit': false,
  'x-ratelimit-remaining': false,
  'x-ratelimit-reset': false,
  'retry-after': false,
}

function getSignIn({ signIn }: SignInRoutesOptions): SignIn {
  if (signIn !== null) return signIn
  throw new Problem('SIGN_IN_OFF', { message: 'Nobody can sign in here.' })
}

function stale(message: string): Problem {
  return new Problem('SIGN_IN_STALE', { message })
}
