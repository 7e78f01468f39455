import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

import { ApiError, unauthorized } from '../errors.js'
import type { User } from '../state.js'
import type { World } from '../world.js'
import { authenticate, type Caller } from './authentication.js'
import { countRequest } from './throttling.js'

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
        const caller = admit(world, request, reply, options)
        request.simulatedCall.userId = caller.user?.id ?? null
        if (caller.user === null && options.anonymous !== true) throw unauthorized()
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

/** A token that is refused counts as none. */
function admit(world: World, request: FastifyRequest, reply: FastifyReply, options: RouteOptions): Caller {
  try {
    const caller = authenticate(world, request, options)
    countRequest(world, caller.user, request, reply)
    return caller
  } catch (err) {
    if (err instanceof ApiError && err.status !== 429) countRequest(world, null, request, reply)
    throw err
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
