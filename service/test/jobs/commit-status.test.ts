import t, { type Test } from 'tap'
import { createGitLab } from '../../gitlab/client.js'
import { createCommitStatusWriter } from '../../jobs/commit-status.js'
import { jobKey } from '../../jobs/keys.js'
import { LeaseTooShortError } from '../../jobs/note-attempt.js'
import { createQueue } from '../../jobs/queue.js'
import { mainModel, model as judged } from '../domain/models.js'
import { noteInput } from '../render/cases.js'
import { eventually, startTestService } from '../support/service.js'
import { idle, model, openMergeRequest, statusesOf, trainMergeRequest } from '../support/story.js'
import { silent } from './helper.js'

const service = await startTestService(t)
const { simulator, stores, bot } = service
const statusRoute = '/projects/:id/statuses/:sha'
const project = await service.createProject('research/status')

/** A finished merge request whose commit status GitLab refuses for good. */
async function trainRefused(t: Test, branch: string) {
  const fault = simulator.faults.add({ route: statusRoute, status: 400, body: { message: 'is invalid' } })
  t.teardown(() => fault.remove())
  const mr = await openMergeRequest(service, project, branch)
  const { pipeline } = await trainMergeRequest(service, project, mr.iid, [model('tree', 0.9)])
  const stored = await eventually('the project', () => stores.projects.findByGitLabId(project.id))
  const row = await eventually('the refused status', async () => {
    const found = await stores.pipelines.find(stored.id, pipeline.id)
    return found?.commitStatus ? found : null
  })
  await idle(service)
  return { mr, fault, row, stored }
}

t.test('a status that GitLab refuses for good is not tried again', async (t) => {
  const { mr, fault, row, stored } = await trainRefused(t, 'refused')
  const queue = createQueue({ store: stores.jobs, monotonicNowMs: () => performance.now() })

  await queue.enqueue(jobKey.note(stored.id, mr.iid))
  await idle(service)

  t.equal(row.commitStatus?.outcome, 'not_possible')
  t.equal(fault.hits(), 1)
})

t.test('without enough of a lease no status is set', async (t) => {
  const { mr, fault, row, stored } = await trainRefused(t, 'late')
  fault.remove()
  const requestTimeoutMs = 5_000
  const token = simulator.createToken(bot.id)
  const writeStatus = createCommitStatusWriter({
    gitlab: createGitLab({ apiUrl: simulator.url, token, timeoutMs: requestTimeoutMs }),
    pipelines: stores.pipelines,
    requestTimeoutMs,
  })
  const input = noteInput({ here: [judged()], before: [mainModel()] })
  const set = (remainingMs: number, signal = new AbortController().signal) =>
    writeStatus({
      project: stored,
      pipeline: row,
      mrIid: mr.iid,
      input,
      context: { signal, remainingLeaseMs: () => remainingMs, log: silent },
    })

  await t.rejects(set(requestTimeoutMs), LeaseTooShortError)
  await t.rejects(set(60_000, AbortSignal.abort(new Error('The lease is lost'))), {
    message: 'The lease is lost',
  })
  t.same(statusesOf(service, row.pipelineId), [])

  await set(requestTimeoutMs + 1)
  t.same(statusesOf(service, row.pipelineId), ['success'])
})
