import t from 'tap'
import { eventually, startTestService } from '../support/service.js'
import { signIn } from '../support/sign-in.js'
import { model, train } from '../support/story.js'

const service = await startTestService(t)
const { simulator, stores, maintainer, bot, db } = service
const project = await service.createProject('research/iris')
const hidden = await service.createProject('research/hidden', { visibility: 'private' })
const developer = simulator.createUser({ username: 'dora', name: 'Dora Developer' })
simulator.addMember(project.id, { userId: developer.id, accessLevel: 30 })
await train(service, project, [model('tree', 0.8)])
await train(service, hidden, [model('tree', 0.8)])
const maya = await signIn(service, maintainer.id)
const dora = await signIn(service, developer.id)
const page = '/research/iris/-/settings'

async function stored() {
  const found = await stores.projects.findByGitLabId(project.id)
  if (found === null) throw new Error('No project')
  return found
}

const { id } = await eventually('the webhook', async () => {
  const found = await stored()
  return found.hook.state === 'registered' && found
})

async function send(form: string, fields: Record<string, string> = {}) {
  const answer = await maya.post(`/-/projects/${id}/${form}`, fields)
  return { status: answer.status, to: answer.headers.get('location') ?? '' }
}

t.test('settings are for Maintainers; who may not see the project finds nothing', async (t) => {
  const asMaya = await maya.get(page)
  const asDora = await dora.get(page)
  const hiddenToDora = await dora.get('/research/hidden/-/settings')
  const anonymous = await service.get(page)
  const hiddenToNobody = await service.get('/research/hidden/-/settings')

  t.equal(asMaya.status, 200)
  t.equal(asDora.status, 403)
  t.match(asDora.text, /has to be Maintainer/)
  t.same([hiddenToDora.status, hiddenToNobody.status], [404, 404])
  t.equal(anonymous.status, 303)
  t.match(anonymous.headers.get('location'), /\/-\/sign-in\?return_to=%2Fresearch%2Firis%2F-%2Fsettings/)
})

t.test('the page of a project leads Maintainers to its settings', async (t) => {
  t.match((await maya.get('/research/iris')).text, `href="${page}"`)
  t.notMatch((await dora.get('/research/iris')).text, '/-/settings')
})

t.test('it says who posts, how the webhook stands, and what to paste', async (t) => {
  const { text } = await maya.get(page)

  t.match(text, /The bot of this service<\/th>.*<span class="badge">posts/)
  t.match(text, bot.username)
  t.match(text, '<dt>State</dt><dd>works</dd>')
  t.match(text, `remote: ${service.url}/ci/v1/mlmm.yml`)
})

t.test('forms of others change nothing', async (t) => {
  const foreign = { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }
  const answers = await Promise.all(
    ['test-delivery', 'rotate-secrets', 'poster', 'fork-reports', 'disconnect', 'delete'].map(
      async (form) => {
        const path = `/-/projects/${id}/${form}`
        const fields = { path: 'research/iris', fork_reports: 'allowed' }
        const asDora = await dora.post(path, fields)
        const fromElsewhere = await maya.post(path, fields, foreign)
        return [asDora.status, fromElsewhere.status]
      },
    ),
  )

  t.same(
    answers,
    Array.from({ length: 6 }, () => [403, 403]),
  )
  t.match(await stored(), { hook: { state: 'registered' }, forkReports: undefined })
})

t.test('a test delivery goes from GitLab to the service and back', async (t) => {
  t.same(await send('test-delivery'), { status: 303, to: `${page}?result=delivered` })
  t.match((await maya.get(`${page}?result=delivered`)).text, 'The test delivery arrived')
  t.notMatch((await maya.get(`${page}?result=constructor`)).text, 'role="status"', 'only known words')
})

t.test('new secrets are taken by GitLab, those before hold for an hour', async (t) => {
  const before = await stored()

  t.same(await send('rotate-secrets'), { status: 303, to: `${page}?result=rotated-secrets` })

  const { hook } = await stored()
  t.equal(hook.previousSecretHash, before.hook.secretHash)
  t.not(hook.secretHash, before.hook.secretHash)
  t.ok((hook.previousUntil ?? new Date(0)) > new Date())
  t.match(await send('test-delivery'), { to: `${page}?result=delivered` })
})

t.test('GitLab keeps the old secrets where it refuses the new ones', async (t) => {
  const before = await stored()
  simulator.faults.add({ method: 'PUT', route: /\/hooks\//, status: 422, times: 1 })

  t.match(await send('rotate-secrets'), { to: `${page}?result=not-allowed` })

  t.equal((await stored()).hook.secretHash, before.hook.secretHash)
  t.match(await send('test-delivery'), { to: `${page}?result=delivered` })
})

t.test('reports of forks are allowed and refused, and that is written down', async (t) => {
  await send('fork-reports', { fork_reports: 'allowed' })
  t.equal((await stored()).forkReports, 'allowed')
  await send('fork-reports', { fork_reports: 'refused' })

  t.equal((await stored()).forkReports, 'refused')
  const { text } = await maya.get(page)
  t.match(text, 'Reports of forks allowed')
  t.match(text, 'Secrets of the webhook changed')
})

t.test('a consent is forgotten', async (t) => {
  const consent = { gitlabUserId: maintainer.id, username: 'maya', at: new Date() }
  await stores.connections.setConsent(id, consent)
  const shown = await maya.get(page)
  t.match(shown.text, /A Maintainer who agreed to it/)

  t.match(await send('poster', { drop: 'consent' }), { to: `${page}?result=consent-dropped` })

  t.equal((await stored()).consent, null)
})

t.test('disconnecting takes the path, and shows what is left', async (t) => {
  t.match(await send('disconnect', { path: 'research/other' }), { to: `${page}?result=wrong-path` })
  t.notOk((await stored()).disconnectedAt)

  t.match(await send('disconnect', { path: 'research/iris' }), { to: `${page}?result=disconnected` })

  t.ok((await stored()).disconnectedAt)
  const { text } = await maya.get(`${page}?result=disconnected`)
  t.match(text, `/-/connect/${project.id}">Connect it again`)
  t.match(text, 'Disconnected</td><td><bdi>maya')
  t.equal((await dora.get('/research/iris')).status, 200, 'results stay readable')
})

t.test('a deleted project is gone at once', async (t) => {
  t.match(await send('delete', { confirm: 'research' }), { to: `${page}?result=wrong-path` })
  t.same(await send('delete', { confirm: 'research/iris' }), { status: 303, to: '/' })

  t.equal((await maya.get('/research/iris')).status, 404)
  t.ok(await db.collection('audit').findOne({ action: 'project_deleted', projectId: id }))
})
