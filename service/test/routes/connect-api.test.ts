import t from 'tap'
import { call, makeToken } from '../support/people.js'
import { startTestService } from '../support/service.js'
import { signIn } from '../support/sign-in.js'

const service = await startTestService(t, { worker: false, autoConnect: [] })
const { simulator, maintainer, stores } = service
const maya = await signIn(service, maintainer.id)
const token = await makeToken(service, maintainer.id, { lifeMs: 600_000 })

async function person(username: string): Promise<{ id: number; token: string }> {
  const { id } = simulator.createUser({ username, name: username })
  await signIn(service, id)
  return { id, token: await makeToken(service, id, { lifeMs: 600_000 }) }
}

const [dora, gus, otto] = [await person('dora'), await person('gus'), await person('otto')]

/** A private project of GitLab's; `dora` is a Developer of it, `gus` a guest. */
async function createProject(path: string) {
  const project = await service.createProject(path, { visibility: 'private' })
  simulator.addMember(project.id, { userId: dora.id, accessLevel: 30 })
  simulator.addMember(project.id, { userId: gus.id, accessLevel: 10 })
  return project
}

function post(body: unknown, as: { token?: string; headers?: Record<string, string> } = { token }) {
  return call(service, 'POST', '/api/v1/projects', { body, ...as })
}

function hooksOf(gitlabProjectId: number) {
  return [...simulator.state.hooks.values()].filter(({ projectId }) => projectId === gitlabProjectId)
}

async function isConnected(gitlabProjectId: number): Promise<boolean> {
  return (await stores.projects.findByGitLabId(gitlabProjectId)) !== null
}

async function report({ id, head }: { id: number; head: string }) {
  const [job] = simulator.createPipeline({
    projectId: id,
    ref: 'main',
    sha: head,
    jobs: [{ name: 'train' }],
  }).jobs
  const models = [{ name: 'tree', results: { accuracy: 0.9 } }]
  return service.report(job?.id ?? 0, { job: { name: 'train', status: 'success' }, models })
}

t.test('a maintainer connects a project by its number with a token that may write', async (t) => {
  const project = await createProject('research/iris')

  const first = await post({ gitlab_id: project.id })
  const again = await post({ gitlab_id: project.id })

  t.equal(first.status, 201, first.text)
  const { id } = first.json
  t.match(first.json, { gitlab_id: project.id, path: 'research/iris', visibility: 'private' })
  t.match(again, { status: 200, json: { id, gitlab_id: project.id } })
  t.same(
    hooksOf(project.id).map(({ url }) => url),
    [`${service.url}/webhooks/gitlab/${String(id)}`],
  )
  t.equal((await report(project)).status, 202, 'its jobs may report')
})

t.test('asked for many times at once, it is connected once', async (t) => {
  const project = await createProject('research/busy')

  const answers = await Promise.all(Array.from({ length: 8 }, () => post({ gitlab_id: project.id })))

  t.ok(answers.every(({ status }) => status === 200 || status === 201))
  t.equal(new Set(answers.map(({ json }) => json.id)).size, 1)
  t.equal(hooksOf(project.id).length, 1)
})

t.test('a session connects it from a page of this service alone', async (t) => {
  const project = await createProject('research/session')
  const { cookie } = maya
  const body = { gitlab_id: project.id }

  const bare = await post(body, { headers: { cookie } })
  const foreign = { cookie, origin: 'https://evil.example.com', 'sec-fetch-site': 'cross-site' }
  const forged = await post(body, { headers: foreign })
  const nobody = await post(body, {})
  t.same([bare.status, bare.json.code], [403, 'ORIGIN_REFUSED'])
  t.same([forged.status, forged.json.code], [403, 'ORIGIN_REFUSED'])
  t.same([nobody.status, nobody.json.code], [401, 'API_TOKEN_MISSING'])
  t.notOk(await isConnected(project.id))

  const own = { cookie, origin: service.url, 'sec-fetch-site': 'same-origin' }
  t.equal((await post(body, { headers: own })).status, 201)
})

t.test('a token that may only read, or is limited to projects, connects none', async (t) => {
  const [one, two] = [await createProject('research/one'), await createProject('research/two')]
  const reading = await makeToken(service, maintainer.id, { scope: 'read' })
  const { json } = await post({ gitlab_id: one.id })
  const now = new Date()
  const limits = { description: '', projectIds: [String(json.id)], projectPaths: ['research/one'] }
  const limited = await stores.apiTokens.create(
    {
      gitlabUserId: maintainer.id,
      name: 'one',
      scope: 'write',
      expiresAt: new Date(now.getTime() + 60_000),
      ...limits,
    },
    now,
  )

  for (const [weak, words] of [
    [reading, 'The token may only read.'],
    [limited.token, 'The token is limited to some projects, so it connects none.'],
  ] as const) {
    for (const { id } of [one, two]) {
      const answer = await post({ gitlab_id: id }, { token: weak })
      t.match(answer, { status: 403, json: { code: 'API_TOKEN_READ_ONLY', title: words } })
    }
  }
  t.notOk(await isConnected(two.id))
})

t.test('roles are GitLab’s, and what one may not see does not exist', async (t) => {
  const project = await createProject('research/roles')
  const body = { gitlab_id: project.id }

  const developer = await post(body, { token: dora.token })
  const [guest, outsider] = [await post(body, { token: gus.token }), await post(body, { token: otto.token })]
  const unknown = await post({ gitlab_id: 999_999 }, { token: otto.token })

  t.match(developer, {
    status: 403,
    json: { code: 'ROLE_TOO_LOW', title: /Maintainer of research\/roles/ },
  })
  for (const answer of [guest, outsider]) {
    t.equal(answer.status, 404)
    t.same({ ...answer.json, request: null }, { ...unknown.json, request: null }, 'no word differs')
  }
  t.notOk(await isConnected(project.id))

  simulator.addMember(project.id, { userId: dora.id, accessLevel: 40 })
  t.equal((await post(body, { token: dora.token })).status, 201, 'a role is asked for anew each time')
})

t.test('without the consent of a sign-in, or of posting, nothing is connected', async (t) => {
  const project = await createProject('research/consent')
  const { id: userId } = simulator.createUser({ username: 'nora', name: 'Nora' })
  simulator.addMember(project.id, { userId, accessLevel: 40 })
  const never = await makeToken(service, userId)

  const unsigned = await post({ gitlab_id: project.id }, { token: never })
  const posting = await post({ gitlab_id: project.id, posting: true })

  t.match(unsigned.json, { code: /^GRANT_/ })
  t.match(posting.json, { code: /^GRANT_/ })
  t.same([unsigned.status, posting.status], [401, 401])
  t.notOk(await isConnected(project.id))
})

t.test('what is no number of a project is refused as such', async (t) => {
  const wrong = [0, -1, 1.5, '12', null, true, [], 1e15, Number.MAX_SAFE_INTEGER + 1]
  for (const gitlab_id of wrong) {
    t.match(await post({ gitlab_id }), { status: 400, json: { field: 'gitlab_id' } }, String(gitlab_id))
  }
  t.match(await post({ gitlab_id: 1, name: 'x' }), { status: 400, json: { code: 'UNKNOWN_FIELD' } })
})

t.test('an archived project is not connected', async (t) => {
  const project = await createProject('research/old')
  simulator.updateProject(project.id, { archived: true })

  t.match(await post({ gitlab_id: project.id }), { json: { code: 'PROJECT_ARCHIVED' } })
  t.notOk(await isConnected(project.id))
})

t.test('a disconnected project is connected again, as the same', async (t) => {
  const project = await createProject('research/back')
  const { id } = (await post({ gitlab_id: project.id })).json
  await call(service, 'DELETE', `/api/v1/projects/${project.id}/connection`, { token })
  t.ok((await stores.projects.findByGitLabId(project.id))?.disconnectedAt)
  t.equal((await post({ gitlab_id: project.id }, { token: dora.token })).status, 403)

  t.match(await post({ gitlab_id: project.id }), { status: 200, json: { id } })

  t.notOk((await stores.projects.findByGitLabId(project.id))?.disconnectedAt)
  t.equal(hooksOf(project.id).length, 1)
})
