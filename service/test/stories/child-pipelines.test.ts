import t from 'tap'
import { startTestService } from '../support/service.js'
import {
  endJob,
  expectJobs,
  idle,
  jobsByName,
  model,
  noteSaying,
  openMergeRequest,
  pipelineEnded,
  statusesBecome,
  statusesOf,
  trainJobs,
} from '../support/story.js'

const service = await startTestService(t)
const { simulator } = service
const kinds = ['trees', 'nets', 'graphs']

/** A merge request whose pipeline has started three children. */
async function startStory(path: string) {
  const project = await service.createProject(path)
  expectJobs(service, project, [], kinds)
  await trainJobs(service, project, {
    'train trees': [model('tree', 0.8)],
    'train nets': [model('net', 0.7)],
    'train graphs': [model('graph', 0.6)],
  })
  const mr = await openMergeRequest(service, project, 'tune')
  const bridges = kinds.map((name) => ({ name }))
  const jobs = [{ name: 'prepare' }]
  const root = simulator.createPipeline({ projectId: project.id, mrIid: mr.iid, jobs, bridges })
  const children = kinds.map((bridgeName) => {
    const of = { projectId: project.id, parentPipelineId: root.id, bridgeName }
    return simulator.createPipeline({ ...of, jobs: [{ name: `train ${bridgeName}` }] })
  })
  await endJob(service, jobsByName(root.jobs)('prepare'), [])
  return { project, mr, root, children, job: jobsByName(children.flatMap((child) => child.jobs)) }
}

t.test('a note is final when all child pipelines have ended, and the status is on their root', async (t) => {
  const { project, mr, root, children, job } = await startStory('children/final')

  await endJob(service, job('train trees'), [model('tree', 0.85)])

  await pipelineEnded(service, project, children[0]?.id ?? 0)
  await idle(service)
  const early = await noteSaying(service, project, mr.iid, /Model results so far: 1 better\n/)
  t.match(early.body, /running, 1 job reported so far/)
  t.match(early.body, `[pipeline ${root.id}]`)
  t.same(statusesOf(service, root.id), [])

  await endJob(service, job('train nets'), [model('net', 0.65)])
  await endJob(service, job('train graphs'), [model('graph', 0.6)])

  const note = await noteSaying(service, project, mr.iid, /finished/)
  t.equal(note.id, early.id)
  t.match(note.body, /### ⚠️ Model results: 1 worse, 1 better, 1 unchanged\n/)
  t.match(note.body, /finished, 3 of 3 jobs reported/)
  t.match(note.body, `[pipeline ${root.id}]`)
  await statusesBecome(service, root.id, ['success'])
  t.same(
    children.flatMap(({ id }) => statusesOf(service, id)),
    [],
  )
})

t.test('a training job of a child pipeline that failed before it could report is named', async (t) => {
  const { project, mr, root, job } = await startStory('children/failed')

  await endJob(service, job('train graphs'), [], 'failed')
  await endJob(service, job('train nets'), [model('net', 0.7)])
  await endJob(service, job('train trees'), [model('tree', 0.8)])

  const note = await noteSaying(service, project, mr.iid, /finished/)
  t.match(note.body, /### ⚠️ Model results: 1 training job failed, 1 missing, 2 unchanged\n/)
  t.match(note.body, `/-/jobs/${job('train graphs').id}) failed`)
  await statusesBecome(service, root.id, ['success'])
})

t.test('a child pipeline that no configuration told of is waited for', async (t) => {
  const project = await service.createProject('children/untold')
  const lint = new RegExp(`/projects/${project.id}/ci/lint`)
  simulator.faults.add({ route: lint, status: 403, body: { message: '403 Forbidden' } })
  const mr = await openMergeRequest(service, project, 'tune')
  const jobs = [{ name: 'train trees' }]
  const of = { projectId: project.id, mrIid: mr.iid }
  const root = simulator.createPipeline({ ...of, jobs, bridges: [{ name: 'nets' }] })

  await endJob(service, jobsByName(root.jobs)('train trees'), [model('tree', 0.8)])
  await noteSaying(service, project, mr.iid, /running, 1 job reported so far/)
  await idle(service)
  t.same(statusesOf(service, root.id), [], 'nothing is final while a bridge is still to start its pipeline')

  const child = simulator.createPipeline({
    projectId: project.id,
    parentPipelineId: root.id,
    bridgeName: 'nets',
    jobs: [{ name: 'train nets' }],
  })
  await endJob(service, jobsByName(child.jobs)('train nets'), [model('net', 0.7)])

  await noteSaying(service, project, mr.iid, /finished, 2 of 2 jobs reported/)
  await statusesBecome(service, root.id, ['success'])
})

t.test('a configuration that GitLab could not tell at first is asked for again', async (t) => {
  const project = await service.createProject('children/later')
  const lint = new RegExp(`/projects/${project.id}/ci/lint`)
  const fault = simulator.faults.add({ route: lint, status: 503, body: 'busy' })
  const mr = await openMergeRequest(service, project, 'tune')
  const jobs = [{ name: 'train trees' }, { name: 'train nets' }]
  const pipeline = simulator.createPipeline({ projectId: project.id, mrIid: mr.iid, jobs })
  const job = jobsByName(pipeline.jobs)
  await endJob(service, job('train trees'), [model('tree', 0.8)])
  await noteSaying(service, project, mr.iid, /running/)
  fault.remove()
  expectJobs(service, project, ['train trees', 'train nets'])

  await endJob(service, job('train nets'), [])

  const note = await noteSaying(service, project, mr.iid, /finished/)
  t.match(note.body, /1 of 2 jobs reported/)
})
