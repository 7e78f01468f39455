import t from 'tap'
import { commitCalls, commitOn, forcePush, merge } from '../support/branches.js'
import { eventually, startTestService, type TestProject } from '../support/service.js'
import { model, noteSaying, openMergeRequest, push, train, trainMergeRequest } from '../support/story.js'

const service = await startTestService(t)
const { simulator, stores } = service

function jobOf(project: TestProject, mrIid: number): number {
  const pipeline = simulator.createPipeline({ projectId: project.id, mrIid, jobs: [{ name: 'train' }] })
  return pipeline.jobs[0]?.id ?? 0
}

async function finish(jobId: number, models: object[]) {
  simulator.setJobStatus(jobId, 'running')
  const answer = await service.report(jobId, { job: { name: 'train', status: 'success' }, models })
  if (answer.status !== 202) throw new Error(answer.text)
  simulator.setJobStatus(jobId, 'success')
}

t.test('each model has its own nearest ancestor, and GitLab is asked for them once', async (t) => {
  const project = await service.createProject('research/nearest')
  await train(service, project, [model('tree', 0.5), model('knn', 0.5), model('net', 0.5)])
  const middle = await push(service, project, 'main')
  await train(service, project, [model('knn', 0.6)], { sha: middle })
  const base = await push(service, project, 'main')
  await train(service, project, [model('net', 0.7)], { sha: base })
  const mr = await openMergeRequest(service, project, 'tune')
  simulator.clearCalls()

  await trainMergeRequest(service, project, mr.iid, [
    model('tree', 0.8),
    model('knn', 0.8),
    model('net', 0.8),
  ])

  const note = await noteSaying(service, project, mr.iid, /3 better[^]*finished/)
  for (const [old, commit] of [
    ['50', project.head],
    ['60', middle],
    ['70', base],
  ]) {
    t.match(note.body, new RegExp(`${old}\\.0&nbsp;→&nbsp;\\*\\*80\\.0%`))
    t.match(note.body, `/-/commits/${commit}`)
  }
  await push(service, project, 'tune')
  await trainMergeRequest(service, project, mr.iid, [model('tree', 0.9), model('new', 0.9)])
  await noteSaying(service, project, mr.iid, /50\.0&nbsp;→&nbsp;\*\*90\.0%[^]*finished/)
  t.equal(commitCalls(service, project), 1)
})

t.test('what only a commit beside the history has is said so', async (t) => {
  const project = await service.createProject('research/beside')
  const mr = await openMergeRequest(service, project, 'tune')
  const sha = await push(service, project, 'main')
  await train(service, project, [model('tree', 0.8)], { sha })

  await trainMergeRequest(service, project, mr.iid, [model('tree', 0.9)])

  const note = await noteSaying(service, project, mr.iid, /80\.0&nbsp;→&nbsp;\*\*90\.0%[^]*finished/)
  t.match(note.body, `/-/commits/${sha}`)
  t.match(note.body, /the newest results there, which this branch does not contain/)
})

t.test('the target branch moves on: the merge base stays what is compared with', async (t) => {
  const project = await service.createProject('research/moved-on')
  await train(service, project, [model('tree', 0.8)])
  const mr = await openMergeRequest(service, project, 'tune')
  const sha = await push(service, project, 'main')
  await train(service, project, [model('tree', 0.85)], { sha })

  await trainMergeRequest(service, project, mr.iid, [model('tree', 0.9)])

  const note = await noteSaying(service, project, mr.iid, /80\.0&nbsp;→&nbsp;\*\*90\.0%[^]*finished/)
  t.match(note.body, /where this branch began \(<code>main<\/code> is 1 commit ahead now\)/)
})

t.test('two merge requests from one branch have a note and a baseline each', async (t) => {
  const project = await service.createProject('research/two-targets')
  await train(service, project, [model('tree', 0.8)])
  const release = await push(service, project, 'release')
  await train(service, project, [model('tree', 0.7)], { branch: 'release', sha: release })
  const head = await commitOn(service, project, release)
  await forcePush(service, project, { branch: 'tune', sha: head })
  const intoMain = await openFrom(project, 'tune', 'main')
  const intoRelease = await openFrom(project, 'tune', 'release')

  await train(service, project, [model('tree', 0.9)], { branch: 'tune', sha: head })

  await noteSaying(service, project, intoMain.iid, /80\.0&nbsp;→&nbsp;\*\*90\.0%[^]*finished/)
  await noteSaying(service, project, intoRelease.iid, /70\.0&nbsp;→&nbsp;\*\*90\.0%[^]*finished/)
  t.pass()
})

async function openFrom(project: TestProject, sourceBranch: string, targetBranch: string) {
  const mr = await simulator.createMergeRequest({
    projectId: project.id,
    sourceBranch,
    targetBranch,
    title: `${sourceBranch} into ${targetBranch}`,
    userId: service.maintainer.id,
  })
  await simulator.settled()
  return mr
}

t.test('a merge request that gets another target is compared with that one', async (t) => {
  const project = await service.createProject('research/retargeted')
  await train(service, project, [model('tree', 0.8)])
  const release = await push(service, project, 'release')
  await train(service, project, [model('tree', 0.7)], { branch: 'release', sha: release })
  const head = await commitOn(service, project, release)
  await forcePush(service, project, { branch: 'tune', sha: head })
  const mr = await openFrom(project, 'tune', 'main')
  await trainMergeRequest(service, project, mr.iid, [model('tree', 0.9)])
  await noteSaying(service, project, mr.iid, /80\.0&nbsp;→&nbsp;\*\*90\.0%[^]*finished/)

  simulator.editMergeRequest(project.id, mr.iid, service.maintainer.id, { targetBranch: 'release' })

  const note = await noteSaying(service, project, mr.iid, /70\.0&nbsp;→&nbsp;\*\*90\.0%/)
  t.match(note.body, `/-/commits/${release}`)
})

t.test('a branch that is rebased is compared with its new merge base', async (t) => {
  const project = await service.createProject('research/rebased')
  await train(service, project, [model('tree', 0.7)])
  const mr = await openMergeRequest(service, project, 'tune')
  await trainMergeRequest(service, project, mr.iid, [model('tree', 0.9)])
  await noteSaying(service, project, mr.iid, /70\.0&nbsp;→&nbsp;\*\*90\.0%[^]*finished/)
  const main = await push(service, project, 'main')
  await train(service, project, [model('tree', 0.8)], { sha: main })

  await forcePush(service, project, { branch: 'tune', sha: await commitOn(service, project, main) })
  await trainMergeRequest(service, project, mr.iid, [model('tree', 0.91)])

  const note = await noteSaying(service, project, mr.iid, /80\.0&nbsp;→&nbsp;\*\*91\.0%[^]*finished/)
  t.match(note.body, `/-/commits/${main}`)
})

t.test('jobs of a head that was pushed away do not speak for the new one', async (t) => {
  const project = await service.createProject('research/pushed-away')
  await train(service, project, [model('tree', 0.7)])
  const mr = await openMergeRequest(service, project, 'tune')
  const old = jobOf(project, mr.iid)
  simulator.setJobStatus(old, 'running')
  await forcePush(service, project, { branch: 'tune', sha: await commitOn(service, project, project.head) })
  await finish(jobOf(project, mr.iid), [model('tree', 0.9)])
  await noteSaying(service, project, mr.iid, /70\.0&nbsp;→&nbsp;\*\*90\.0%[^]*finished/)

  await finish(old, [model('tree', 0.1), model('knn', 0.1)])

  await ended(project, old)
  const note = await noteSaying(service, project, mr.iid, /70\.0&nbsp;→&nbsp;\*\*90\.0%/)
  t.notMatch(note.body, /10\.0|knn/)
})

/** The service knows how the job's pipeline ended, and nothing is left to do. */
async function ended(project: TestProject, jobId: number) {
  const pipelineId = simulator.state.jobs.get(jobId)?.pipelineId ?? 0
  await eventually('the end of the pipeline', async () => {
    const connected = await stores.projects.findByGitLabId(project.id)
    return connected && (await stores.pipelines.find(connected.id, pipelineId))?.ended
  })
  await idle()
}

async function idle() {
  await eventually('an idle queue', async () => {
    const { running, lagMs } = await stores.jobs.count()
    return running === 0 && lagMs === 0
  })
}

t.test('an older pipeline that ends later overwrites nothing, here or at the baseline', async (t) => {
  const project = await service.createProject('research/wrong-order')
  const onMain = [0, 1].map(() => {
    const of = { projectId: project.id, sha: project.head, ref: 'main', jobs: [{ name: 'train' }] }
    return simulator.createPipeline(of).jobs[0]?.id ?? 0
  })
  const [olderMain = 0, newerMain = 0] = onMain
  const mr = await openMergeRequest(service, project, 'tune')
  const [older, newer] = [jobOf(project, mr.iid), jobOf(project, mr.iid)]
  await finish(newerMain, [model('tree', 0.8)])
  await ended(project, newerMain)
  await finish(newer, [model('tree', 0.9)])
  await noteSaying(service, project, mr.iid, /80\.0&nbsp;→&nbsp;\*\*90\.0%/)

  await finish(olderMain, [model('tree', 0.1)])
  await finish(older, [model('tree', 0.2)])

  await ended(project, olderMain)
  await ended(project, older)
  const note = await noteSaying(service, project, mr.iid, /80\.0&nbsp;→&nbsp;\*\*90\.0%[^]*finished/)
  t.notMatch(note.body, /10\.0%|20\.0%/)
})

t.test('of nightly runs of one commit the newest is the baseline, and all are its history', async (t) => {
  const project = await service.createProject('research/nightly')
  await train(service, project, [model('tree', 0.8)])
  await train(service, project, [model('tree', 0.81)], { source: 'schedule' })
  await train(service, project, [model('tree', 0.99)], { source: 'schedule', ends: 'failed' })
  await train(service, project, [model('tree', 0.82)], { source: 'schedule' })
  const mr = await openMergeRequest(service, project, 'tune')

  await trainMergeRequest(service, project, mr.iid, [model('tree', 0.9)])

  await noteSaying(service, project, mr.iid, /82\.0&nbsp;→&nbsp;\*\*90\.0%[^]*finished/)
  t.pass()
})

t.test('what was merged is compared with no longer: its note stays as it was', async (t) => {
  const project = await service.createProject('research/done')
  await train(service, project, [model('tree', 0.8)])
  const mr = await openMergeRequest(service, project, 'tune')
  await trainMergeRequest(service, project, mr.iid, [model('tree', 0.9)])
  const note = await noteSaying(service, project, mr.iid, /80\.0&nbsp;→&nbsp;\*\*90\.0%[^]*finished/)
  const merged = await merge(service, project, mr.iid)

  await train(service, project, [model('tree', 0.85)], { sha: merged })

  await idle()
  t.equal(simulator.listNotes(project.id, mr.iid)[0]?.body, note.body)
})
