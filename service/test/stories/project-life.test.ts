import t from 'tap'
import { jobKey } from '../../jobs/keys.js'
import { call } from '../support/people.js'
import { eventually, startTestService, type TestProject } from '../support/service.js'
import { type SignedIn, signIn } from '../support/sign-in.js'
import {
  idle,
  model,
  noteSaying,
  openFromFork,
  openMergeRequest,
  train,
  trainMergeRequest,
} from '../support/story.js'

let aheadMs = 0
const service = await startTestService(t, { clock: () => new Date(Date.now() + aheadMs) })
const { simulator, stores, bot } = service
const gitlab = { url: `${simulator.url}/api/v4` }

function sixMinutesLater(): void {
  aheadMs += 6 * 60_000
}

async function rowOf({ id }: TestProject) {
  const row = await stores.projects.findByGitLabId(id)
  if (row === null) throw new Error('The project is not connected')
  return row
}

async function statusOf(browser: SignedIn, path: string): Promise<number> {
  return (await browser.get(path)).status
}

/** A group with somebody in it who is signed in. */
async function createTeam(path: string, username: string): Promise<SignedIn> {
  const { id: userId } = simulator.createUser({ username })
  const owner = service.maintainer.token
  const made = await call(gitlab, 'POST', '/groups', {
    token: owner,
    body: { name: path, path, visibility: 'private' },
  })
  const member = { user_id: userId, access_level: 20 }
  const added = await call(gitlab, 'POST', `/groups/${String(made.json.id)}/members`, {
    token: owner,
    body: member,
  })
  if (added.status !== 201) throw new Error(added.text)
  return signIn(service, userId)
}

t.test(
  'a project that is transferred takes its results along, and has the readers of its new group',
  async (t) => {
    const ada = await createTeam('before', 'ada')
    const ben = await createTeam('after', 'ben')
    const project = await service.createProject('before/iris', { visibility: 'private' })
    await train(service, project, [model('tree', 0.5)])
    const { id } = await rowOf(project)
    const mr = await openMergeRequest(service, project, 'tune')
    await trainMergeRequest(service, project, mr.iid, [model('tree', 0.6)])
    await noteSaying(service, project, mr.iid, /60\.0/)
    t.same([await statusOf(ada, '/before/iris'), await statusOf(ben, '/before/iris')], [200, 404])

    simulator.moveProject(project.id, 'after/iris')
    sixMinutesLater()
    await trainMergeRequest(service, project, mr.iid, [model('tree', 0.7)])

    const note = await noteSaying(service, project, mr.iid, /70\.0/)
    t.match(note.body, `${service.url}/after/iris/-/`)
    t.notMatch(note.body, 'before/iris')
    t.equal((await rowOf(project)).id, id, 'it is the same project')
    t.match((await ben.get('/after/iris')).text, 'tree')
    const former = await ben.get(`/before/iris/-/merge_requests/${mr.iid}`)
    t.match(
      { status: former.status, to: former.headers.get('location') },
      {
        status: 302,
        to: `/after/iris/-/merge_requests/${mr.iid}`,
      },
    )
    t.same([await statusOf(ada, '/before/iris'), await statusOf(ada, '/after/iris')], [404, 404])
    t.notMatch((await ada.get('/')).text, 'after/iris')
  },
)

t.test('an archived project is read as before, and nobody tries to write to it', async (t) => {
  const project = await service.createProject('life/archived')
  const mr = await openMergeRequest(service, project, 'tune')
  await trainMergeRequest(service, project, mr.iid, [model('tree', 0.6)])
  await noteSaying(service, project, mr.iid, /60\.0/)
  await idle(service)

  simulator.updateProject(project.id, { archived: true })
  sixMinutesLater()
  const page = await service.get('/life/archived')
  simulator.clearCalls()
  const { id } = await rowOf(project)
  await stores.jobs.enqueue([{ key: jobKey.note(id, mr.iid), delayMs: 0, promiseMs: null }])
  await idle(service)

  t.equal(page.status, 200)
  t.match(page.text, 'archived in GitLab')
  t.match((await service.get(`/life/archived/-/merge_requests/${mr.iid}`)).text, 'archived in GitLab')
  t.match((await service.get('/')).text, 'archived in GitLab')
  t.ok(simulator.calls.length > 0, 'the merge request was looked at')
  t.same(
    simulator.calls.filter(({ method }) => method !== 'GET'),
    [],
  )
})

t.test('a default branch that is renamed keeps its models as the baseline', async (t) => {
  const project = await service.createProject('life/trunk')
  await train(service, project, [model('tree', 0.5)])
  const push = { projectId: project.id, userId: service.maintainer.id }
  await simulator.pushFiles({ ...push, branch: 'trunk', startBranch: 'main', files: { 'b.txt': 'b' } })
  simulator.updateProject(project.id, { defaultBranch: 'trunk' })
  sixMinutesLater()

  const mr = await openMergeRequest(service, project, 'tune', 'trunk')
  await trainMergeRequest(service, project, mr.iid, [model('tree', 0.6)])

  await noteSaying(service, project, mr.iid, /50\.0[^]*60\.0/)
  t.match((await service.get('/life/trunk')).text, 'Default branch <bdi>trunk</bdi>')
})

t.test('a project that is closed while it is read is closed here within five minutes', async (t) => {
  const project = await service.createProject('life/closing')
  await train(service, project, [model('tree', 0.5)])
  const { id: userId } = simulator.createUser({ username: 'rita' })
  const rita = await signIn(service, userId)
  t.equal(await statusOf(rita, '/life/closing'), 200)

  simulator.updateProject(project.id, { visibility: 'private' })
  sixMinutesLater()

  t.equal(await statusOf(rita, '/life/closing'), 404)
  t.equal((await service.get('/life/closing')).status, 404)
  t.notMatch((await rita.get('/')).text, 'life/closing')
})

t.test('the results of a fork outlive it', async (t) => {
  const project = await service.createProject('life/upstream')
  await train(service, project, [model('tree', 0.5)])
  await stores.projects.setForkReports((await rowOf(project)).id, 'allowed')
  const { fork, mr } = await openFromFork(service, project, { username: 'frida' })
  await trainMergeRequest(service, project, mr.iid, [model('tree', 0.6)])
  await noteSaying(service, project, mr.iid, /60\.0/)

  await simulator.deleteProject(fork.id)
  await trainMergeRequest(service, project, mr.iid, [model('tree', 0.7)])

  await noteSaying(service, project, mr.iid, /70\.0/)
  t.equal((await service.get(`/life/upstream/-/merge_requests/${mr.iid}`)).status, 200)
})

t.test('a deleted project is closed at once, then marked, and kept for administrators', async (t) => {
  const root = await signIn(service, simulator.createUser({ username: 'root', admin: true }).id)
  const maya = await signIn(service, service.maintainer.id)
  const project = await service.createProject('life/deleted')
  await train(service, project, [model('tree', 0.5)])
  t.same([await statusOf(maya, '/life/deleted'), await statusOf(root, '/life/deleted')], [200, 200])

  await simulator.deleteProject(project.id)
  sixMinutesLater()
  t.equal(await statusOf(maya, '/life/deleted'), 404)
  sixMinutesLater()
  const missed = [await statusOf(maya, '/life/deleted'), await statusOf(root, '/life/deleted')]
  const page = await root.get('/life/deleted')

  t.same(missed, [404, 200])
  t.match(page.text, 'deleted in GitLab')
  t.match(page.text, 'tree')
  t.notMatch((await maya.get('/')).text, 'life/deleted')
})

t.test('a project that GitLab shows again is back', async (t) => {
  const maya = await signIn(service, service.maintainer.id)
  const project = await service.createProject('life/restored', { visibility: 'private' })
  await train(service, project, [model('tree', 0.5)])
  simulator.removeMember(project.id, bot.id)
  simulator.removeMember(project.id, service.maintainer.id)
  for (let look = 0; look < 2; look += 1) {
    sixMinutesLater()
    t.equal(await statusOf(maya, '/life/restored'), 404)
  }
  t.ok((await rowOf(project)).missingSince)

  simulator.addMember(project.id, { userId: bot.id, accessLevel: 40 })
  simulator.addMember(project.id, { userId: service.maintainer.id, accessLevel: 40 })
  sixMinutesLater()

  t.equal(await statusOf(maya, '/life/restored'), 200)
  t.notOk((await rowOf(project)).missingSince)
})

t.test('what became of a project that nobody looks at is asked for once a day', async (t) => {
  const project = await service.createProject('life/forgotten')
  await train(service, project, [model('tree', 0.5)])
  const { id } = await rowOf(project)
  const dayMs = 24 * 3_600_000
  simulator.updateProject(project.id, { archived: true })
  const ask = (key: string) => stores.jobs.enqueue([{ key, delayMs: 0, promiseMs: null }])

  aheadMs += dayMs
  await ask(jobKey.reconcile())

  // Spread over a minute.
  await eventually('the job', () =>
    service.db.collection<{ _id: string }>('jobs').findOne({ _id: jobKey.askProject(id) }),
  )
  await ask(jobKey.askProject(id))
  await eventually('the answer', async () => (await rowOf(project)).archived)
  const due = await stores.projects.listUnasked(new Date(Date.now() + aheadMs - dayMs), 100)
  t.notOk(due.includes(id))
})
