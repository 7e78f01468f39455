import t from 'tap'
import { ownBotOwner } from '../../stores/connection-store.js'
import { createSealer } from '../../stores/sealing.js'
import { call, makeToken } from '../support/people.js'
import { eventually, startTestService } from '../support/service.js'
import { createProjectToken } from '../support/project-token.js'
import { model, openMergeRequest, train, trainMergeRequest } from '../support/story.js'

const service = await startTestService(t)
const { simulator, stores, maintainer } = service
const token = await makeToken(service, maintainer.id, { lifeMs: 600_000 })
const sealer = createSealer([{ name: 'a', key: Buffer.alloc(32, 7) }])

async function connected(path: string) {
  const project = await service.createProject(path)
  await train(service, project, [model('tree', 0.8)])
  const row = await eventually('the webhook', async () => {
    const found = await stores.projects.findByGitLabId(project.id)
    return found?.hook.state === 'registered' && found
  })
  const made = await createProjectToken(service, project.id)
  const ownBot = { ...made, token: sealer.seal(made.token, ownBotOwner(row.id)) }
  await stores.connections.setOwnBot(row.id, ownBot, null)
  return { ...project, ours: row.id, ownBot: made }
}

function hooksOf(gitlabProjectId: number) {
  return [...simulator.state.hooks.values()].filter(({ projectId }) => projectId === gitlabProjectId)
}

function disconnect(gitlabProjectId: number) {
  return call(service, 'DELETE', `/api/v1/projects/${gitlabProjectId}/connection`, { token })
}

async function reportInto(project: { id: number; head: string }) {
  const [job] = simulator.createPipeline({
    projectId: project.id,
    ref: 'main',
    sha: project.head,
    userId: maintainer.id,
    jobs: [{ name: 'train' }],
  }).jobs
  return service.report(job?.id ?? 0, model('tree', 0.9))
}

t.test('nothing is left in GitLab, nothing is accepted, everything stays readable', async (t) => {
  const project = await connected('research/iris')

  const answer = await disconnect(project.id)

  t.equal(answer.status, 200)
  t.same(answer.json, { id: project.ours, state: 'disconnected', left_in_gitlab: [] })
  t.same(hooksOf(project.id), [])
  t.notOk(simulator.state.tokens.get(project.ownBot.token), 'its token is gone')
  const row = await stores.projects.find(project.ours)
  t.match(row, { ownBot: null, consent: null, hook: { state: 'pending', secretHash: null, hookId: null } })
  t.match((await reportInto(project)).json, { code: 'PROJECT_NOT_CONNECTED' })
  t.match((await service.get('/research/iris')).text, 'tree')
  t.match((await disconnect(project.id)).json, { state: 'disconnected' }, 'the same again')
})

t.test('nobody posts any more', async (t) => {
  const project = await connected('research/quiet')
  const mr = await openMergeRequest(service, project, 'tune')
  await disconnect(project.id)
  simulator.clearCalls()

  await t.rejects(
    trainMergeRequest(service, project, mr.iid, [model('tree', 0.9)]),
    /PROJECT_NOT_CONNECTED|403/,
  )

  t.same(simulator.listNotes(project.id, mr.iid), [])
})

t.test('a GitLab that refuses is told as what it left behind', async (t) => {
  const project = await connected('research/refused')
  simulator.faults.add({ method: 'DELETE', route: /\/(hooks|access_tokens)\//, status: 403 })
  t.teardown(() => simulator.faults.clear())

  const answer = await disconnect(project.id)

  t.equal(answer.status, 200)
  t.match(answer.json, { left_in_gitlab: ['webhook', 'token'] })
  t.ok((await stores.projects.find(project.ours))?.disconnectedAt)
})

t.test('a GitLab that is away does not keep a project connected', async (t) => {
  const project = await connected('research/away')
  await call(service, 'GET', `/api/v1/projects/${project.id}`, { token })
  simulator.faults.add({ route: /\/(hooks|access_tokens)/, status: 502 })
  t.teardown(() => simulator.faults.clear())

  const answer = await disconnect(project.id)

  t.match(answer.json, { left_in_gitlab: ['webhook', 'token'] })
  t.match((await reportInto(project)).json, { code: 'PROJECT_NOT_CONNECTED' })
})

t.test('a project that is deleted is disconnected first', async (t) => {
  const project = await connected('research/deleted')

  const path = `/api/v1/projects/${project.id}?confirm=research/deleted`
  t.equal((await call(service, 'DELETE', path, { token })).status, 202)

  t.same(hooksOf(project.id), [])
  t.notOk(simulator.state.tokens.get(project.ownBot.token))
})
