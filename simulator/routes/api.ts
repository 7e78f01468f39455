import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

import { ApiError, unauthorized } from '../errors.js'
import type { User } from '../state.js'
import type { World } from '../world.js'
import { authenticate, type Caller } from './authentication.js'

export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE'

/** What a handler gets; what it returns is sent as JSON. */
export interface Ask {
  world: World
  caller: Caller
  params: Record<string, string>
  query: Record<string, string | string[]>
  body: Record<string, unknown>
  request: FastifyRequest
  reply: FastifyReply
}

export interface RouteOptions {
  /** Who may call without a token. Default: nobody. */
  anonymous?: boolean
  /** Whether `CI_JOB_TOKEN` opens this endpoint. */
  jobToken?: boolean
}

/** An `Ask` of somebody with a token. */
export interface SignedAsk extends Ask {
  user: User
}

export interface Api {
  route(method: Method, path: string, handler: (ask: Ask) => unknown, options?: RouteOptions): void
  /** A route that needs a person, or the bot, behind a token. */
  signed(method: Method, path: string, handler: (ask: SignedAsk) => unknown, options?: RouteOptions): void
}

export function createApi(app: FastifyInstance, world: World): Api {
  function route(
    method: Method,
    path: string,
    handler: (ask: Ask) => unknown,
    options: RouteOptions = {},
  ): void {
    app.route({
      method,
      url: path,
      async handler(request, reply) {
        const caller = authenticate(world, request, options)
        request.simulatedCall.userId = caller.user?.id ?? null
        if (caller.user === null && options.anonymous !== true) throw unauthorized()
        limitRequests(world, caller, reply)
        const ask = readAsk(world, request, reply, caller)
        const eventUuid = request.simulatedCall.eventUuid
        const answer = await world.hooks.withinChain(eventUuid, async () => handler(ask))
        return answer === undefined
          ? reply.send()
          : reply.type('application/json').send(JSON.stringify(answer))
      },
    })
  }
  return {
    route,
    signed(method, path, handler, options) {
      route(
        method,
        path,
        (ask) => {
          if (ask.caller.user === null) throw unauthorized()
          return handler({ ...ask, user: ask.caller.user })
        },
        options,
      )
    },
  }
}

function readAsk(world: World, request: FastifyRequest, reply: FastifyReply, caller: Caller): Ask {
  const body = request.body
  return {
    world,
    caller,
    params: request.params as Record<string, string>,
    query: request.query as Record<string, string | string[]>,
    body: typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {},
    request,
    reply,
  }
}

const windows = new WeakMap<World, Map<number, { started: number; count: number }>>()

/** The throttle in front of the API, off unless the simulator was started with `apiLimit`. */
function limitRequests(world: World, caller: Caller, reply: FastifyReply): void {
  const limit = world.settings.apiLimit
  if (limit === null || caller.user === null) return
  const perUser = windows.get(world) ?? new Map<number, { started: number; count: number }>()
  windows.set(world, perUser)
  const now = Math.floor(world.now().getTime() / 1000)
  const held = perUser.get(caller.user.id)
  const window =
    held === undefined || now >= held.started + limit.periodSeconds ? { started: now, count: 0 } : held
  window.count += 1
  perUser.set(caller.user.id, window)
  const reset = window.started + limit.periodSeconds
  const headers = {
    'ratelimit-limit': String(Math.ceil((limit.requests * 60) / limit.periodSeconds)),
    'ratelimit-name': 'throttle_authenticated_api',
    'ratelimit-observed': String(window.count),
    'ratelimit-remaining': String(Math.max(0, limit.requests - window.count)),
    'ratelimit-reset': String(reset),
  }
  reply.headers(headers)
  if (window.count <= limit.requests) return
  throw new ApiError(429, 'Retry later\n', {
    'ratelimit-resettime': new Date(reset * 1000).toUTCString(),
    'retry-after': String(Math.max(1, reset - now)),
  })
}
