import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { FastifyInstance, RouteOptions } from 'fastify'
import t from 'tap'
import { call } from '../support/people.js'
import { startTestService } from '../support/service.js'

/** The routes of every Fastify instance, in the order in which the instances were made. */
const instances: RouteOptions[][] = []
function watch(message: unknown): void {
  const routes: RouteOptions[] = []
  instances.push(routes)
  const { fastify } = message as { fastify: FastifyInstance }
  fastify.addHook('onRoute', (route) => void routes.push(route))
}

subscribe('fastify.initialization', watch)
const service = await startTestService(t, { worker: false })
unsubscribe('fastify.initialization', watch)

const routes = instances.find((all) => all.some(({ url }) => url === '/api/v1/reports')) ?? []
const rules = [
  'job',
  'person',
  'session',
  'open-project',
  'job-or-person',
  'job-or-person-or-open-project',
  'person-or-open-project',
  'webhook',
  'everyone',
]

function addresses(access: string): { method: string; path: string }[] {
  return routes
    .filter(({ config }) => config?.access === access)
    .flatMap(({ method, url }) =>
      [method].flat().map((one) => ({ method: one, path: url.replace(/:\w+|\*/g, '1') })),
    )
}

t.test('every route declares who it is for', async (t) => {
  t.ok(routes.length > 20, `${routes.length} routes`)
  for (const { method, url, config } of routes) {
    t.ok(rules.includes(String(config?.access)), `${String(method)} ${url}`)
  }
})

t.test('a route for people refuses who has no personal token', async (t) => {
  const found = addresses('person')
  t.ok(found.length >= 8, `${found.length} routes`)
  for (const { method, path } of found) {
    const body = ['POST', 'PATCH', 'PUT'].includes(method) ? {} : undefined
    const anonymous = await call(service, method, path, { body })
    const unknown = await call(service, method, path, { body, token: `mlmm_${'x'.repeat(43)}` })
    t.equal(anonymous.status, 401, `${method} ${path}`)
    t.equal(unknown.status, 401, `${method} ${path} with a token that there is not`)
    if (method !== 'HEAD') t.equal(anonymous.json.code, 'API_TOKEN_MISSING')
  }
})

t.test('a route for people and open projects hides a closed project from anybody else', async (t) => {
  const found = addresses('person-or-open-project').filter(({ path }) => path.startsWith('/api/'))
  t.ok(found.length >= 4, `${found.length} routes`)
  for (const { method, path } of found) {
    const isList = path === '/api/v1/projects'
    const answer = await call(service, method, path)
    t.equal(answer.status, isList ? 200 : 404, `${method} ${path}`)
    if (isList && method === 'GET') t.same(answer.json.projects, [])
    const unknown = await call(service, method, path, { token: `mlmm_${'x'.repeat(43)}` })
    t.equal(unknown.status, 401, `${method} ${path} with a token that there is not`)
  }
})

t.test('a route for jobs refuses who has no ID token', async (t) => {
  const found = addresses('job')
  t.ok(found.length >= 1)
  for (const { method, path } of found) {
    const body = method === 'POST' ? {} : undefined
    const answer = await call(service, method, path, { body, token: `mlmm_${'x'.repeat(43)}` })
    t.equal(answer.status, 401, `${method} ${path}`)
  }
})
