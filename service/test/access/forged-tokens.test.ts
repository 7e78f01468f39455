import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { type Forgery, type ForgeryTools, forgeTokens } from './forged-tokens.js'
import { newAddress } from './new-address.js'
import { diff, takeSnapshot } from './snapshot.js'
import { startWorld } from './world.js'

const world = await startWorld(t)
const { simulator } = world.service
const project = world.projects.private
const jobId = world.startJob('private')

interface JobRoute {
  method: 'GET' | 'POST'
  url: string
  body?: object
}

/** Every route that takes a job's token. */
const routes: JobRoute[] = [
  {
    method: 'POST',
    url: '/api/v1/reports',
    body: {
      job: { status: 'success' },
      models: [{ name: 'forged', dataset: 'iris', results: { accuracy: 1 } }],
    },
  },
  { method: 'GET', url: `/api/v1/reports/${project.reportId}` },
  { method: 'GET', url: '/api/v1/gate' },
  { method: 'POST', url: '/api/v1/preview', body: { head: { accuracy: 0.9 } } },
]

async function ask({ method, url, body }: JobRoute, headers: Record<string, string>): Promise<number> {
  const answer = await world.app.inject({
    method,
    remoteAddress: newAddress(),
    url,
    headers: { ...headers, ...(body !== undefined && { 'content-type': 'application/json' }) },
    ...(body !== undefined && { payload: JSON.stringify(body) }),
  })
  return answer.statusCode
}

function askAll(headers: Record<string, string>): Promise<number[]> {
  return Promise.all(routes.map((route) => ask(route, headers)))
}

let keyFetches = 0
const keyServer = createServer((_request, response) => {
  keyFetches += 1
  response.end('{"keys":[]}')
})
await new Promise<void>((resolve) => keyServer.listen(0, '127.0.0.1', resolve))
t.teardown(() => keyServer.close())

async function prepare(): Promise<ForgeryTools> {
  const { port } = keyServer.address() as AddressInfo
  const answer = await fetch(`${simulator.url}/oauth/discovery/keys`)
  const { keys } = (await answer.json()) as { keys: ForgeryTools['published']['ci'][] }
  const header = Buffer.from(world.idToken(jobId).split('.')[0] ?? '', 'base64url').toString()
  const ci = keys.find(({ kid }) => header.includes(kid))
  const openid = keys.find(({ kid }) => !header.includes(kid))
  if (ci === undefined || openid === undefined) throw new Error('GitLab publishes two keys')
  return { world, jobId, keyUrl: `http://127.0.0.1:${port}/keys`, published: { ci, openid } }
}

const good = { authorization: `Bearer ${world.idToken(jobId)}` }

t.test('the real token opens every route', async (t) => {
  t.same(await askAll(good), [202, 200, 200, 200])
})

t.test('no forged token opens any, and none leaves a trace', async (t) => {
  const forgeries: Forgery[] = forgeTokens(await prepare())
  const before = await takeSnapshot(world.service)

  const wrong: string[] = []
  for (const [name, authorization] of forgeries) {
    const statuses = await askAll({ authorization })
    if (statuses.some((status) => status !== 401)) wrong.push(`${name}: ${statuses.join()}`)
  }

  t.same(wrong, [])
  t.same(diff(before, await takeSnapshot(world.service)), [])
  t.equal(keyFetches, 0, 'nobody asks a server that a token names')
  t.ok(forgeries.length >= 60)
  t.equal(new Set(forgeries.map(([, header]) => header)).size, forgeries.length, 'no two are the same')
  t.comment(`${forgeries.length} forged tokens on ${routes.length} routes`)
})

t.test('a real token counts in its own header alone', async (t) => {
  const before = await takeSnapshot(world.service)
  const token = world.idToken(jobId)
  const places = ['private-token', 'job-token', 'x-gitlab-token', 'x-authorization', 'proxy-authorization']

  for (const place of places) {
    t.same(await askAll({ [place]: `Bearer ${token}` }), [401, 404, 401, 401], place)
  }
  const cookie = `mlmm=${token}; id_token=${token}`
  t.same(await askAll({ cookie, origin: world.service.url }), [401, 404, 401, 401], 'cookie')
  t.same(diff(before, await takeSnapshot(world.service)), [])
})

t.test('real tokens of projects that are not connected change nothing', async (t) => {
  const outside = await simulator.createProject({ path: 'outside/lab', visibility: 'public' })
  const fork = await simulator.createProject({
    path: 'the-other/lab',
    visibility: 'public',
    forkedFrom: world.projects.open.gitlab?.id ?? 0,
  })
  const before = await takeSnapshot(world.service)

  for (const { id } of [outside, fork]) {
    const sha = 'a'.repeat(40)
    const pipeline = simulator.createPipeline({ projectId: id, sha, ref: 'main', jobs: [{ name: 'train' }] })
    const token = world.idToken(pipeline.jobs[0]?.id ?? 0)
    const statuses = await askAll({ authorization: `Bearer ${token}` })
    // A preview reads nothing of any project.
    t.same(statuses, [403, 404, 403, 200], `${id}`)
  }
  t.same(diff(before, await takeSnapshot(world.service)), [])
})
