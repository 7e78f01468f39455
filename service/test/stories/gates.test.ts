import t from 'tap'
import { startTestService } from '../support/service.js'
import {
  askGate,
  endJob,
  model,
  noteSaying,
  openMergeRequest,
  push,
  setRules,
  startJobs,
  statusesBecome,
  train,
  trainMergeRequest,
} from '../support/story.js'

const service = await startTestService(t)
const { simulator } = service

/** A project with rules whose main was trained, with a merge request. */
async function startStory(path: string, rules: string, models = [model('tree', 0.9)]) {
  const project = await setRules(service, await service.createProject(path), rules)
  if (models.length > 0) await train(service, project, models)
  return { project, mr: await openMergeRequest(service, project, 'tune') }
}

function pipelinesOf(projectId: number) {
  return [...simulator.state.pipelines.values()].filter((pipeline) => pipeline.projectId === projectId)
}

t.test('a gate that fails sets one status, on the commit and pipeline that it is about', async (t) => {
  const { project, mr } = await startStory('gates/fails', 'results: {accuracy: {fail: {worse_by: 1pp}}}')
  const { pipeline, job } = startJobs(service, project, mr.iid, ['train', 'mlmm-gate'])
  await endJob(service, job('train'), [model('tree', 0.88), model('knn', 0.5)])
  simulator.setJobStatus(job('mlmm-gate').id, 'running')
  const pipelines = pipelinesOf(project.id).length

  const answer = await askGate(service, job('mlmm-gate').id)

  const note = await noteSaying(
    service,
    project,
    mr.iid,
    /### ❌ Model results: gate failed, 1 rule broken\n/,
  )
  t.match(
    note.body,
    /❌&nbsp;broken[^\n]*tree[^\n]*<code>accuracy<\/code> 90\.0&nbsp;→&nbsp;\*\*88\.0%\*\* \(−2\.0&nbsp;pp\)[^\n]*at most 1&nbsp;pp worse/,
  )
  t.match(
    note.body,
    new RegExp(
      `Rules from <code>main</code> at [^·]*/-/commits/${project.head}[^·]*· compared with the same commit`,
    ),
  )
  t.match(answer, { state: 'failed', summary: 'gate failed, 1 rule broken' })
  await statusesBecome(service, pipeline.id, ['failed'])
  const statuses = [...simulator.state.jobs.values()].filter(
    (one) => one.external && one.projectId === project.id,
  )
  t.equal(statuses.filter((one) => one.pipelineId === pipeline.id).length, 1)
  t.match(statuses.at(-1), { description: 'gate failed, 1 rule broken' })
  t.equal(simulator.state.pipelines.get(pipeline.id)?.sha, mr.sha)
  t.equal(pipelinesOf(project.id).length, pipelines)
})

t.test('a warning is said in words, and its status is success', async (t) => {
  const { project, mr } = await startStory(
    'gates/warns',
    'results: {accuracy: {warn: {worse_by: 1pp}, fail: {worse_by: 5pp}}}',
  )

  const { pipeline } = await trainMergeRequest(service, project, mr.iid, [model('tree', 0.88)])

  const note = await noteSaying(service, project, mr.iid, /finished/)
  t.match(note.body, /### ⚠️ Model results: 1 worse\n\n\*\*Gate passed with 1 warning:\*\*/)
  t.match(note.body, /fell by 2\.0&nbsp;pp \(warning beyond 1&nbsp;pp\)/)
  await statusesBecome(service, pipeline.id, ['success'])
})

t.test('what has nothing to be compared with fails where the rules say so', async (t) => {
  const rules = 'results: {accuracy: {fail: {worse_by: 1pp}}}\nno_baseline: fail\n'
  const { project, mr } = await startStory('gates/no-baseline', rules, [])

  const { pipeline } = await trainMergeRequest(service, project, mr.iid, [model('tree', 0.88)])

  const note = await noteSaying(service, project, mr.iid, /gate failed, 1 rule broken[^]*finished/)
  t.match(note.body, /needs a baseline/)
  await statusesBecome(service, pipeline.id, ['failed'])

  await train(service, project, [model('tree', 0.8)])

  await noteSaying(
    service,
    project,
    mr.iid,
    /80\.0&nbsp;→&nbsp;\*\*88\.0%[^]*Gate passed, \d checks? by the rules/,
  )
  await statusesBecome(service, pipeline.id, ['failed', 'success'])
})

t.test('what is missing fails where the rules say so', async (t) => {
  const rules = 'results: {accuracy: {fail: {worse_by: 1pp}}}\nmissing: fail\n'
  const models = [model('tree', 0.9), model('knn', 0.8)]
  const { project, mr } = await startStory('gates/missing', rules, models)

  const { pipeline } = await trainMergeRequest(service, project, mr.iid, [model('tree', 0.9)])

  const note = await noteSaying(service, project, mr.iid, /gate failed, 1 rule broken[^]*finished/)
  t.match(
    note.body,
    /no result[^\n]*knn[^\n]*none\*\*[^\n]*must report again[^\n]*job <code>train<\/code> sent nothing/,
  )
  await statusesBecome(service, pipeline.id, ['failed'])
})

t.test('no first note is made where nothing changed; one that stands is kept true', async (t) => {
  const { project, mr } = await startStory('gates/changed', 'note: {when: changed}')
  const quiet = await trainMergeRequest(service, project, mr.iid, [model('tree', 0.9)])
  await statusesBecome(service, quiet.pipeline.id, ['success'])
  t.same(simulator.listNotes(project.id, mr.iid), [])
  const page = await service.get(`/${project.path}/-/merge_requests/${mr.iid}`)
  t.match(page.text, '1 unchanged')

  await push(service, project, 'tune')
  await trainMergeRequest(service, project, mr.iid, [model('tree', 0.8)])
  const note = await noteSaying(service, project, mr.iid, /: 1 worse\n[^]*finished/)

  await push(service, project, 'tune')
  await trainMergeRequest(service, project, mr.iid, [model('tree', 0.9)])
  const kept = await noteSaying(service, project, mr.iid, /: 1 unchanged\n[^]*finished/)
  t.equal(kept.id, note.id)
})
