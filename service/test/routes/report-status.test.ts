import t from 'tap'
import { startTestService, type TestProject } from '../support/service.js'
import { model, noteSaying, openMergeRequest, push, trainMergeRequest } from '../support/story.js'

const service = await startTestService(t)
const { simulator, maintainer } = service

async function report(jobId: number, accuracy: number): Promise<string> {
  simulator.setJobStatus(jobId, 'running')
  const body = { job: { name: 'train', status: 'success' }, models: [model('tree', accuracy)] }
  const answer = await service.report(jobId, body)
  if (answer.status !== 202) throw new Error(answer.text)
  return String(answer.json.report)
}

function startPipeline(project: TestProject, mrIid: number): number {
  const pipeline = simulator.createPipeline({ projectId: project.id, mrIid, jobs: [{ name: 'train' }] })
  return pipeline.jobs[0]?.id ?? 0
}

async function verdictOf(reportId: string) {
  const { status, json } = await service.get(`/api/v1/reports/${reportId}?wait=20`)
  return { status, verdict: json.verdict }
}

function notCompared(summary: string) {
  return { status: 200, verdict: { state: 'not_compared', summary } }
}

t.test('a try that reports after a newer one is told so', async (t) => {
  const project = await service.createProject('status/late')
  const mr = await openMergeRequest(service, project, 'tune')
  const first = startPipeline(project, mr.iid)
  simulator.setJobStatus(first, 'failed')
  const second = simulator.retryJob(first).id
  await report(second, 0.6)

  const answer = await service.report(first, {
    job: { name: 'train', status: 'success' },
    models: [model('tree', 0.2)],
  })

  t.equal(answer.status, 202)
  t.same(
    await verdictOf(String(answer.json.report)),
    notCompared('a newer try or pipeline has reported already'),
  )
  const { text } = await service.get(`/api/v1/reports/${answer.json.report}`, { accept: 'text/plain' })
  t.match(text, 'a newer try or pipeline has reported already')
})

t.test('a report for an old commit is told that there is a newer one', async (t) => {
  const project = await service.createProject('status/old-head')
  const mr = await openMergeRequest(service, project, 'tune')
  const old = startPipeline(project, mr.iid)
  await push(service, project, 'tune')
  await trainMergeRequest(service, project, mr.iid, [model('tree', 0.7)])
  await noteSaying(service, project, mr.iid, /70\.0[^]*finished/)

  t.same(await verdictOf(await report(old, 0.2)), notCompared('the merge request has a newer commit'))
})

t.test('a report for a closed merge request is told so, compared before or not', async (t) => {
  const project = await service.createProject('status/closed')
  const mr = await openMergeRequest(service, project, 'tune')
  const job = startPipeline(project, mr.iid)
  simulator.editMergeRequest(project.id, mr.iid, maintainer.id, { stateEvent: 'close' })
  await simulator.settled()

  t.same(
    await verdictOf(await report(job, 0.2)),
    notCompared('the merge request is closed or has a newer commit'),
  )
})

t.test('a merge request that was closed after its comparison is told apart', async (t) => {
  const project = await service.createProject('status/closed-later')
  const mr = await openMergeRequest(service, project, 'tune')
  await trainMergeRequest(service, project, mr.iid, [model('tree', 0.7)])
  await noteSaying(service, project, mr.iid, /70\.0[^]*finished/)
  const job = startPipeline(project, mr.iid)
  simulator.editMergeRequest(project.id, mr.iid, maintainer.id, { stateEvent: 'close' })
  await simulator.settled()

  t.same(await verdictOf(await report(job, 0.2)), notCompared('the merge request is not open any more'))
})

t.test('an older pipeline that reports after a newer one of the same commit is told so', async (t) => {
  const project = await service.createProject('status/older')
  const mr = await openMergeRequest(service, project, 'tune')
  const old = startPipeline(project, mr.iid)
  await trainMergeRequest(service, project, mr.iid, [model('tree', 0.8)])
  await noteSaying(service, project, mr.iid, /80\.0[^]*finished/)

  t.same(await verdictOf(await report(old, 0.2)), notCompared('a newer try or pipeline has reported already'))
})
