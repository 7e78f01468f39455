import t from 'tap'
import { call, makeToken } from '../support/people.js'
import { startTestService, type TestProject } from '../support/service.js'
import { type SignedIn, signIn } from '../support/sign-in.js'

const service = await startTestService(t, { worker: false, autoConnect: [] })
const { simulator, maintainer, stores } = service
const maya = await signIn(service, maintainer.id)
const token = await makeToken(service, maintainer.id, { lifeMs: 600_000 })

async function person(username: string) {
  const { id } = simulator.createUser({ username, name: username })
  return { id, browser: await signIn(service, id), token: await makeToken(service, id, { lifeMs: 600_000 }) }
}

const [dora, rita] = [await person('dora'), await person('rita')]
const model = { name: 'tree', dataset: 'iris', version: '1.0', results: { accuracy: 0.9 } }

/** A standalone project of Maya's with one model, open to `dora`. Answers with our id. */
async function makeStandalone(name: string): Promise<string> {
  const made = await call(service, 'POST', '/api/v1/projects', { token, body: { name } })
  const id = String(made.json.id)
  const member = { username: 'dora', access_level: 30 }
  await call(service, 'POST', `/api/v1/projects/${id}/members`, { token, body: member })
  const body = { project: id, models: [model] }
  const sent = await call(service, 'POST', '/api/v1/reports', { token, body })
  if (sent.status !== 202) throw new Error(sent.text)
  return id
}

function connect(gitlabProjectId: number, standaloneId?: string, as = token) {
  const body = { gitlab_id: gitlabProjectId, standalone_id: standaloneId }
  return call(service, 'POST', '/api/v1/projects', { token: as, body })
}

/** Private, and `rita` is a Reporter of it. */
async function createProject(path: string): Promise<TestProject> {
  const project = await service.createProject(path, { visibility: 'private' })
  simulator.addMember(project.id, { userId: rita.id, accessLevel: 20 })
  return project
}

function ofGitLab(gitlabProjectId: number) {
  return service.db.collection('projects').find({ gitlabProjectId }).toArray()
}

async function statusOf(browser: SignedIn, path: string): Promise<number> {
  return (await browser.get(path)).status
}

async function modelsOf(path: string, as = token): Promise<unknown> {
  const answer = await call(service, 'GET', `/api/v1/projects/${encodeURIComponent(path)}/models`, {
    token: as,
  })
  return answer.status === 200 ? (answer.json.models as { version: string }[]).map((one) => one.version) : []
}

t.test('its models stay, its addresses lead on, and its members are GitLab’s', async (t) => {
  const [id, project] = [await makeStandalone('notes'), await createProject('research/notes')]
  const [shown] = await stores.projects.listOfMember(dora.id, { limit: 1, after: null, among: null })
  t.equal(shown?.id, id)
  const page = (await maya.get('/~maya/notes')).text
  const modelPath = /href="(\/~maya\/notes\/-\/models\/[^"]+)"/.exec(page)?.[1] ?? ''
  t.equal(await statusOf(maya, modelPath), 200)

  const answer = await connect(project.id, id)

  t.match(answer, { status: 201, json: { id, gitlab_id: project.id, path: 'research/notes' } })
  t.same(await modelsOf('research/notes'), ['1.0'])
  t.same(await modelsOf('~maya/notes'), ['1.0'], 'the old path still names it in the API')
  t.match((await maya.get('/research/notes')).text, 'tree')
  for (const path of ['/~maya/notes', modelPath]) {
    const moved = await maya.get(path)
    t.equal(moved.status, 302)
    t.equal(moved.headers.get('location'), path.replace('/~maya/notes', '/research/notes'))
  }
  t.equal(await statusOf(maya, modelPath.replace('/~maya/notes', '/research/notes')), 200)

  t.equal(await statusOf(rita.browser, '/research/notes'), 200, 'a Reporter in GitLab')
  t.equal(await statusOf(dora.browser, '/research/notes'), 404, 'who was a member here alone')
  t.equal(await statusOf(dora.browser, '/~maya/notes'), 404)
  t.equal(await statusOf(dora.browser, modelPath), 404)
  t.same(await modelsOf('research/notes', dora.token), [])
  t.notMatch((await dora.browser.get('/')).text, '/notes')
  const members = await call(service, 'GET', `/api/v1/projects/${id}/members`, { token })
  t.match(members.json, { code: 'NOT_STANDALONE' })
  t.match(await connect(project.id, id), { status: 200, json: { id } }, 'the same again')
})

t.test('jobs of the repository add to its models', async (t) => {
  const [id, project] = [await makeStandalone('grows'), await createProject('research/grows')]
  await connect(project.id, id)
  const base = { projectId: project.id, ref: 'main', sha: project.head }
  const [job] = simulator.createPipeline({ ...base, jobs: [{ name: 'train' }] }).jobs
  const { version: _, ...ofJob } = model

  const sent = await service.report(job?.id ?? 0, {
    job: { name: 'train', status: 'success' },
    models: [ofJob],
  })

  t.equal(sent.status, 202, sent.text)
  t.same(new Set((await modelsOf('research/grows')) as string[]), new Set([null, '1.0']))
  t.equal(await statusOf(maya, '/research/grows/-/models/tree/iris'), 200)
})

t.test('its name is free again, and then the address is the new project’s', async (t) => {
  const [id, project] = [await makeStandalone('again'), await createProject('research/again')]
  await connect(project.id, id)
  t.equal(await statusOf(maya, '/~maya/again'), 302)

  const next = await makeStandalone('again')

  t.not(next, id)
  t.equal(await statusOf(maya, '/~maya/again'), 200)
  t.equal(await statusOf(maya, '/research/again'), 200)
})

t.test('a second one for the same repository is refused and stays as it was', async (t) => {
  const project = await createProject('research/taken')
  const [first, second] = [await makeStandalone('first'), await makeStandalone('second')]
  await connect(project.id, first)

  const refused = await connect(project.id, second)

  t.match(refused, {
    status: 409,
    json: {
      code: 'ALREADY_CONNECTED',
      title: 'research/taken is connected to another project already.',
      help: /.+/,
    },
  })
  t.equal(await statusOf(dora.browser, '/~maya/second'), 200)
  t.same(await modelsOf('~maya/second'), ['1.0'])
  const onPage = await maya.post(`/-/connect/${project.id}`, { standalone: second })
  t.equal(onPage.status, 409)
  t.match(onPage.text, 'research/taken is connected to another project already.')
  t.equal((await ofGitLab(project.id)).length, 1)
})

t.test('of several at once, one is connected', async (t) => {
  const project = await createProject('research/race')
  const ids = await Promise.all(['r1', 'r2', 'r3', 'r4'].map(makeStandalone))

  const answers = await Promise.all(ids.map((id) => connect(project.id, id)))

  const rows = await ofGitLab(project.id)
  t.same(
    answers.map(({ status }) => status).sort((a, b) => a - b),
    [201, 409, 409, 409],
  )
  t.same(
    rows.map(({ _id }) => String(_id)),
    ids.filter((_, index) => answers[index]?.status === 201),
  )
  for (const [index, id] of ids.entries()) {
    const isStandalone = (await stores.projects.findAny(id))?.gitlabProjectId === null
    t.equal(isStandalone, answers[index]?.status === 409)
  }
})

t.test('at once with a connection without one, there is one project', async (t) => {
  for (const name of ['mixed-1', 'mixed-2', 'mixed-3']) {
    const [id, project] = [await makeStandalone(name), await createProject(`research/${name}`)]

    const [plain, chosen] = await Promise.all([connect(project.id), connect(project.id, id)])

    const rows = await ofGitLab(project.id)
    t.equal(rows.length, 1)
    t.ok([200, 201].includes(plain.status))
    t.equal(String(rows[0]?._id) === id, chosen.status < 300, `${chosen.status}`)
    t.equal(plain.json.id, String(rows[0]?._id))
    if (chosen.status >= 300) t.match(chosen.json, { code: 'ALREADY_CONNECTED' })
  }
})

t.test('one standalone project for two repositories at once becomes one of them', async (t) => {
  const id = await makeStandalone('split')
  const [one, two] = [await createProject('research/split-1'), await createProject('research/split-2')]

  const answers = await Promise.all([connect(one.id, id), connect(two.id, id)])

  const won = answers.filter(({ status }) => status === 201)
  t.equal(won.length, 1)
  t.equal((await ofGitLab(one.id)).length + (await ofGitLab(two.id)).length, 1)
  t.ok(answers.every(({ status }) => [201, 404, 409].includes(status)))
})

t.test('only its Maintainers give it a repository', async (t) => {
  const [id, project] = [await makeStandalone('owned'), await createProject('research/owned')]
  simulator.addMember(project.id, { userId: dora.id, accessLevel: 40 })
  simulator.addMember(project.id, { userId: rita.id, accessLevel: 40 })
  const connected = await createProject('research/connected')
  const other = String((await connect(connected.id)).json.id)

  t.match(await connect(project.id, id, dora.token), { status: 403, json: { code: 'ROLE_TOO_LOW' } })
  t.match(await connect(project.id, id, rita.token), { status: 404, json: { code: 'NOT_FOUND' } })
  t.match(await connect(project.id, 'no-such-project'), { status: 404 })
  t.match(await connect(project.id, other), { json: { code: 'NOT_STANDALONE' } })

  t.same(await ofGitLab(project.id), [])
  t.equal(await statusOf(maya, '/~maya/owned'), 200)
})
