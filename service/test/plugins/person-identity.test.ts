import t from 'tap'
import { call, makeToken } from '../support/people.js'
import { startTestService } from '../support/service.js'

const service = await startTestService(t, { worker: false })
const { simulator, stores, maintainer } = service

const user = (token?: string, headers?: Record<string, string>) =>
  call(service, 'GET', '/api/v1/user', { token, headers })

t.test('a token says who it is for, its scope and its end', async (t) => {
  const token = await makeToken(service, maintainer.id, { scope: 'read', lifeMs: 3_600_000 })

  const answer = await user(token)

  t.match(answer, {
    status: 200,
    json: { id: maintainer.id, username: 'maya', name: 'Maya Maintainer', token: { scope: 'read' } },
  })
  const { expires_at: expiresAt } = answer.json.token as { expires_at: string }
  t.ok(Math.abs(Date.parse(expiresAt) - Date.now() - 3_600_000) < 60_000)
})

t.test('only the hash of a token is stored', async (t) => {
  const token = await makeToken(service, maintainer.id)

  t.match(token, /^mlmm_[\w-]{43}$/)
  const row = await stores.apiTokens.findByText(token)
  t.notMatch(JSON.stringify(row), token.slice(5))
  t.equal(await stores.apiTokens.findByText(`${token.slice(0, -1)}!`), null)
})

t.test('the last use is written once an hour', async (t) => {
  const token = await makeToken(service, maintainer.id)
  const usedAt = async () => (await stores.apiTokens.findByText(token))?.lastUsedAt
  t.equal(await usedAt(), null)

  await user(token)
  const first = await usedAt()
  await user(token)
  t.ok(first instanceof Date)
  t.same(await usedAt(), first)

  const row = await stores.apiTokens.findByText(token)
  const later = new Date(Date.now() + 3_600_001)
  if (row !== null) await stores.apiTokens.markUsed(row, later)
  t.same(await usedAt(), later)
})

const garbage = [
  'mlmm_',
  'mlmm_short',
  `mlmm_${'x'.repeat(43)}`,
  `mlmm_${'x'.repeat(5000)}`,
  `MLMM_${'x'.repeat(43)}`,
  `mlmm_${'x'.repeat(40)}$ne`,
  'glpat-abcdefghijklmnopqrst',
  '{"$gt":""}',
]
for (const token of garbage) {
  t.test(`no token: ${token.slice(0, 60)}`, async (t) => {
    t.match(await user(token), { status: 401, json: { code: 'API_TOKEN_INVALID' } })
  })
}

t.test("a job's ID token is no person", async (t) => {
  const project = await service.createProject('research/iris')
  const pipeline = simulator.createPipeline({
    projectId: project.id,
    sha: project.head,
    ref: 'main',
    jobs: [{ name: 'train' }],
  })
  const jobId = pipeline.jobs[0]?.id ?? 0
  simulator.setJobStatus(jobId, 'running')

  const answer = await user(simulator.idToken({ jobId, aud: service.url }))

  t.match(answer, { status: 401, json: { code: 'API_TOKEN_INVALID' } })
})

t.test('nothing but the header is looked at', async (t) => {
  const token = await makeToken(service, maintainer.id)
  const refused = { status: 401, json: { code: 'API_TOKEN_MISSING' } }

  t.match(await user(), refused)
  t.match(await user(undefined, { cookie: `token=${token}; mlmm=${token}` }), refused)
  t.match(await user(undefined, { 'private-token': token }), refused)
  t.match(await user(undefined, { authorization: `Basic ${token}` }), refused)
  t.match(await call(service, 'GET', `/api/v1/user?access_token=${token}`), refused)
  t.match(await user(undefined, { authorization: `bearer ${token}` }), { status: 200 })
})

t.test('an expired and a revoked token are refused by their own codes', async (t) => {
  const { id } = simulator.createUser({ username: 'rita' })
  const expired = await makeToken(service, id, { lifeMs: -1 })
  const [one, other] = [await makeToken(service, id), await makeToken(service, id)]

  t.equal(await stores.apiTokens.revokeAll(id, new Date()), 2)

  t.match(await user(expired), { status: 401, json: { code: 'API_TOKEN_EXPIRED' } })
  t.match(await user(one), { status: 401, json: { code: 'API_TOKEN_REVOKED' } })
  t.match(await user(other), { status: 401, json: { code: 'API_TOKEN_REVOKED' } })
})

t.test('who is blocked or gone in GitLab has no use of a token', async (t) => {
  for (const state of ['blocked', 'deactivated'] as const) {
    const { id } = simulator.createUser({ username: `was-${state}` })
    simulator.setUserState(id, state)
    const answer = await user(await makeToken(service, id))
    t.match(answer, { status: 403, json: { code: 'USER_NOT_ACTIVE', title: new RegExp(state) } })
  }
  const gone = await user(await makeToken(service, 4711))
  t.match(gone, { status: 403, json: { code: 'USER_NOT_ACTIVE' } })
})
