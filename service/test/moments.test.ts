import t from 'tap'
import { jobKey } from '../jobs/keys.js'
import { createQueue } from '../jobs/queue.js'
import { eventually, startTestService } from './support/service.js'
import {
  mergeCommit,
  model,
  noteSaying,
  openMergeRequest,
  push,
  train,
  trainMergeRequest,
} from './support/story.js'

const service = await startTestService(t)
const { simulator, stores } = service

t.test(
  'a merged-results pipeline is compared with the commit of the target branch that it ran with',
  async (t) => {
    const project = await service.createProject('research/merged-baseline')
    await train(service, project, [model('tree', 0.5)])
    const mr = await openMergeRequest(service, project, 'tune')
    const targetSha = await push(service, project, 'main')
    await train(service, project, [model('tree', 0.55)], { sha: targetSha })
    const merged = { sourceSha: mr.sha ?? '', targetSha }
    const sha = await mergeCommit(service, project, merged)
    const jobs = [{ name: 'train' }]
    const pipeline = simulator.createPipeline({ projectId: project.id, mrIid: mr.iid, sha, merged, jobs })
    const jobId = pipeline.jobs[0]?.id ?? 0

    await service.report(jobId, { job: { name: 'train', status: 'success' }, models: [model('tree', 0.6)] })
    simulator.setJobStatus(jobId, 'success')

    const note = await noteSaying(service, project, mr.iid, /finished/)
    t.match(note.body, /55\.0&nbsp;→&nbsp;\*\*60\.0%/)
    t.match(note.body, `/-/commits/${targetSha}`)
    const connected = await stores.projects.findByGitLabId(project.id)
    const [stored] = await stores.models.listOfCommits(connected?.id ?? '', [sha])
    t.equal(stored?.sourceCommit, mr.sha)
  },
)

t.test(
  'a branch pipeline does not write to a merge request from a fork with the same branch name',
  async (t) => {
    const project = await service.createProject('research/same-name')
    const contributor = simulator.createUser({ username: 'fay', name: 'Fay Fork' })
    const members = [{ userId: contributor.id, accessLevel: 50 }]
    const fork = await simulator.createProject({
      path: 'fay/iris',
      visibility: 'public',
      members,
      forkedFrom: project.id,
    })
    await simulator.pushFiles({
      projectId: fork.id,
      userId: contributor.id,
      branch: 'tune',
      files: { a: 'b' },
    })
    const mr = await simulator.createMergeRequest({
      projectId: project.id,
      sourceProjectId: fork.id,
      sourceBranch: 'tune',
      targetBranch: 'main',
      title: 'From a fork',
      userId: contributor.id,
    })
    const sha = await push(service, project, 'tune')

    await train(service, project, [model('tree', 0.9)], { branch: 'tune', sha })

    const connected = await stores.projects.findByGitLabId(project.id)
    const rows = await stores.pipelines.listOfHead(connected?.id ?? '', sha)
    t.same(
      rows.map((row) => row.mrIids),
      [[]],
    )
    t.same(simulator.listNotes(project.id, mr.iid), [])
  },
)

t.test('mlmm-gate, which waits for the verdict, is not waited for', async (t) => {
  const project = await service.createProject('research/gate')
  const mr = await openMergeRequest(service, project, 'tune')
  const jobs = [{ name: 'train' }, { name: 'mlmm-gate' }]
  const pipeline = simulator.createPipeline({ projectId: project.id, mrIid: mr.iid, jobs })
  const [jobId = 0, gate = 0] = pipeline.jobs.map((job) => job.id)
  await service.report(jobId, { job: { name: 'train', status: 'success' }, models: [model('tree', 0.9)] })
  await noteSaying(service, project, mr.iid, /so far/)

  simulator.setJobStatus(jobId, 'success')
  simulator.setJobStatus(gate, 'running')

  t.match((await noteSaying(service, project, mr.iid, /finished/)).body, /1 of 1 job reported/)
})

t.test('a merge request that was merged is left alone', async (t) => {
  const project = await service.createProject('research/merged-mr')
  const mr = await openMergeRequest(service, project, 'tune')
  const { pipeline } = await trainMergeRequest(service, project, mr.iid, [model('tree', 0.9)])
  const note = await noteSaying(service, project, mr.iid, /finished/)
  await simulator.mergeMergeRequest(project.id, mr.iid, service.maintainer.id)
  const connected = await stores.projects.findByGitLabId(project.id)
  const projectId = connected?.id ?? ''
  await eventually(
    'the news',
    async () => (await stores.comparisons.find(projectId, mr.iid))?.mrState === 'merged',
  )

  const jobs = [{ name: 'train' }]
  const again = simulator.createPipeline({ projectId: project.id, sha: pipeline.sha, ref: 'tune', jobs })
  const jobId = again.jobs[0]?.id ?? 0
  await service.report(jobId, { job: { name: 'train', status: 'success' }, models: [model('tree', 0.1)] })
  simulator.setJobStatus(jobId, 'success')
  await eventually('the look', async () => (await stores.pipelines.find(projectId, again.id))?.ended)

  t.same(
    simulator.listNotes(project.id, mr.iid).map((one) => one.body),
    [note.body],
  )
  t.same(await stores.comparisons.listOpenAgainst(projectId, 'main'), [])
})

t.test('a report whose work was forgotten is found by the reconciler', async (t) => {
  const project = await service.createProject('research/forgotten')
  await train(service, project, [model('tree', 0.8)])
  const mr = await openMergeRequest(service, project, 'tune')
  const connected = await stores.projects.findByGitLabId(project.id)
  const projectId = connected?.id ?? ''
  const { pipeline } = await trainMergeRequest(service, project, mr.iid, [model('tree', 0.9)])
  await noteSaying(service, project, mr.iid, /finished/)
  const row = await stores.pipelines.find(projectId, pipeline.id)
  if (row === null) throw new Error('The pipeline is not known')
  const { silent: _, heardAt: __, ...facts } = row
  const longAgo = new Date(Date.now() - 3_600_000)
  await stores.pipelines.save({ ...facts, ended: false, checkedAt: longAgo })

  const queue = createQueue({ store: stores.jobs, monotonicNowMs: () => performance.now() })
  await queue.enqueue(jobKey.reconcile())

  await eventually('a new look', async () => {
    const looked = await stores.pipelines.find(projectId, pipeline.id)
    return looked !== null && looked.checkedAt > longAgo && looked.ended
  })
  t.pass()
})
