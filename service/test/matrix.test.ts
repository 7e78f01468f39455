import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import type { Call } from '../../simulator/calls.js'
import { badGateway } from '../../simulator/faults.js'
import { eventually, startTestService, type TestProject, type TestService } from './support/service.js'
import { expectJobs, model, noteSaying, openMergeRequest, train } from './support/story.js'

const notesRoute = '/projects/:id/merge_requests/:iid/notes'
const uploadsWithinMs = 2_000

/** The jobs of one pipeline report within two seconds while GitLab is slow. Answers with the calls to GitLab. */
async function runMatrix(service: TestService, project: TestProject, jobs: number): Promise<Call[]> {
  const { simulator } = service
  const names = Array.from({ length: jobs }, (_, index) => `net ${index}`)
  expectJobs(service, project, ['train'])
  await train(
    service,
    project,
    names.map((name) => model(name, 0.8)),
  )
  const mr = await openMergeRequest(service, project, `tune-${jobs}`)
  await idle(service)
  simulator.clearCalls()
  const pipeline = simulator.createPipeline({
    projectId: project.id,
    mrIid: mr.iid,
    jobs: names.map((name) => ({ name: `train: [${name}]` })),
  })

  await Promise.all(
    pipeline.jobs.map(async (job, index) => {
      await pause((index / (jobs - 1)) * uploadsWithinMs)
      simulator.setJobStatus(job.id, 'running')
      const body = { job: { name: job.name, status: 'success' }, models: [model(names[index] ?? '', 0.9)] }
      const answer = await service.report(job.id, body)
      if (answer.status !== 202) throw new Error(answer.text)
      simulator.setJobStatus(job.id, 'success')
    }),
  )
  await noteSaying(service, project, mr.iid, new RegExp(`Model results: .*\\b${jobs} better`))
  await idle(service)
  return [...simulator.calls]
}

/** Nothing runs and nothing is due. */
async function idle({ stores }: TestService): Promise<void> {
  await eventually('an idle queue', async () => {
    const { running, lagMs } = await stores.jobs.count()
    return running === 0 && lagMs === 0
  })
}

/** Calls that a 502 makes necessary: who are we, which notes are there. */
function isForced({ method, route }: Call): boolean {
  return method === 'GET' && (route === '/user' || route === notesRoute)
}

/** The attempt after a 502 asks anew for the pipeline's jobs and the merge request, where time has passed. */
const readAgain = 2

/** Of the note. */
function writesOf(calls: Call[]): string[] {
  const writes = calls.filter(({ method, route }) => method !== 'GET' && route.startsWith(notesRoute))
  return writes.map(({ method }) => method)
}

function statusesOf(calls: Call[]): number {
  return calls.filter(({ route }) => route === '/projects/:id/statuses/:sha').length
}

t.test('a hundred jobs make one note, two writes and as few calls as two jobs', async (t) => {
  const service = await startTestService(t)
  service.simulator.faults.add({ route: /^\/api\/v4/, delayMs: 100 })

  const many = await runMatrix(service, await service.createProject('research/many'), 100)
  const few = await runMatrix(service, await service.createProject('research/few'), 2)

  t.ok(writesOf(many).length <= 2, writesOf(many).join(' '))
  t.equal(statusesOf(many), 1)
  t.ok(many.length <= 10, many.map(({ method, route }) => `${method} ${route}`).join(', '))
  t.ok(many.length <= few.length + 2, `${many.length} calls, for two jobs ${few.length}`)
})

t.test('a note that GitLab made and answered with 502 is found, not made again', async (t) => {
  const service = await startTestService(t)
  const { faults } = service.simulator
  faults.add({ route: /^\/api\/v4/, delayMs: 100 })
  faults.add({ method: 'POST', route: notesRoute, times: 1, answerAfterEffect: badGateway })

  const calls = await runMatrix(service, await service.createProject('research/iris'), 100)

  t.same(writesOf(calls).slice(0, 1), ['POST'])
  t.notOk(writesOf(calls).slice(1).includes('POST'))
  t.ok(writesOf(calls).length <= 2, writesOf(calls).join(' '))
  const paths = calls.map(({ method, route }) => `${method} ${route}`)
  t.ok(calls.filter((call) => !isForced(call)).length <= 10 + readAgain, paths.join(', '))
  t.equal(calls.filter(isForced).length, 1, 'one list of the notes')
})
