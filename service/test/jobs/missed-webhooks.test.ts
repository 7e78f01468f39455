import t from 'tap'
import { jobKey } from '../../jobs/keys.js'
import { eventually, startTestService, type TestProject, type TestService } from '../support/service.js'
import { idle, model, noteSaying, openMergeRequest, setRules, trainMergeRequest } from '../support/story.js'

interface Story {
  service: TestService
  project: TestProject
  id: string
  mrIid: number
  find(): Promise<NonNullable<Awaited<ReturnType<TestService['stores']['projects']['find']>>>>
  ask(key: string): Promise<void>
  hook(): ReturnType<typeof hooksOf>[number]
}

/** A project with a webhook, and a merge request that has a final note. */
async function begin(t: Parameters<typeof startTestService>[0]): Promise<Story> {
  const service = await startTestService(t)
  const { stores } = service
  const project = await service.createProject('research/iris')
  const { iid: mrIid } = await openMergeRequest(service, project, 'tune')
  await trainMergeRequest(service, project, mrIid, [model('tree', 0.8)])
  await noteSaying(service, project, mrIid, /finished/)
  const { id } = await eventually('the webhook', async () => {
    const found = await stores.projects.findByGitLabId(project.id)
    return found?.hook.state === 'registered' && found
  })
  return {
    service,
    project,
    id,
    mrIid,
    async find() {
      const found = await stores.projects.find(id)
      if (found === null) throw new Error('no project')
      return found
    },
    ask: (key) => stores.jobs.enqueue([{ key, delayMs: 0, promiseMs: null }]),
    hook() {
      const [hook] = hooksOf(service, project)
      if (hook === undefined) throw new Error('no hook')
      return hook
    },
  }
}

function hooksOf({ simulator }: TestService, project: TestProject) {
  return [...simulator.state.hooks.values()].filter((hook) => hook.projectId === project.id)
}

/** As if nobody had looked at the webhook for an hour. */
async function lookLongAgo({ service, id, find }: Story): Promise<void> {
  const { hookId } = (await find()).hook
  const checkedAt = new Date(Date.now() - 3_600_000)
  const rest = { alertStatus: 'executable', disabledUntil: null, lastDeliveryAt: null, logReadAt: null }
  await service.stores.projects.setHookHealth(id, hookId ?? 0, { checkedAt, ...rest })
}

t.test('what webhooks miss is found', async (t) => {
  const story = await begin(t)
  const { service, project, id, mrIid, find, ask, hook } = story
  const { simulator, stores, maintainer } = service
  const polledAt = async () => (await find()).polled?.at.getTime() ?? 0

  await t.test('a webhook that GitLab disabled is enabled', async (t) => {
    hook().alertStatus = 'disabled'

    await ask(jobKey.hookHealth(id))

    await eventually('the look at the webhook', async () => (await find()).hook.health)
    t.equal(hook().alertStatus, 'executable')
  })

  await t.test('calls because of a webhook name its event', async (t) => {
    await openMergeRequest(service, project, 'told')
    const told = simulator.hooks.deliveries.findLast((one) => one.event === 'merge_requests_events')

    const call = await eventually('a call', () =>
      simulator.calls.find((one) => one.eventUuid === told?.headers['X-Gitlab-Event-UUID']),
    )
    t.equal(call.route, '/projects/:id/merge_requests/:iid')
    t.ok(simulator.calls.some((one) => one.eventUuid === null))
  })

  await t.test('what did not arrive is sent again', async (t) => {
    await lookLongAgo(story)
    const { url } = hook()
    hook().url = 'http://127.0.0.1:9/'
    await simulator.pushFiles({
      projectId: project.id,
      userId: maintainer.id,
      branch: 'lost',
      startBranch: 'main',
      files: { 'lost.txt': 'lost' },
    })
    await simulator.settled()
    const lost = simulator.hooks.deliveries.at(-1)
    t.equal(lost?.status, null)
    // As if the service itself had been away: GitLab sends nothing again to another address.
    hook().url = url
    if (lost !== undefined) lost.url = url

    await ask(jobKey.hookHealth(id))

    const again = await eventually('the delivery', () =>
      simulator.hooks.deliveries.find(
        (one) => one.idempotencyKey === lost?.idempotencyKey && one.status !== null,
      ),
    )
    t.equal(again.status, 200)
    await eventually('the log as read', async () => (await find()).hook.health?.logReadAt)
    await idle(service)
  })

  await t.test('the reconciler has webhooks looked at and merge requests asked about', async (t) => {
    await lookLongAgo(story)
    await stores.projects.setPolled(id, { at: new Date(Date.now() - 3_600_000), until: new Date() })
    const before = (await find()).hook.health?.checkedAt.getTime() ?? 0

    await ask(jobKey.reconcile())

    await eventually('a look', async () => ((await find()).hook.health?.checkedAt.getTime() ?? 0) > before)
    const jobs = service.db.collection<{ _id: string }>('jobs')
    const isAsked = await eventually('the poll', () => jobs.findOne({ _id: jobKey.poll(id) }), 5_000)
    t.ok(isAsked)
  })

  await t.test('rules that no webhook told of are found', async (t) => {
    const jobs = service.db.collection<{ _id: string; promisedAt: Date | null }>('jobs')
    const promised = async () => (await jobs.findOne({ _id: jobKey.note(id, mrIid) }))?.promisedAt ?? null
    const before = await polledAt()
    await ask(jobKey.poll(id))
    await eventually('the first look', async () => (await polledAt()) > before)
    t.equal(await promised(), null)
    const first = await polledAt()
    simulator.hooks.plan = () => ({ copies: 0 })
    await setRules(service, project, 'results:\n  accuracy:\n    direction: higher\n')
    simulator.hooks.plan = null

    await ask(jobKey.poll(id))

    await eventually('the next look', async () => (await polledAt()) > first)
    t.ok(await promised())
  })

  await t.test('a merge that no webhook told of carries its results over', async (t) => {
    simulator.hooks.plan = () => ({ copies: 0 })
    await simulator.mergeMergeRequest(project.id, mrIid, maintainer.id)
    await simulator.settled()
    simulator.hooks.plan = null
    t.equal((await stores.comparisons.findFacts(id, mrIid))?.mrState, 'opened')

    await ask(jobKey.poll(id))

    const [row] = await eventually('what is carried over', async () => {
      const rows = await stores.carryOvers.listNewest(id, ['main'], 10)
      return rows.length > 0 && rows
    })
    t.equal(row?.mrIid, mrIid)
    t.equal((await stores.comparisons.findFacts(id, mrIid))?.mrState, 'merged')
    t.match(simulator.listNotes(project.id, mrIid)[0]?.body, /finished/)
  })

  await t.test('a webhook that is gone is registered anew', async (t) => {
    const { id: gone } = hook()
    simulator.state.hooks.delete(gone)

    await ask(jobKey.hookHealth(id))

    const anew = await eventually('a new webhook', async () => {
      const [found] = hooksOf(service, project)
      return found !== undefined && (await find()).hook.hookId === found.id && found
    })
    t.not(anew.id, gone)
  })
})
