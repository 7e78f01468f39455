import t from 'tap'
import { projectFacts } from '../../connection/project-refresh.js'
import { merge } from '../support/branches.js'
import { eventually, startTestService, type TestProject } from '../support/service.js'
import { model, noteSaying, openMergeRequest, train, trainMergeRequest } from '../support/story.js'

const service = await startTestService(t)
const { simulator, stores } = service

/** Trains the head of a new merge request and waits for what the note says of it. */
async function propose(project: TestProject, branch: string, models: object[], says: RegExp) {
  const mr = await openMergeRequest(service, project, branch)
  await trainMergeRequest(service, project, mr.iid, models)
  return { mr, note: await noteSaying(service, project, mr.iid, says) }
}

const ways = [
  { title: 'a merge commit', mergeMethod: 'merge', squash: false },
  { title: 'a squash with a merge commit', mergeMethod: 'merge', squash: true },
  { title: 'a semi-linear merge', mergeMethod: 'rebase_merge', squash: false },
  { title: 'a fast-forward', mergeMethod: 'ff', squash: false },
  { title: 'a squash without a merge commit', mergeMethod: 'ff', squash: true },
] as const
for (const [index, { title, mergeMethod, squash }] of ways.entries()) {
  t.test(`after ${title} the results of the head count for the target branch`, async (t) => {
    const project = await service.createProject(`research/way-${index}`)
    simulator.updateProject(project.id, { mergeMethod })
    await train(service, project, [model('tree', 0.5)])
    const first = await propose(
      project,
      'one',
      [model('tree', 0.8)],
      /50\.0&nbsp;→&nbsp;\*\*80\.0%[^]*finished/,
    )

    const merged = await merge(service, project, first.mr.iid, { squash })

    const says = /80\.0&nbsp;→&nbsp;\*\*90\.0%[^]*finished/
    const { note } = await propose(project, 'two', [model('tree', 0.9)], says)
    t.match(note.body, `/-/commits/${merged}`)
    t.match(note.body, /where this branch began[^·]*not trained again/)
  })
}

t.test('what several merges brought is each compared with, until the branch trains itself', async (t) => {
  const project = await service.createProject('research/row')
  const one = await propose(project, 'one', [model('tree', 0.8), model('knn', 0.7)], /finished/)
  const first = await merge(service, project, one.mr.iid)
  const two = await propose(project, 'two', [model('tree', 0.85)], /80\.0&nbsp;→&nbsp;\*\*85\.0%[^]*finished/)
  const second = await merge(service, project, two.mr.iid)

  const models = [model('tree', 0.9), model('knn', 0.75)]
  const { mr, note } = await propose(project, 'three', models, /2 better[^]*finished/)

  t.match(note.body, /85\.0&nbsp;→&nbsp;\*\*90\.0%/)
  t.match(note.body, /70\.0&nbsp;→&nbsp;\*\*75\.0%/)
  t.match(note.body, `/-/commits/${first}`)
  t.match(note.body, `/-/commits/${second}`)

  await train(service, project, [model('tree', 0.86), model('knn', 0.71)], { sha: second })

  const replaced = await noteSaying(service, project, mr.iid, /86\.0&nbsp;→&nbsp;\*\*90\.0%/)
  t.match(replaced.body, /71\.0&nbsp;→&nbsp;\*\*75\.0%/)
  t.notMatch(replaced.body, /not trained again/)
})

t.test('the notes against the branch are written anew when something is carried over to it', async (t) => {
  const project = await service.createProject('research/anew')
  const one = await propose(project, 'one', [model('tree', 0.8)], /finished/)
  const two = await propose(project, 'two', [model('tree', 0.9)], /first report[^]*finished/)

  const merged = await merge(service, project, one.mr.iid)

  const note = await noteSaying(service, project, two.mr.iid, /80\.0&nbsp;→&nbsp;\*\*90\.0%/)
  t.match(note.body, `/-/commits/${merged}`)
  t.match(note.body, /does not contain[^·]*not trained again/)
})

t.test('results of a branch that come after it was merged are carried over, too', async (t) => {
  const project = await service.createProject('research/after')
  const one = await propose(project, 'one', [model('knn', 0.7)], /finished/)
  await merge(service, project, one.mr.iid)
  const two = await propose(
    project,
    'two',
    [model('tree', 0.9)],
    /1 new[^]*finished|first report[^]*finished/,
  )

  await train(service, project, [model('tree', 0.8)], { branch: 'one', sha: one.mr.sha ?? '' })

  t.match(
    (await noteSaying(service, project, two.mr.iid, /80\.0&nbsp;→&nbsp;\*\*90\.0%/)).body,
    /not trained again/,
  )
})

t.test('what a failed job reported is not carried over', async (t) => {
  const project = await service.createProject('research/failed')
  const mr = await openMergeRequest(service, project, 'one')
  const jobs = [{ name: 'train' }]
  const pipeline = simulator.createPipeline({ projectId: project.id, mrIid: mr.iid, jobs })
  const jobId = pipeline.jobs[0]?.id ?? 0
  await service.report(jobId, { job: { name: 'train', status: 'success' }, models: [model('tree', 0.99)] })
  simulator.setJobStatus(jobId, 'failed')
  await noteSaying(service, project, mr.iid, /finished/)
  await merge(service, project, mr.iid)

  const { note } = await propose(project, 'two', [model('tree', 0.9)], /finished/)

  t.match(note.body, /first report/)
})

t.test('what the code of a fork was trained with is not carried over', async (t) => {
  const project = await service.createProject('research/from-fork')
  const contributor = simulator.createUser({ username: 'fay', name: 'Fay Fork' })
  const members = [{ userId: contributor.id, accessLevel: 50 }]
  const fork = await simulator.createProject({ path: 'fay/iris', members, forkedFrom: project.id })
  const files = { a: 'b' }
  await simulator.pushFiles({ projectId: fork.id, userId: contributor.id, branch: 'tune', files })
  const mr = await simulator.createMergeRequest({
    projectId: project.id,
    sourceProjectId: fork.id,
    sourceBranch: 'tune',
    targetBranch: 'main',
    title: 'From a fork',
    userId: contributor.id,
  })
  await simulator.settled()
  const connected = await connectForks(project)
  await trainMergeRequest(service, project, mr.iid, [model('tree', 0.99)])
  await noteSaying(service, project, mr.iid, /finished/)
  await simulator.mergeMergeRequest(project.id, mr.iid, service.maintainer.id)
  await simulator.settled()

  const { note } = await propose(project, 'two', [model('tree', 0.9)], /finished/)

  await eventually('the news of the merge', async () => {
    return (await stores.comparisons.findFacts(connected.id, mr.iid))?.mrState === 'merged'
  })
  t.match(note.body, /first report/)
  t.same(await stores.carryOvers.listNewest(connected.id, ['main'], 10), [])
})

/** A project that takes reports of forks; it has no webhook. */
async function connectForks(project: TestProject) {
  const facts = {
    id: project.id,
    path: project.path,
    webUrl: `${simulator.url}/${project.path}`,
    defaultBranch: 'main',
    visibility: 'public',
    archived: false,
    pipelinesOpen: true,
    forkedFromProjectId: null,
  } as const
  const connected = await stores.projects.connect(projectFacts(facts), new Date())
  await stores.projects.setForkReports(connected.id, 'allowed')
  return connected
}

t.test('where no webhook tells of a merge it is found when there is nothing to compare with', async (t) => {
  const project = await service.createProject('research/unheard')
  simulator.removeMember(project.id, service.bot.id)
  simulator.addMember(project.id, { userId: service.bot.id, accessLevel: 30 })
  const one = await propose(project, 'one', [model('tree', 0.8)], /finished/)
  await eventually('the word on the webhook', async () => {
    const connected = await service.stores.projects.findByGitLabId(project.id)
    return connected?.hook.state === 'not_allowed'
  })
  await simulator.mergeMergeRequest(project.id, one.mr.iid, service.maintainer.id)
  await simulator.settled()

  const { note } = await propose(project, 'two', [model('tree', 0.9)], /80\.0&nbsp;→&nbsp;\*\*90\.0%/)

  t.match(note.body, /not trained again/)
})
