import fastifyRateLimit from '@fastify/rate-limit'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { Problem } from '../errors.js'

declare module 'fastify' {
  interface FastifyRequest {
    /** Counts that what the request shows of who sent it was refused; once a request. */
    countRefusal(): Promise<void>
    /** What to answer to a request that was counted: TOO_MANY_REQUESTS where its address had too many, else `problem`. */
    slowed(problem: Problem): Problem
  }
}

/** Of one address, behind which a whole company may be. */
const mostInMinute = 300

/** Slows whoever tries credentials. What is authentic passes always, from whatever address: only refusals count. Counted
 * in memory, for the 5,000 addresses that were refused last. */
export const refusals = fp(registerRefusals, { name: 'refusals', fastify: '5.x' })

async function registerRefusals(fastify: FastifyInstance): Promise<void> {
  await fastify.register(fastifyRateLimit, { global: false, max: mostInMinute, timeWindow: 60_000 })
  const count = fastify.createRateLimit()
  const counted = new WeakMap<FastifyRequest, Promise<number | null>>()
  const waits = new WeakMap<FastifyRequest, number>()

  fastify.decorateRequest('countRefusal', async function countRefusal(this: FastifyRequest) {
    const known = counted.get(this) ?? secondsToWait(this)
    counted.set(this, known)
    const seconds = await known
    if (seconds !== null) waits.set(this, seconds)
  })

  fastify.decorateRequest('slowed', function slowed(this: FastifyRequest, problem: Problem) {
    const retryAfterSeconds = waits.get(this)
    if (retryAfterSeconds === undefined) return problem
    return new Problem('TOO_MANY_REQUESTS', {
      message: 'Too many requests from your address were refused within a minute.',
      retryAfterSeconds,
      cause: problem,
    })
  })

  async function secondsToWait(request: FastifyRequest): Promise<number | null> {
    const limit = await count(request)
    return !limit.isAllowed && limit.isExceeded ? Math.max(1, limit.ttlInSeconds) : null
  }
}
