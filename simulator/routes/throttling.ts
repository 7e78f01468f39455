import type { FastifyReply, FastifyRequest } from 'fastify'

import { ApiError, requestLimit } from '../errors.js'
import type { Limit } from '../limits.js'
import type { User } from '../state.js'
import type { World } from '../world.js'

interface Window {
  started: number
  count: number
}

const windows = new WeakMap<World, Map<string, Window>>()

/** Counts a request: against the throttle in front of the API, and against the limit of its endpoint. */
export function countRequest(
  world: World,
  user: User | null,
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  const who = user === null ? 'anonymous' : String(user.id)
  throttle(world, user, who, reply)
  const { method, route } = request.simulatedCall
  const own = world.settings.routeLimits.find((limit) => limit.method === method && limit.route === route)
  if (own === undefined || user === null) return
  if (count(world, `${method} ${route} ${who}`, own).count > own.requests) throw requestLimit()
}

/** Plain text and headers, on all answers. */
function throttle(world: World, user: User | null, who: string, reply: FastifyReply): void {
  const limit = user === null ? world.settings.anonymousLimit : world.settings.apiLimit
  if (limit === null) return
  const window = count(world, who, limit)
  const reset = window.started + limit.periodSeconds
  reply.headers({
    'ratelimit-limit': String(Math.ceil((limit.requests * 60) / limit.periodSeconds)),
    'ratelimit-name': user === null ? 'throttle_unauthenticated_api' : 'throttle_authenticated_api',
    'ratelimit-observed': String(window.count),
    'ratelimit-remaining': String(Math.max(0, limit.requests - window.count)),
    'ratelimit-reset': String(reset),
  })
  if (window.count <= limit.requests) return
  throw new ApiError(429, 'Retry later\n', {
    'content-type': 'text/plain',
    'ratelimit-resettime': new Date(reset * 1000).toUTCString(),
    'retry-after': String(Math.max(1, reset - seconds(world))),
  })
}

function count(world: World, key: string, limit: Limit): Window {
  const held = windows.get(world) ?? new Map<string, Window>()
  windows.set(world, held)
  const now = seconds(world)
  const old = held.get(key)
  const window =
    old === undefined || now >= old.started + limit.periodSeconds ? { started: now, count: 0 } : old
  window.count += 1
  held.set(key, window)
  return window
}

function seconds(world: World): number {
  return Math.floor(world.now().getTime() / 1000)
}
