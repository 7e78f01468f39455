import t from 'tap'
import { startTestService, type TestProject } from './support/service.js'
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
const { simulator } = service

/** Reports `models` by the job and lets it end as `ends` says. */
async function finish(jobId: number, models: object[], ends: 'success' | 'failed', name = 'train') {
  simulator.setJobStatus(jobId, 'running')
  const answer = await service.report(jobId, { job: { name, status: ends }, models })
  if (answer.status !== 202) throw new Error(answer.text)
  simulator.setJobStatus(jobId, ends)
}

function pipelineOf(project: TestProject, mrIid: number, names = ['train']) {
  const pipeline = simulator.createPipeline({
    projectId: project.id,
    mrIid,
    jobs: names.map((name) => ({ name })),
  })
  return pipeline.jobs.map((job) => job.id)
}

t.test('a job that reported and failed is named, its models are shown', async (t) => {
  const project = await service.createProject('research/failed-with-models')
  await train(service, project, [model('tree', 0.8)])
  const mr = await openMergeRequest(service, project, 'tune')
  const [jobId = 0] = pipelineOf(project, mr.iid)

  await finish(jobId, [model('tree', 0.9)], 'failed')

  const note = await noteSaying(service, project, mr.iid, /finished/)
  t.match(note.body, /1 training job failed, 1 better/)
  t.match(note.body, `/-/jobs/${jobId}`)
  t.match(note.body, /1 of 1 job reported/)
})

t.test('what an earlier try of a job reported no longer counts', async (t) => {
  const project = await service.createProject('research/retried')
  const mr = await openMergeRequest(service, project, 'tune')
  const [first = 0] = pipelineOf(project, mr.iid)
  await finish(first, [model('tree', 0.7), model('knn', 0.99)], 'failed')

  await finish(simulator.retryJob(first).id, [model('tree', 0.9)], 'success')

  const note = await noteSaying(service, project, mr.iid, /1 model[^]*90\.0[^]*finished/)
  t.notMatch(note.body, /99\.0|knn|failed/)
})

t.test('a tag on the head of a merge request does not speak for it', async (t) => {
  const project = await service.createProject('research/tagged')
  const mr = await openMergeRequest(service, project, 'tune')
  await trainMergeRequest(service, project, mr.iid, [model('tree', 0.6)])
  await noteSaying(service, project, mr.iid, /60\.0[^]*finished/)
  const tag = { projectId: project.id, sha: mr.sha ?? '', ref: 'v1', tag: true, jobs: [{ name: 'train' }] }
  await finish(simulator.createPipeline(tag).jobs[0]?.id ?? 0, [model('tree', 0.99)], 'success')

  const [again = 0] = pipelineOf(project, mr.iid)
  await finish(again, [model('tree', 0.61)], 'success')

  t.notMatch((await noteSaying(service, project, mr.iid, /61\.0[^]*finished/)).body, /99\.0/)
})

t.test('of two merge requests from one branch each shows its own merged results', async (t) => {
  const project = await service.createProject('research/merged')
  await push(service, project, 'release')
  const intoMain = await openMergeRequest(service, project, 'tune')
  const intoRelease = await simulator.createMergeRequest({
    projectId: project.id,
    sourceBranch: 'tune',
    targetBranch: 'release',
    title: 'Into release',
    userId: service.maintainer.id,
  })
  await simulator.settled()
  const accuracies = [0.51, 0.61]
  for (const [index, mr] of [intoMain, intoRelease].entries()) {
    const targetSha = mr.diffRefs?.base_sha ?? ''
    const merged = { sourceSha: mr.sha ?? '', targetSha }
    const sha = await mergeCommit(service, project, merged)
    const pipeline = simulator.createPipeline({
      projectId: project.id,
      mrIid: mr.iid,
      sha,
      merged,
      jobs: [{ name: 'train' }],
    })
    await finish(pipeline.jobs[0]?.id ?? 0, [model('tree', accuracies[index] ?? 0)], 'success')
  }

  t.notMatch((await noteSaying(service, project, intoMain.iid, /51\.0[^]*finished/)).body, /61\.0/)
  t.notMatch((await noteSaying(service, project, intoRelease.iid, /61\.0[^]*finished/)).body, /51\.0/)
})

t.test('running main again and failing does not lose what the first run gave', async (t) => {
  const project = await service.createProject('research/rerun')
  await train(service, project, [model('tree', 0.5)])
  await train(service, project, [model('tree', 0.99)], { ends: 'failed' })
  const mr = await openMergeRequest(service, project, 'tune')

  await trainMergeRequest(service, project, mr.iid, [model('tree', 0.6)])

  t.match((await noteSaying(service, project, mr.iid, /finished/)).body, /50\.0&nbsp;→&nbsp;\*\*60\.0%/)
})

t.test('many failed models of main do not hide an older good one', async (t) => {
  const project = await service.createProject('research/hidden')
  await train(service, project, [model('tree', 0.5)])
  const sha = await push(service, project, 'main')
  const failing = Array.from({ length: 500 }, (_, index) => model(`m${index}`, 0.9))
  await train(service, project, failing, { sha, ends: 'failed' })
  const mr = await openMergeRequest(service, project, 'tune')

  await trainMergeRequest(service, project, mr.iid, [model('tree', 0.6)])

  t.match((await noteSaying(service, project, mr.iid, /finished/)).body, /50\.0&nbsp;→&nbsp;\*\*60\.0%/)
})
