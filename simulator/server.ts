import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'

import type { Call } from './calls.js'
import { ApiError } from './errors.js'
import type { Fault } from './faults.js'
import type { World } from './world.js'
import { addAdministrationRoutes } from './routes/administration.js'
import { createApi } from './routes/api.js'
import { addApplicationRoutes } from './routes/applications.js'
import { addCommitRoutes } from './routes/commits.js'
import { addDiscoveryRoutes } from './routes/discovery.js'
import { addGitRoutes } from './routes/git.js'
import { addHookEventRoutes } from './routes/hook-events.js'
import { addGroupRoutes } from './routes/groups.js'
import { addHookRoutes } from './routes/hooks.js'
import { addMemberRoutes } from './routes/members.js'
import { addMergeRequestRoutes } from './routes/merge-requests.js'
import { addNoteRoutes } from './routes/notes.js'
import { addOAuthRoutes } from './routes/oauth.js'
import { addPageRoutes } from './routes/pages.js'
import { addLintRoutes } from './routes/lint.js'
import { addPipelineRoutes } from './routes/pipelines.js'
import { addProjectLifeRoutes } from './routes/project-life.js'
import { addProjectRoutes } from './routes/projects.js'
import { addRepositoryRoutes } from './routes/repository.js'
import { addRepositoryWriteRoutes } from './routes/repository-writes.js'
import { addSessionRoutes } from './routes/sessions.js'
import { addStatusRoutes } from './routes/statuses.js'
import { addTokenRoutes } from './routes/tokens.js'
import { addUserRoutes } from './routes/users.js'

declare module 'fastify' {
  interface FastifyRequest {
    simulatedCall: Call
    simulatedFaults: Fault[]
  }
}

const bodyLimit = 50 * 1024 * 1024

export function createServer(): FastifyInstance {
  return Fastify({
    bodyLimit,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 4000, ignoreTrailingSlash: false, querystringParser: parseQuery },
  })
}

/** Everything that answers with JSON. `world.url` may be set after this, before the first request. */
export function addApi(app: FastifyInstance, world: World, latencyMs: number): void {
  app.decorateRequest('simulatedFaults')
  app.decorateRequest('simulatedCall')
  app.register(
    async (below) => {
      addBodyParsers(below)
      recordCalls(below, world)
      strikeFaults(below, latencyMs)
      below.setErrorHandler(answerError)
      addDiscoveryRoutes(below, world)
      addSessionRoutes(below, world)
      addOAuthRoutes(below, world)
      below.register(async (api) => addApiRoutes(api, world), { prefix: '/api/v4' })
    },
    { prefix: world.settings.relativePath },
  )
}

/** Pages for people and git's own protocol, which share the paths of projects. */
export function addWeb(app: FastifyInstance, world: World): void {
  app.register(
    async (below) => {
      addGitRoutes(below, world)
      addPageRoutes(below, world)
    },
    { prefix: world.settings.relativePath },
  )
}

function addApiRoutes(app: FastifyInstance, world: World): void {
  const api = createApi(app, world)
  addUserRoutes(api)
  addAdministrationRoutes(api)
  addApplicationRoutes(api)
  addTokenRoutes(api)
  addProjectRoutes(api)
  addProjectLifeRoutes(api)
  addGroupRoutes(api)
  addMemberRoutes(api)
  addCommitRoutes(api)
  addRepositoryRoutes(api)
  addRepositoryWriteRoutes(api)
  addStatusRoutes(api)
  addMergeRequestRoutes(api)
  addNoteRoutes(api)
  addPipelineRoutes(api)
  addLintRoutes(api)
  addHookRoutes(api)
  addHookEventRoutes(api)
  app.all('/*', (_request, reply) => reply.code(404).send({ error: '404 Not Found' }))
}

function answerError(err: unknown, _request: FastifyRequest, reply: FastifyReply): unknown {
  if (err instanceof ApiError) return reply.code(err.status).headers(err.headers).send(err.body)
  const status = (err as { statusCode?: number }).statusCode ?? 500
  if (status < 500) return reply.code(status).send({ error: (err as Error).message })
  process.emitWarning(`The simulator failed: ${err instanceof Error ? err.stack : String(err)}`)
  return reply.code(500).send({ message: '500 Internal Server Error' })
}

function addBodyParsers(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) => {
    const text = String(body)
    try {
      done(null, text === '' ? {} : JSON.parse(text))
    } catch {
      // The parser's own message would not be GitLab's.
      done(new ApiError(400, { error: "The request's JSON could not be parsed" }))
    }
  })
  app.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string' },
    (_request, body, done) => done(null, parseQuery(String(body))),
  )
  app.addContentTypeParser('*', { parseAs: 'string' }, (_request, _body, done) => done(null, {}))
}

/** Rack's way: `a[]=1&a[]=2` is a list, otherwise the last value counts. */
function parseQuery(text: string): Record<string, string | string[]> {
  const result: Record<string, string | string[]> = {}
  for (const [name, value] of new URLSearchParams(text)) {
    if (!name.endsWith('[]')) {
      result[name] = value
      continue
    }
    const list = result[name.slice(0, -2)]
    result[name.slice(0, -2)] = Array.isArray(list) ? [...list, value] : [value]
  }
  return result
}

function recordCalls(app: FastifyInstance, world: World): void {
  app.addHook('onRequest', async (request) => {
    const { relativePath } = world.settings
    const eventUuid = request.headers['x-gitlab-event-uuid']
    const call: Call = {
      method: request.method,
      route: (request.routeOptions.url ?? '').slice(relativePath.length).replace(/^\/api\/v4/, ''),
      path: request.url.slice(relativePath.length),
      status: null,
      userId: null,
      at: world.now(),
      eventUuid: typeof eventUuid === 'string' ? eventUuid : null,
    }
    request.simulatedCall = call
    world.calls.list.push(call)
    request.simulatedFaults = world.faults.strike(call.method, call.route, call.path)
  })
  app.addHook('onResponse', async (request, reply) => {
    if (!reply.raw.destroyed || reply.raw.writableFinished) request.simulatedCall.status = reply.statusCode
  })
}

function strikeFaults(app: FastifyInstance, latencyMs: number): void {
  app.addHook('onRequest', async (request, reply) => {
    const faults = request.simulatedFaults
    const delayMs = latencyMs + faults.reduce((sum, fault) => sum + (fault.delayMs ?? 0), 0)
    if (delayMs > 0) await sleep(delayMs)
    if (faults.some((fault) => fault.cutBeforeEffect === true)) {
      reply.hijack()
      request.raw.socket.destroy()
      return reply
    }
    const refusal = faults.find((fault) => fault.status !== undefined)
    if (refusal === undefined) return
    return sendFault(reply, refusal.status ?? 500, refusal.body, refusal.headers)
  })
  app.addHook('onSend', async (request, reply, payload) => {
    const faults = request.simulatedFaults
    if (faults.some((fault) => fault.cutAfterEffect === true)) {
      request.raw.socket.destroy()
      return payload
    }
    const answer = faults.find((fault) => fault.answerAfterEffect !== undefined)?.answerAfterEffect
    if (answer !== undefined) {
      const { type, text } = bodyOf(answer.body)
      reply.code(answer.status).headers({ 'content-type': type, ...answer.headers })
      return text
    }
    const slow = faults.find((fault) => fault.slowBodyMs !== undefined)?.slowBodyMs
    return slow === undefined || typeof payload !== 'string'
      ? payload
      : Readable.from(inHalves(payload, slow))
  })
}

function sendFault(
  reply: FastifyReply,
  status: number,
  body: unknown,
  headers: Record<string, string> | undefined,
): FastifyReply {
  const { type, text } = bodyOf(body)
  return reply
    .code(status)
    .headers({ 'content-type': type, ...headers })
    .send(text)
}

function bodyOf(body: unknown): { type: string; text: string } {
  if (body === undefined) return { type: 'text/plain', text: '' }
  if (typeof body === 'string') return { type: 'text/plain', text: body }
  return { type: 'application/json', text: JSON.stringify(body) }
}

async function* inHalves(payload: string, pauseMs: number): AsyncGenerator<string> {
  const middle = Math.floor(payload.length / 2)
  yield payload.slice(0, middle)
  await sleep(pauseMs)
  yield payload.slice(middle)
}
