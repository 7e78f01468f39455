import t from 'tap'
import { call, makeToken } from '../support/people.js'
import { eventually, startTestService } from '../support/service.js'
import { model, noteSaying, openMergeRequest, train, trainMergeRequest } from '../support/story.js'

const service = await startTestService(t, {
  autoConnect: ['research/*', 'team/**', 'lab/vision-*', 'Solo/One'],
})
const { simulator, stores, maintainer, bot } = service
const gitlab = { url: `${simulator.url}/api/v4` }
const token = await makeToken(service, maintainer.id, { lifeMs: 600_000 })

/** Groups of Maya's, whose one membership makes the bot a Developer of all that is below. */
const groups = new Map<string, number>()
for (const path of ['research', 'team', 'lab', 'solo', 'other']) {
  const body = { name: path, path, visibility: 'private' }
  const group = await call(gitlab, 'POST', '/groups', { token: maintainer.token, body })
  groups.set(path, Number(group.json.id))
  const member = { user_id: bot.id, access_level: 30 }
  await call(gitlab, 'POST', `/groups/${groups.get(path)}/members`, { token: maintainer.token, body: member })
}

function setRole(group: string, accessLevel: number) {
  const path = `/groups/${groups.get(group)}/members/${bot.id}`
  return call(gitlab, 'PUT', path, { token: maintainer.token, body: { access_level: accessLevel } })
}

/** A project of nobody's but its group's members. */
async function createProject(path: string) {
  const project = await simulator.createProject({ path, visibility: 'private' })
  const push = { projectId: project.id, userId: maintainer.id, branch: 'main' }
  const head = await simulator.pushFiles({ ...push, files: { 'train.py': 'print(1)\n' } })
  return { id: project.id, path, head }
}

async function report({ id, head }: { id: number; head: string }) {
  const base = { projectId: id, ref: 'main', sha: head }
  const [job] = simulator.createPipeline({ ...base, jobs: [{ name: 'train' }] }).jobs
  return service.report(job?.id ?? 0, {
    job: { name: 'train', status: 'success' },
    models: [model('tree', 0.5)],
  })
}

t.test('the first report connects a project of the group, and a note follows without a click', async (t) => {
  const project = await createProject('team/vision/iris')

  await train(service, project, [model('tree', 0.8)])
  const mr = await openMergeRequest(service, project, 'tune')
  await trainMergeRequest(service, project, mr.iid, [model('tree', 0.9)])
  const note = await noteSaying(service, project, mr.iid, /90\.0[^]*finished/)

  t.equal(note.authorId, bot.id)
  const row = await eventually('an answer about the webhook', async () => {
    const found = await stores.projects.findByGitLabId(project.id)
    return found?.hook.state !== 'pending' && found
  })
  t.match(row, { path: 'team/vision/iris', hook: { state: 'not_allowed' } }, 'a Developer adds no webhook')
})

t.test('patterns are anchored, and stars stand for levels', async (t) => {
  const expected: [path: string, isConnected: boolean][] = [
    ['research/iris', true],
    ['research/deep/iris', false],
    ['team/iris', true],
    ['team/a/b/c/iris', true],
    ['lab/vision-1', true],
    ['lab/vision-', true],
    ['lab/visionary', false],
    ['lab/my-vision-1', false],
    ['lab/vision-1/sub', false],
    ['solo/one', true],
    ['solo/one-more', false],
    ['other/research/iris', false],
    ['other/team', false],
  ]
  for (const [path, isConnected] of expected) {
    const project = await createProject(path)
    const answer = await report(project)

    t.equal(answer.status, isConnected ? 202 : 403, path)
    t.equal((await stores.projects.findByGitLabId(project.id)) !== null, isConnected, path)
    if (!isConnected)
      t.match(answer.json, { code: 'PROJECT_NOT_CONNECTED', title: /no pattern of AUTO_CONNECT/ })
  }
})

t.test('after Disconnect no report connects it again', async (t) => {
  const project = await createProject('research/left')
  await train(service, project, [model('tree', 0.8)])
  const { id } = (await stores.projects.findByGitLabId(project.id)) ?? { id: '' }
  const gone = await call(service, 'DELETE', `/api/v1/projects/${id}/connection`, { token })
  t.equal(gone.status, 200, gone.text)

  for (const _ of [1, 2]) {
    const refused = await report(project)
    t.match(refused, { status: 403, json: { code: 'PROJECT_NOT_CONNECTED', title: /was disconnected at/ } })
  }
  t.equal((await stores.projects.findByGitLabId(project.id))?.id, id)
  t.ok((await stores.projects.find(id))?.disconnectedAt)
})

t.test('what counts is the path that GitLab has now, not that of the token', async (t) => {
  const [leaves, comes] = [await createProject('research/leaves'), await createProject('other/comes')]
  const base = { ref: 'main', jobs: [{ name: 'train' }] }
  const early = [leaves, comes].map(({ id, head }) => {
    const [job] = simulator.createPipeline({ ...base, projectId: id, sha: head }).jobs
    const jobId = job?.id ?? 0
    return { jobId, token: simulator.idToken({ jobId, aud: service.url }) }
  })
  simulator.moveProject(leaves.id, 'other/leaves')
  simulator.moveProject(comes.id, 'research/comes')

  const body = { job: { name: 'train', status: 'success' }, models: [model('tree', 0.5)] }
  const [left, came] = await Promise.all(
    early.map((one) => service.report(one.jobId, body, { token: one.token })),
  )

  t.match(left, { status: 403, json: { title: /^other\/leaves is not connected/ } })
  t.equal(came?.status, 202)
  t.match(await stores.projects.findByGitLabId(comes.id), { path: 'research/comes' })
})

t.test('a connected project that is transferred out of the group stays connected', async (t) => {
  const project = await createProject('team/moves')
  await train(service, project, [model('tree', 0.8)])
  const { id } = (await stores.projects.findByGitLabId(project.id)) ?? { id: '' }

  simulator.moveProject(project.id, 'other/moves')
  const [next, refused] = [await createProject('team/moves'), await createProject('other/next')]

  t.equal((await report(project)).status, 202)
  t.equal((await report(next)).status, 202, 'another project at its former path is one of its own')
  t.not((await stores.projects.findByGitLabId(next.id))?.id, id)
  t.equal((await report(refused)).status, 403)
})

t.test('a bot with too low a role connects nothing', async (t) => {
  const body = { name: 'guests', path: 'guests', parent_id: groups.get('team') }
  const group = await call(gitlab, 'POST', '/groups', { token: maintainer.token, body })
  t.equal(group.status, 201)
  await setRole('team', 20)
  const project = await createProject('team/guests/iris')

  const refused = await report(project)
  await setRole('team', 30)

  t.match(refused, { status: 403, json: { title: /mlmm-bot is not a Developer of it/ } })
  t.equal(await stores.projects.findByGitLabId(project.id), null)
})
