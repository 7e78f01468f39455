import t from 'tap'
import { call, makeToken } from '../support/people.js'
import { eventually, startTestService, type TestProject } from '../support/service.js'
import {
  askGate,
  endJob,
  idle,
  model,
  noteSaying,
  openFromFork,
  openMergeRequest,
  setRules,
  startJobs,
  statusesOf,
  train,
  trainMergeRequest,
} from '../support/story.js'

const service = await startTestService(t)
const { simulator, stores, maintainer } = service
const token = await makeToken(service, maintainer.id)
const rules = 'results: {accuracy: {fail: {worse_by: 1pp}}}\n'

/** A project with a gate whose main was trained. */
async function startStory(path: string): Promise<TestProject> {
  const project = await setRules(service, await service.createProject(path), rules)
  await train(service, project, [model('tree', 0.9)])
  return project
}

async function allowForks({ path }: TestProject): Promise<void> {
  const address = `/api/v1/projects/${encodeURIComponent(path)}`
  const answer = await call(service, 'PATCH', address, { token, body: { fork_reports: 'allowed' } })
  if (answer.status !== 200) throw new Error(answer.text)
}

t.test('a fork may report once a maintainer allows it, and its note says where it comes from', async (t) => {
  const project = await startStory('forks/allowed')
  const { mr } = await openFromFork(service, project, { username: 'fay' })
  const refused = startJobs(service, project, mr.iid, ['train'])

  const answer = await service.report(refused.job('train').id, {
    job: { name: 'train', status: 'success' },
    models: [model('tree', 0.7)],
  })

  t.match(answer, { status: 403, json: { code: 'FORK_REPORTS_OFF' } })
  simulator.setJobStatus(refused.job('train').id, 'success')
  await idle(service)
  t.same(simulator.listNotes(project.id, mr.iid), [])

  await allowForks(project)
  const { pipeline, job } = startJobs(service, project, mr.iid, ['train', 'mlmm-gate'])
  await endJob(service, job('train'), [model('tree', 0.7)])
  simulator.setJobStatus(job('mlmm-gate').id, 'running')

  const note = await noteSaying(service, project, mr.iid, /finished/)
  t.match(note.body, /### ⚠️ Model results: 1 worse\n\n\*\*From a fork:\*\*/)
  t.match(note.body, /90\.0&nbsp;→&nbsp;\*\*70\.0%/)
  t.notMatch(note.body, /gate failed|broken|accept|Rules from/)
  t.match(await askGate(service, job('mlmm-gate').id), { state: 'none' })
  await idle(service)
  t.same(statusesOf(service, pipeline.id), [])
})

t.test('what a fork trained is no baseline, before and after its merge', async (t) => {
  const project = await startStory('forks/merged')
  await allowForks(project)
  const { mr } = await openFromFork(service, project, { username: 'gil' })
  await trainMergeRequest(service, project, mr.iid, [model('tree', 0.99), model('knn', 0.99)])
  await noteSaying(service, project, mr.iid, /1 better, 1 new[^]*finished/)
  await simulator.mergeMergeRequest(project.id, mr.iid, maintainer.id)
  await eventually('the news of the merge', async () => {
    const connected = await stores.projects.findByGitLabId(project.id)
    return connected && (await stores.comparisons.findFacts(connected.id, mr.iid))?.mrState === 'merged'
  })

  const next = await openMergeRequest(service, project, 'tune')
  await trainMergeRequest(service, project, next.iid, [model('tree', 0.91), model('knn', 0.91)])

  const note = await noteSaying(service, project, next.iid, /finished/)
  t.match(note.body, /: 1 better, 1 new\n/)
  t.match(note.body, /90\.0&nbsp;→&nbsp;\*\*91\.0%/)
  t.notMatch(note.body, '99.0')
})

t.test('a fork speaks for no merge request but its own', async (t) => {
  const project = await startStory('forks/claims')
  await allowForks(project)
  const own = await openMergeRequest(service, project, 'tune')
  // The same commit, the same branch name.
  const { mr } = await openFromFork(service, project, { username: 'hal', branch: 'tune' })
  t.equal(mr.sha, own.sha)
  const forks = startJobs(service, project, mr.iid, ['train'])
  const owns = startJobs(service, project, own.iid, ['train'])
  const report = { job: { name: 'extra', status: 'success' }, models: [model('forged', 0.13)] }

  // As if the fork's job could say that it ran in the other pipeline.
  const overrides = { pipeline_id: String(owns.pipeline.id) }
  const jobId = forks.job('train').id
  const forged = await service.report(jobId, report, {
    token: simulator.idToken({ jobId, aud: service.url, overrides }),
  })
  const named = await service.report(jobId, { ...report, merge_request: own.iid })
  await endJob(service, forks.job('train'), [model('tree', 0.7)])
  await endJob(service, owns.job('train'), [model('tree', 0.95)])

  t.equal(forged.status, 202)
  t.match(named, { status: 400, json: { code: 'UNKNOWN_FIELD', field: 'merge_request' } })
  const note = await noteSaying(service, project, own.iid, /: 1 better\n[^]*finished/)
  t.match(note.body, /90\.0&nbsp;→&nbsp;\*\*95\.0%/)
  t.notMatch(note.body, /forged|70\.0|From a fork/)
  const ofFork = await noteSaying(service, project, mr.iid, /finished/)
  t.match(ofFork.body, /90\.0&nbsp;→&nbsp;\*\*70\.0%/)
  t.notMatch(ofFork.body, /forged|95\.0/)
})
