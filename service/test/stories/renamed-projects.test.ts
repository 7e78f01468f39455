import t from 'tap'
import { eventually, startTestService } from '../support/service.js'
import { model, noteSaying, openMergeRequest, train, trainMergeRequest } from '../support/story.js'

const service = await startTestService(t)
const { simulator, stores } = service
const sixMinutesMs = 6 * 60_000

/** As if GitLab had said this six minutes ago. */
async function age(gitlabProjectId: number) {
  const project = await stores.projects.findByGitLabId(gitlabProjectId)
  if (project === null) throw new Error('The project is not connected')
  const checkedAt = new Date(Date.now() - sixMinutesMs)
  await stores.projects.refresh(project.id, factsOf(project), checkedAt)
}

function factsOf(project: NonNullable<Awaited<ReturnType<typeof stores.projects.find>>>) {
  const { gitlabProjectId, path, webUrl, defaultBranch, visibility, pipelinesOpen } = project
  return { gitlabProjectId, path, webUrl, defaultBranch, visibility, pipelinesOpen }
}

async function statusOf(path: string): Promise<number> {
  return (await service.get(path)).status
}

t.test('a private project that was made public is shown after its next report', async (t) => {
  const project = await service.createProject('life/opens', { visibility: 'private' })
  await train(service, project, [model('tree', 0.5)])
  t.equal(await statusOf('/life/opens'), 404)

  simulator.updateProject(project.id, { visibility: 'public' })
  await age(project.id)
  await train(service, project, [model('tree', 0.5)])

  t.equal(await statusOf('/life/opens'), 200)
})

t.test(
  'a renamed project is found by both paths after its next report, and its note by the new one',
  async (t) => {
    const project = await service.createProject('life/old-name')
    const mr = await openMergeRequest(service, project, 'tune')
    await trainMergeRequest(service, project, mr.iid, [model('tree', 0.6)])
    await noteSaying(service, project, mr.iid, /60\.0[^]*finished/)

    simulator.moveProject(project.id, 'life/new-name')
    await trainMergeRequest(service, project, mr.iid, [model('tree', 0.7)])
    const note = await noteSaying(service, project, mr.iid, /70\.0[^]*finished/)

    t.match(note.body, '/life/new-name/-/merge_requests/')
    t.notMatch(note.body, `${service.url}/life/old-name`)
    t.equal(await statusOf('/life/new-name'), 200)
    const former = await service.get(`/life/old-name/-/merge_requests/${mr.iid}`)
    t.equal(former.status, 302)
    t.equal(former.headers.get('location'), `/life/new-name/-/merge_requests/${mr.iid}`)
  },
)

t.test('a path that another project has now is that project’s', async (t) => {
  const first = await service.createProject('life/place')
  await train(service, first, [model('tree', 0.5)])
  simulator.moveProject(first.id, 'life/moved')
  await train(service, first, [model('tree', 0.5)])
  await eventually('the new path', async () => (await statusOf('/life/moved')) === 200)
  t.equal((await service.get('/life/place')).headers.get('location'), '/life/moved')

  const second = await service.createProject('life/place')
  await train(service, second, [model('forest', 0.5)])

  const page = await service.get('/life/place')
  t.match(page.text, 'forest')
  t.notMatch(page.text, 'life/moved')
  t.equal(await statusOf('/life/moved'), 200)
})

t.test('a project that was made again under its old path is shown, the one before is not', async (t) => {
  const first = await service.createProject('life/again')
  await train(service, first, [model('tree', 0.5)])
  await simulator.deleteProject(first.id)
  const second = await service.createProject('life/again')
  await train(service, second, [model('forest', 0.9)])
  t.match((await service.get('/life/again')).text, 'forest')

  await age(first.id)
  await age(second.id)
  await train(service, second, [model('forest', 0.9)])

  t.match((await service.get('/life/again')).text, 'forest')
  t.equal((await stores.projects.findByGitLabId(first.id))?.visibility, 'private')
  await stores.projects.close((await stores.projects.findByGitLabId(first.id))?.id ?? '', new Date())
  t.match((await service.get('/life/again')).text, 'forest')
})

t.test('a page whose project moved away a while ago asks again whose path it is', async (t) => {
  const first = await service.createProject('life/handed')
  await train(service, first, [model('tree', 0.5)])
  simulator.moveProject(first.id, 'life/handed-on')
  await age(first.id)

  const page = await service.get('/life/handed')

  t.equal(page.status, 302)
  t.equal(page.headers.get('location'), '/life/handed-on')
})

t.test('paths are found in any case', async (t) => {
  const project = await service.createProject('life/Cases')
  await train(service, project, [model('tree', 0.5)])

  t.equal(await statusOf('/Life/cases'), 200)
})
