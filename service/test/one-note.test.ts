import t from 'tap'
import { eventually, startTestService, type TestProject, type TestService } from './support/service.js'

function model(name: string, accuracy: number, lr = 0.1) {
  return { name, dataset: 'iris', hyperparameters: { lr }, results: { accuracy } }
}

/** Trains `models` by a pipeline of `main`'s head and lets it end well. */
async function trainMain(service: TestService, project: TestProject, models: object[], sha = project.head) {
  const pipeline = service.simulator.createPipeline({
    projectId: project.id,
    sha,
    ref: 'main',
    jobs: [{ name: 'train' }],
  })
  const [job] = pipeline.jobs
  if (job === undefined) throw new Error('no job')
  service.simulator.setJobStatus(job.id, 'running')
  const answer = await service.report(job.id, { job: { name: job.name, status: 'success' }, models })
  service.simulator.setJobStatus(job.id, 'success')
  await eventually('the verified job', async () => {
    const found = await service.stores.projects.findByGitLabId(project.id)
    const row = found && (await service.stores.pipelines.find(found.id, pipeline.id))
    return row?.jobs.some((one) => one.status === 'success')
  })
  return answer
}

async function openMergeRequest(service: TestService, project: TestProject, branch: string) {
  const { simulator, maintainer } = service
  const push = { projectId: project.id, userId: maintainer.id, branch, files: { [`${branch}.txt`]: 'x' } }
  await simulator.pushFiles(push)
  return simulator.createMergeRequest({
    projectId: project.id,
    sourceBranch: branch,
    targetBranch: 'main',
    title: `Try ${branch}`,
    userId: maintainer.id,
  })
}

t.test('a pipeline trains, one note appears; a second push edits it', async (t) => {
  const service = await startTestService(t)
  const { simulator } = service
  const project = await service.createProject('research/iris')

  const first = await trainMain(service, project, [model('tree', 0.9), model('knn', 0.8)])
  t.equal(first.status, 202, first.text)
  const mr = await openMergeRequest(service, project, 'tune')
  const pipeline = simulator.createPipeline({
    projectId: project.id,
    mrIid: mr.iid,
    jobs: [{ name: 'train' }],
  })
  const jobId = pipeline.jobs[0]?.id ?? 0
  simulator.setJobStatus(jobId, 'running')
  const sent = await service.report(jobId, {
    job: { name: 'train', status: 'success' },
    models: [model('tree', 0.95, 0.5), model('knn', 0.7)],
  })
  t.equal(sent.status, 202, sent.text)
  simulator.setJobStatus(jobId, 'success')
  const note = await eventually('the final note', () =>
    simulator.listNotes(project.id, mr.iid).find((one) => one.body.includes('finished')),
  )

  t.match(note.body, /1 worse, 1 better/)
  t.match(note.body, project.head.slice(0, 7))
  t.match(note.body, '(−10.0&nbsp;pp)')
  const judged = await service.get(`/api/v1/reports/${sent.json.report}?wait=5`, { accept: 'text/plain' })
  t.match(judged.text, /1 worse, 1 better/)

  await simulator.pushFiles({
    projectId: project.id,
    userId: service.maintainer.id,
    branch: 'tune',
    files: { 'more.txt': 'y' },
  })
  await simulator.settled()
  const second = simulator.createPipeline({ projectId: project.id, mrIid: mr.iid, jobs: [{ name: 'train' }] })
  const secondJob = second.jobs[0]?.id ?? 0
  await service.report(secondJob, {
    job: { name: 'train', status: 'success' },
    models: [model('tree', 0.97, 0.5), model('knn', 0.85)],
  })
  simulator.setJobStatus(secondJob, 'success')
  await eventually('the edited note', () =>
    simulator
      .listNotes(project.id, mr.iid)
      .find((one) => one.body.includes('2 better') && one.body.includes('finished')),
  )

  const notes = simulator.listNotes(project.id, mr.iid)
  t.equal(notes.length, 1)
  t.equal(notes[0]?.id, note.id)
  t.comment(notes[0]?.body)
  t.same(simulator.effects, [])
})
