import t, { type Test } from 'tap'
import type { Delivery } from '../../../simulator/hooks/deliveries.js'
import type { GitLabVersion } from '../../../simulator/profiles.js'
import { call } from '../support/people.js'
import { eventually, startTestService, type TestProject, type TestService } from '../support/service.js'
import { browserWith, reachCallback, type SignedIn, signIn } from '../support/sign-in.js'
import {
  endJob,
  model,
  noteSaying,
  openMergeRequest,
  statusesBecome,
  train,
  startJobs,
} from '../support/story.js'

/** What the GitLab of a version sends and offers, as far as people or the service notice. */
interface Expected {
  /** Whether a webhook is proved at once, by a test delivery. */
  testsHooks: boolean
  deliveryHeaders: { present: string[]; absent: string[] }
  /** Whether notes hold charts. */
  charts: boolean
  /** Of two jobs one, of which the second is new in the merge request. */
  reported: string
}

const signature = ['webhook-id', 'webhook-timestamp', 'webhook-signature']
const always = ['x-gitlab-token', 'x-gitlab-event-uuid']
const since174 = ['x-gitlab-webhook-uuid', 'idempotency-key']
const unsigned = { present: [...always, ...since174], absent: signature }

const versions: Record<GitLabVersion, Expected> = {
  '16.0': {
    testsHooks: false,
    deliveryHeaders: { present: always, absent: [...since174, ...signature] },
    charts: false,
    reported: '1 of 1 job reported',
  },
  '17.4': { testsHooks: true, deliveryHeaders: unsigned, charts: true, reported: '1 of 2 jobs reported' },
  '18.4': { testsHooks: true, deliveryHeaders: unsigned, charts: true, reported: '1 of 2 jobs reported' },
  '19.0': {
    testsHooks: true,
    deliveryHeaders: { present: [...always, ...since174, ...signature], absent: [] },
    charts: true,
    reported: '1 of 2 jobs reported',
  },
}

t.jobs = 2

interface Ground {
  service: TestService
  project: TestProject
  maya: SignedIn
}

/** A private project of Maya's, which nobody has connected and the bot of the instance is no member of. */
async function lay(t: Test, version: GitLabVersion): Promise<Ground> {
  const service = await startTestService(t, { simulator: { version }, autoConnect: [] })
  const project = await service.createProject('research/iris', { visibility: 'private' })
  service.simulator.removeMember(project.id, service.bot.id)
  return { service, project, maya: await signIn(service, service.maintainer.id) }
}

/** Lets the service post, and connects the project. Answers with its page. */
async function connect({ service, project, maya }: Ground) {
  const address = `/-/connect/${project.id}`
  const { callback, cookie } = await reachCallback(service, {
    userId: service.maintainer.id,
    query: `?for=posting&return_to=${address}`,
    cookie: maya.cookie,
  })
  await browserWith(service, cookie).get(callback)
  const sent = await maya.post(address, { posting: 'yes' })
  if (sent.status !== 303) throw new Error(sent.text)
  return maya.get(address)
}

function lastDelivery({ simulator }: TestService): Promise<Delivery> {
  return eventually('a delivery', () => simulator.hooks.deliveries.findLast(({ status }) => status !== null))
}

function deliver({ url, body }: Delivery, headers: Record<string, string>): Promise<number> {
  return fetch(url, { method: 'POST', headers, body }).then(({ status }) => status)
}

function without(headers: Record<string, string>, name: RegExp): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([header]) => !name.test(header)))
}

/** Somebody who is a member only by a private group that the project was opened to. */
async function invite({ service, project }: Ground): Promise<number> {
  const { simulator, maintainer } = service
  const ines = simulator.createUser({ username: 'ines', name: 'Ines Invited' })
  const gitlab = { url: `${simulator.url}/api/v4` }
  const as = (token: string, path: string, body: object) => call(gitlab, 'POST', path, { token, body })
  const group = await as(ines.token, '/groups', { name: 'Guests', path: 'guests', visibility: 'private' })
  const groupId = Number(group.json.id)
  await as(ines.token, `/groups/${groupId}/members`, { user_id: maintainer.id, access_level: 20 })
  const share = { group_id: groupId, group_access: 40 }
  const shared = await as(maintainer.token, `/projects/${project.id}/share`, share)
  if (shared.status !== 201) throw new Error(shared.text)
  await call(gitlab, 'DELETE', `/groups/${groupId}/members/${maintainer.id}`, { token: ines.token })
  return ines.id
}

for (const [version, expected] of Object.entries(versions) as [GitLabVersion, Expected][]) {
  t.test(`from signing in to the note in GitLab ${version}`, { buffered: true }, async (t) => {
    const ground = await lay(t, version)
    const { service, project } = ground
    const { simulator } = service

    const page = await connect(ground)

    const hook = [...simulator.state.hooks.values()].find((one) => one.projectId === project.id)
    t.equal(hook?.url, `${service.url}/webhooks/gitlab/${(await rowOf(ground)).id}`)
    t.match(page.text, 'written by the project&#x27;s own bot')
    if (expected.testsHooks) t.match(page.text, 'The webhook works. A delivery was received at')
    else t.notMatch(page.text, 'A delivery was received at', 'nothing has proved it yet')

    await t.test('its webhooks are taken, and only its own', async (t) => {
      await checkDeliveries(t, ground, expected)
    })
    await t.test('a report becomes one note', async (t) => checkNote(t, ground, expected))
    await t.test('permissions are GitLab’s', async (t) => checkPermissions(t, ground))
  })
}

async function rowOf({ service, project }: Ground) {
  const row = await service.stores.projects.findByGitLabId(project.id)
  if (row === null) throw new Error('The project is not connected')
  return row
}

async function checkDeliveries(t: Test, ground: Ground, { deliveryHeaders }: Expected): Promise<void> {
  const { service, project, maya } = ground
  const { simulator, maintainer, db } = service
  const { id } = await rowOf(ground)

  await simulator.pushFiles({
    projectId: project.id,
    userId: maintainer.id,
    branch: 'main',
    files: { 'README.md': 'Iris\n' },
  })
  await simulator.settled()
  const delivery = await lastDelivery(service)
  const given = Object.fromEntries(Object.entries(delivery.headers).map(([k, v]) => [k.toLowerCase(), v]))

  t.equal(delivery.status, 200, delivery.responseBody)
  for (const name of deliveryHeaders.present) t.ok(given[name], `${name} is sent`)
  for (const name of deliveryHeaders.absent) t.notOk(given[name], `${name} is not sent`)
  t.match((await maya.get(`/-/connect/${project.id}`)).text, 'The webhook works. A delivery was received at')

  const before = await db.collection('deliveries').countDocuments({ projectId: id })
  t.equal(await deliver(delivery, given), 200, 'the same again is taken')
  t.equal(await db.collection('deliveries').countDocuments({ projectId: id }), before, 'and is the same')
  t.equal(await deliver(delivery, without(given, /^(x-gitlab-token|webhook-.*)$/)), 401)
  t.equal(await deliver(delivery, { ...without(given, /^webhook-/), 'x-gitlab-token': 'guessed' }), 401)
  const forged = { ...delivery, body: delivery.body.replace('README', 'README2') }
  t.equal(await deliver(forged, given), 'webhook-signature' in given ? 401 : 200)
}

async function checkNote(t: Test, ground: Ground, { charts, reported }: Expected): Promise<void> {
  const { service, project } = ground
  const { simulator } = service
  const before = [0.76, 0.77, 0.78, 0.79, 0.8]
  await Promise.all(before.map((accuracy) => train(service, project, [model('tree', accuracy)])))
  await configure(ground, 'main', ['train'])
  await configure(ground, 'tune', ['train', 'extra'])
  const mr = await openMergeRequest(service, project, 'tune')

  const { pipeline, job } = startJobs(service, project, mr.iid, ['train', 'extra'])
  await endJob(service, job('train'), [model('tree', 0.9)])
  await noteSaying(service, project, mr.iid, new RegExp(`90\\.0[^]*running, ${reported} so far`))
  await endJob(service, job('extra'), [model('forest', 0.7)])
  const note = await noteSaying(service, project, mr.iid, /70\.0[^]*finished/)

  const author = simulator.state.users.get(note.authorId)
  t.match(author, { bot: true })
  t.match(author?.username, new RegExp(`^project_${project.id}_bot`))
  t.match(note.body, '1 better')
  t.equal(note.body.includes('xychart-beta'), charts, 'a chart only where GitLab draws it')
  await statusesBecome(service, pipeline.id, ['success'])
}

/** Has the jobs of a branch hold our ID token. */
async function configure({ service, project }: Ground, branch: string, names: string[]): Promise<void> {
  const { simulator, maintainer, url: aud } = service
  const jobs = names.map((name) => [name, { script: 'make', id_tokens: { MLMM_ID_TOKEN: { aud } } }])
  const files = { '.gitlab-ci.yml': JSON.stringify(Object.fromEntries(jobs)) }
  await simulator.pushFiles({ projectId: project.id, userId: maintainer.id, branch, files })
  await simulator.settled()
}

async function checkPermissions(t: Test, ground: Ground): Promise<void> {
  const { service, project, maya } = ground
  const { simulator } = service
  const invited = await invite(ground)
  const people: [name: string, level: number, page: number, settings: number][] = [
    ['gus', 10, 404, 404],
    ['rita', 20, 200, 403],
    ['dora', 30, 200, 403],
    ['mona', 40, 200, 200],
  ]
  for (const [username, accessLevel, page, settings] of people) {
    const { id: userId } = simulator.createUser({ username, name: username })
    simulator.addMember(project.id, { userId, accessLevel })
    const browser = await signIn(service, userId)
    t.equal((await browser.get('/research/iris')).status, page, `${username} and the page`)
    t.equal((await browser.get('/research/iris/-/settings')).status, settings, `${username} and the settings`)
    t.equal((await browser.get('/')).text.includes('research/iris'), page === 200, `${username} and the list`)
  }

  const ines = await signIn(service, invited)
  t.equal((await ines.get('/research/iris')).status, 200, 'a member by an invited group')
  t.equal((await ines.get(`/-/connect/${project.id}`)).status, 200, 'who maintains it so')
  t.match((await ines.get('/')).text, 'research/iris')
  t.equal((await service.get('/research/iris')).status, 404)

  simulator.removeMember(project.id, service.maintainer.id)
  t.equal((await maya.get(`/-/connect/${project.id}`)).status, 404, 'roles are asked for before connecting')
}
