import t from 'tap'
import { call, makeToken } from '../support/people.js'
import { startTestService, type TestProject } from '../support/service.js'
import { idle, model, noteSaying, openMergeRequest, train, trainMergeRequest } from '../support/story.js'

const service = await startTestService(t)
const { simulator, stores, maintainer } = service
const token = await makeToken(service, maintainer.id, { lifeMs: 600_000 })

async function idOf(project: TestProject): Promise<string> {
  const connected = await stores.projects.findByGitLabId(project.id)
  if (connected === null) throw new Error(`${project.path} is not connected`)
  return connected.id
}

async function deleteModel(project: TestProject, name: string, which: 'newest' | 'oldest' = 'newest') {
  const page = { limit: 5, before: null }
  const { models } = await stores.models.listNewest(await idOf(project), { name }, page)
  const path = `/api/v1/projects/${project.id}/models/${models.at(which === 'newest' ? 0 : -1)?.id}`
  const { status, text } = await call(service, 'DELETE', path, { token })
  if (status !== 204) throw new Error(text)
}

function noteOf(project: TestProject, mrIid: number): string {
  return simulator
    .listNotes(project.id, mrIid)
    .map(({ body }) => body)
    .join('\n')
}

t.test('notes of closed and merged merge requests lose a deleted candidate', async (t) => {
  const project = await service.createProject('deleted/closed')
  await train(service, project, [model('tree', 0.6)])
  const [closed, merged] = [
    await openMergeRequest(service, project, 'closed'),
    await openMergeRequest(service, project, 'merged'),
  ]
  for (const { iid } of [closed, merged]) {
    await trainMergeRequest(service, project, iid, [model(`bush-${iid}`, 0.71)])
    await noteSaying(service, project, iid, /bush[^]*finished/)
  }
  simulator.editMergeRequest(project.id, closed.iid, maintainer.id, { stateEvent: 'close' })
  await simulator.mergeMergeRequest(project.id, merged.iid, maintainer.id)
  await simulator.settled()
  await idle(service)

  for (const { iid } of [closed, merged]) {
    await deleteModel(project, `bush-${iid}`)
    const note = await noteSaying(service, project, iid, /were deleted/)
    t.notMatch(note.body, /bush|71\.0/)
    t.match(note.body, `${service.url}/deleted/closed`)
    t.notMatch((await service.get(`/deleted/closed/-/merge_requests/${iid}`)).text, 'bush')
  }
})

t.test('notes of closed merge requests lose a deleted baseline, others stay as they were', async (t) => {
  const project = await service.createProject('deleted/baseline')
  await train(service, project, [model('tree', 0.61), model('forest', 0.62)])
  const [tree, forest] = [
    await openMergeRequest(service, project, 'tree'),
    await openMergeRequest(service, project, 'forest'),
  ]
  await trainMergeRequest(service, project, tree.iid, [model('tree', 0.7)])
  await trainMergeRequest(service, project, forest.iid, [model('forest', 0.7)])
  await noteSaying(service, project, tree.iid, /tree[^]*61\.0[^]*finished/)
  const before = await noteSaying(service, project, forest.iid, /forest[^]*62\.0[^]*finished/)
  for (const { iid } of [tree, forest]) {
    simulator.editMergeRequest(project.id, iid, maintainer.id, { stateEvent: 'close' })
  }
  await simulator.settled()
  await idle(service)

  await deleteModel(project, 'tree')
  await noteSaying(service, project, tree.iid, /were deleted/)
  await idle(service)

  t.equal(noteOf(project, forest.iid), before.body)
})

t.test('a closed merge request that is opened again is compared anew', async (t) => {
  const project = await service.createProject('deleted/again')
  const { iid } = await openMergeRequest(service, project, 'again')
  await trainMergeRequest(service, project, iid, [model('tree', 0.7), model('bush', 0.8)])
  await noteSaying(service, project, iid, /bush[^]*finished/)
  simulator.editMergeRequest(project.id, iid, maintainer.id, { stateEvent: 'close' })
  await simulator.settled()
  await deleteModel(project, 'bush')
  await noteSaying(service, project, iid, /were deleted/)

  simulator.editMergeRequest(project.id, iid, maintainer.id, { stateEvent: 'reopen' })
  await simulator.settled()

  const note = await noteSaying(service, project, iid, /tree[^]*finished/)
  t.notMatch(note.body, 'bush')
})

t.test(
  'an open merge request whose only model is deleted says so, and what its job reports anew',
  async (t) => {
    const project = await service.createProject('deleted/only')
    const { iid } = await openMergeRequest(service, project, 'only')
    const { jobId } = await trainMergeRequest(service, project, iid, [model('bush', 0.7)])
    await noteSaying(service, project, iid, /bush[^]*finished/)
    await idle(service)

    await deleteModel(project, 'bush')

    await noteSaying(service, project, iid, /were deleted/)
    await idle(service)
    t.notMatch(noteOf(project, iid), 'bush')
    t.notMatch((await service.get(`/deleted/only/-/merge_requests/${iid}`)).text, 'bush')
    const late = { job: { name: 'train', status: 'success' }, models: [model('bush', 0.7)] }
    t.equal((await service.report(jobId, late)).status, 202, 'the same job again')
    await noteSaying(service, project, iid, /bush[^]*70\.0/)
  },
)

t.test('a deleted model that was carried over is no baseline any more', async (t) => {
  const project = await service.createProject('deleted/carried')
  const first = await openMergeRequest(service, project, 'first')
  await trainMergeRequest(service, project, first.iid, [model('tree', 0.77)])
  await noteSaying(service, project, first.iid, /tree[^]*finished/)
  await simulator.mergeMergeRequest(project.id, first.iid, maintainer.id)
  await simulator.settled()
  const open = await openMergeRequest(service, project, 'second')
  await trainMergeRequest(service, project, open.iid, [model('tree', 0.8)])
  await noteSaying(service, project, open.iid, /77\.0[^]*80\.0[^]*finished/)
  await idle(service)

  await deleteModel(project, 'tree', 'oldest')

  const note = await noteSaying(service, project, open.iid, /^(?![^]*77\.0)[^]*finished/)
  t.match(note.body, '80.0')
  await noteSaying(service, project, first.iid, /were deleted/)
})
