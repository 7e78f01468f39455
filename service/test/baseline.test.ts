import t from 'tap'
import { startTestService } from './support/service.js'
import { model, noteSaying, openMergeRequest, push, train, trainMergeRequest } from './support/story.js'

const service = await startTestService(t)
const { simulator } = service

t.test('a report of main that comes later re-renders the notes against it', async (t) => {
  const project = await service.createProject('research/late')
  const mr = await openMergeRequest(service, project, 'tune')
  await trainMergeRequest(service, project, mr.iid, [model('tree', 0.9)])
  await noteSaying(service, project, mr.iid, /first report/)

  await train(service, project, [model('tree', 0.8)])

  t.match((await noteSaying(service, project, mr.iid, /1 better/)).body, /where this branch began/)
})

t.test('without models at the merge base its nearest trained ancestor is taken', async (t) => {
  const project = await service.createProject('research/ancestor')
  await train(service, project, [model('tree', 0.8)])
  await push(service, project, 'main')
  await push(service, project, 'main')
  const mr = await openMergeRequest(service, project, 'tune')
  await push(service, project, 'main')

  await trainMergeRequest(service, project, mr.iid, [model('tree', 0.9)])

  const note = await noteSaying(service, project, mr.iid, /1 better/)
  t.match(note.body, `/-/commits/${project.head}`)
  t.match(note.body, /the nearest older commit with results \(<code>main<\/code> is 3 commits ahead now\)/)
})

t.test('a merge-request job that reports the commit of main never becomes a baseline', async (t) => {
  const project = await service.createProject('research/untrusted')
  await push(service, project, 'release')
  const back = await simulator.createMergeRequest({
    projectId: project.id,
    sourceBranch: 'main',
    targetBranch: 'release',
    title: 'Main into release',
    userId: service.maintainer.id,
  })
  await simulator.settled()
  t.equal(back.sha, project.head)
  await trainMergeRequest(service, project, back.iid, [model('tree', 0.99)])
  const mr = await openMergeRequest(service, project, 'tune')

  await trainMergeRequest(service, project, mr.iid, [model('tree', 0.9)])

  t.match((await noteSaying(service, project, mr.iid, /finished/)).body, /first report/)
})

t.test('a job that said success and failed in GitLab is no baseline', async (t) => {
  const project = await service.createProject('research/liar')
  await train(service, project, [model('tree', 0.99)], { ends: 'failed' })
  const mr = await openMergeRequest(service, project, 'tune')

  await trainMergeRequest(service, project, mr.iid, [model('tree', 0.9)])

  t.match((await noteSaying(service, project, mr.iid, /finished/)).body, /first report/)
})

t.test('a branch that is named like a fork or another branch is no baseline for main', async (t) => {
  const project = await service.createProject('research/elsewhere')
  await train(service, project, [model('tree', 0.99)], { branch: 'release' })
  const mr = await openMergeRequest(service, project, 'tune')

  await trainMergeRequest(service, project, mr.iid, [model('tree', 0.9)])

  t.match((await noteSaying(service, project, mr.iid, /finished/)).body, /first report/)
})

t.test('a nightly run of main is a baseline, too', async (t) => {
  const project = await service.createProject('research/nightly')
  await train(service, project, [model('tree', 0.8)], { source: 'schedule' })
  const mr = await openMergeRequest(service, project, 'tune')

  await trainMergeRequest(service, project, mr.iid, [model('tree', 0.9)])

  t.match((await noteSaying(service, project, mr.iid, /finished/)).body, /1 better/)
})
