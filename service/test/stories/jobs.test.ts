import t from 'tap'
import { startTestService } from '../support/service.js'
import {
  askGate,
  endJob,
  expectJobs,
  model,
  noteSaying,
  openMergeRequest,
  startJobs,
  statusesBecome,
  trainJobs,
} from '../support/story.js'

const service = await startTestService(t)
const { simulator } = service
const [tree, knn, net] = ['train: [tree]', 'train: [knn]', 'train: [net]']
const before = { [tree]: [model('tree', 0.8)], [knn]: [model('knn', 0.7)], [net]: [model('net', 0.9)] }

/** The name of a job as a note has it. */
function written(name: string): string {
  return `<code>${name.replace(':', '&#58;').replace('[', '&#91;').replace(']', '&#93;')}</code>`
}

/** A project whose matrix was trained on main, with a merge request. */
async function startStory(path: string) {
  const project = await service.createProject(path)
  expectJobs(service, project, ['train'])
  await trainJobs(service, project, before)
  const mr = await openMergeRequest(service, project, 'tune')
  const link = (name: string, jobId: number) => `[${written(name)}](${simulator.url}/${path}/-/jobs/${jobId})`
  return { project, mr, link }
}

t.test('of a matrix the note says how far it is, then which job failed', async (t) => {
  const { project, mr, link } = await startStory('jobs/matrix')
  const { pipeline, job } = startJobs(service, project, mr.iid, [tree, knn, net, 'lint'])

  await endJob(service, job(tree), [model('tree', 0.85)])

  const early = await noteSaying(service, project, mr.iid, /Model results so far: 1 better\n/)
  t.match(early.body, /running, 1 of 3 jobs reported so far/)
  t.match(early.body, /not reported yet:\*\* <code>knn<\/code> · <code>net<\/code>/)
  t.notMatch(early.body, /failed|missing/)

  await endJob(service, job(knn), [], 'failed')
  await endJob(service, job(net), [model('net', 0.9)])
  await endJob(service, job('lint'), [], 'failed')

  const note = await noteSaying(service, project, mr.iid, /finished, 2 of 3 jobs reported/)
  t.equal(note.id, early.id)
  t.match(note.body, /### ⚠️ Model results: 1 training job failed, 1 missing, 1 better, 1 unchanged\n/)
  t.match(note.body, `${link(knn, job(knn).id)} failed`)
  t.match(note.body, /70\.0%&nbsp;→&nbsp;\*\*none\*\*/)
  t.notMatch(note.body, /so far|lint|Missing:/)
  await statusesBecome(service, pipeline.id, ['success'])
})

t.test('a job that succeeded without sending anything is named', async (t) => {
  const { project, mr } = await startStory('jobs/silent')
  const { job } = startJobs(service, project, mr.iid, [tree, knn, net, 'train: [new]'])

  await endJob(service, job(tree), [model('tree', 0.8)])
  await endJob(service, job(knn), [model('knn', 0.7)])
  await endJob(service, job(net), [])
  await endJob(service, job('train: [new]'), [])

  const note = await noteSaying(service, project, mr.iid, /finished/)
  t.match(note.body, /### ⚠️ Model results: 1 job sent nothing, 1 missing, 2 unchanged\n/)
  t.match(
    note.body,
    `**Missing:** a job ended without sending what it sent before: <code>net</code> (job ${written(net)})`,
  )
  t.match(note.body, `**Sent nothing:** ${written('train: [new]')} ended`)
})

t.test('what a failed and a changed job say when they are run again replaces what they said', async (t) => {
  const { project, mr, link } = await startStory('jobs/again')
  const { job } = startJobs(service, project, mr.iid, [tree, knn, net])
  await endJob(service, job(tree), [model('tree', 0.6), model('extra', 0.5)])
  await endJob(service, job(knn), [], 'failed')
  await endJob(service, job(net), [model('net', 0.9)])
  const first = await noteSaying(service, project, mr.iid, /finished/)
  t.match(first.body, /1 training job failed, 1 worse, 1 missing, 1 new, 1 unchanged/)

  await endJob(service, simulator.retryJob(job(knn).id), [model('knn', 0.75)])
  await endJob(service, simulator.retryJob(job(tree).id), [model('tree', 0.82)])

  const note = await noteSaying(
    service,
    project,
    mr.iid,
    /: 2 better, 1 unchanged\n[^]*finished, 3 of 3 jobs/,
  )
  t.equal(note.id, first.id)
  t.match(note.body, /70\.0&nbsp;→&nbsp;\*\*75\.0%/)
  t.match(note.body, /80\.0&nbsp;→&nbsp;\*\*82\.0%/)
  t.notMatch(note.body, /60\.0|extra|failed/)

  const cancelled = simulator.retryJob(job(net).id)
  await endJob(service, cancelled, [], 'canceled')

  const last = await noteSaying(service, project, mr.iid, /1 training job cancelled[^]*finished, 2 of 3 jobs/)
  t.match(last.body, `${link(net, cancelled.id)} was cancelled`)
})

t.test('where no job reported anything the gate has the note say which one failed', async (t) => {
  const project = await service.createProject('jobs/nothing')
  expectJobs(service, project, ['train'])
  const mr = await openMergeRequest(service, project, 'tune')
  const { pipeline, job } = startJobs(service, project, mr.iid, [tree, knn, 'mlmm-gate'])
  await endJob(service, job(tree), [], 'failed')
  await endJob(service, job(knn), [])
  simulator.setJobStatus(job('mlmm-gate').id, 'running')

  const answer = await askGate(service, job('mlmm-gate').id)

  const note = await noteSaying(service, project, mr.iid, /finished, 0 of 2 jobs reported/)
  t.match(note.body, /### ⚠️ Model results: 1 training job failed, 1 job sent nothing\n/)
  t.match(note.body, `[${written(tree)}](${simulator.url}/jobs/nothing/-/jobs/${job(tree).id}) failed`)
  t.match(note.body, `**Sent nothing:** ${written(knn)} ended`)
  t.match(answer, { state: 'passed', summary: '1 training job failed, 1 job sent nothing' })
  await statusesBecome(service, pipeline.id, ['success'])
})
