import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { promisify } from 'node:util'
import t from 'tap'

import { gitEnvironment } from '../git/git.js'
import { createChains } from '../hooks/recursion.js'
import { call, openMergeRequest, startStory } from './helper.js'
import { addHook, startReceiver } from './receiver.js'

const run = promisify(execFile)

t.test('deliveries can be lost, doubled and overtaken', async (t) => {
  const story = await startStory(t)
  const { gitlab, project } = story
  const mr = await openMergeRequest(story)
  const receiver = await startReceiver(t)
  await addHook(story, receiver.url, { pipeline_events: true })
  const { jobs } = gitlab.createPipeline({ projectId: project.id, mrIid: mr.iid, jobs: [{ name: 'train' }] })
  await gitlab.settled()
  receiver.received.length = 0
  gitlab.hooks.plan = ({ body }) => {
    if (body.includes('"status":"pending"')) return { copies: 0 }
    return body.includes('"detailed_status":"running"') ? { delayMs: 200 } : { copies: 2 }
  }

  gitlab.setJobStatus(jobs[0]?.id ?? 0, 'running')
  gitlab.setJobStatus(jobs[0]?.id ?? 0, 'success')
  await gitlab.settled()

  const statuses = receiver.received.map(
    ({ body }) => (body['object_attributes'] as { status: string }).status,
  )
  t.same(statuses, ['success', 'success', 'running'])
  const keys = receiver.received.slice(0, 2).map(({ headers }) => headers['idempotency-key'])
  t.equal(keys[0], keys[1])
})

t.test('a receiver that is too slow fails, and is not asked again', async (t) => {
  const story = await startStory(t, { hookTimeoutMs: 50 })
  const { gitlab } = story
  let asked = 0
  const server = createServer(() => (asked += 1))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : ''
  const id = await addHook(story, `http://127.0.0.1:${port}/hook`, { merge_requests_events: true })

  await openMergeRequest(story)
  await gitlab.settled()

  t.equal(asked, 1)
  t.match(gitlab.hooks.deliveries, [{ status: null, error: /timeout/ }])
  t.equal(gitlab.state.hooks.get(id)?.failures, 1)
})

t.test('a hook is not called again by what it has caused itself', async (t) => {
  const story = await startStory(t)
  const { gitlab, maintainer, project } = story
  const receiver = await startReceiver(t)
  await addHook(story, receiver.url, { merge_requests_events: true })
  const mr = await openMergeRequest(story)
  await gitlab.settled()
  const rename = (title: string, chain: string) =>
    fetch(`${gitlab.url}/api/v4/projects/${project.id}/merge_requests/${mr.iid}`, {
      method: 'PUT',
      headers: {
        'private-token': maintainer.token,
        'content-type': 'application/json',
        'x-gitlab-event-uuid': chain,
      },
      body: JSON.stringify({ title }),
    })

  await rename('Within', String(receiver.received[0]?.headers['x-gitlab-event-uuid']))
  await gitlab.settled()
  t.equal(receiver.received.length, 1)
  await rename('Without', 'another-chain')
  await gitlab.settled()
  t.equal(receiver.received.length, 2)
})

t.test('failures disable a hook until a test succeeds, and nothing is sent again', async (t) => {
  let now = new Date('2026-03-01T12:00:00Z')
  const story = await startStory(t, { version: '17.4', now: () => now })
  const { gitlab, maintainer, project } = story
  const mr = await openMergeRequest(story)
  const receiver = await startReceiver(t)
  const id = await addHook(story, receiver.url, { merge_requests_events: true })
  const hook = gitlab.state.hooks.get(id)
  const poke = async () => {
    gitlab.editMergeRequest(project.id, mr.iid, maintainer.id, { title: `Title ${receiver.received.length}` })
    await gitlab.settled()
  }

  receiver.status = 500
  for (let times = 0; times < 6; times += 1) await poke()
  t.equal(receiver.received.length, 4)
  t.match(hook, { alertStatus: 'temporarily_disabled', disabledUntil: new Date('2026-03-01T12:01:00Z') })
  now = new Date('2026-03-01T12:01:01Z')
  receiver.status = 404
  await poke()
  await poke()
  t.equal(receiver.received.length, 5)
  t.equal(hook?.alertStatus, 'disabled')
  receiver.status = 200
  const path = `/projects/${project.id}/hooks/${id}/test/merge_requests_events`
  t.equal((await call(gitlab, maintainer.token, 'POST', path)).status, 201)
  t.match(hook, { alertStatus: 'executable', failures: 0 })
})

t.test('since 17.11 forty failures disable a hook for good', async (t) => {
  let now = new Date('2026-03-01T12:00:00Z')
  const story = await startStory(t, { version: '18.4', now: () => now })
  const { gitlab, maintainer, project } = story
  const mr = await openMergeRequest(story)
  const receiver = await startReceiver(t)
  receiver.status = 404
  const id = await addHook(story, receiver.url, { merge_requests_events: true })
  const path = `/projects/${project.id}/hooks/${id}`
  const shown = async () => (await call(gitlab, maintainer.token, 'GET', path)).json
  const fail = async () => {
    now = new Date(now.getTime() + 86_400_001)
    gitlab.editMergeRequest(project.id, mr.iid, maintainer.id, { title: `Title ${now.getTime()}` })
    await gitlab.settled()
  }

  for (let times = 0; times < 4; times += 1) await fail()
  const disabledUntil = new Date(now.getTime() + 60_000).toISOString()
  t.match(await shown(), { alert_status: 'temporarily_disabled', disabled_until: disabledUntil })
  for (let times = 4; times < 41; times += 1) await fail()
  t.equal(receiver.received.length, 40)
  t.match(await shown(), { alert_status: 'disabled', disabled_until: null })
  receiver.status = 200
  await call(gitlab, maintainer.token, 'POST', `${path}/test/merge_requests_events`)
  t.match(await shown(), { alert_status: 'executable' })
})

t.test('a chain is known for half an hour, and calls no more than a hundred hooks', (t) => {
  let now = new Date('2026-03-01T12:00:00Z')
  const chains = createChains(() => now)

  t.ok(chains.admit('one', 0))
  t.notOk(chains.admit('one', 0))
  t.ok(chains.admit('two', 0))
  for (let hook = 1; hook < 100; hook += 1) t.ok(chains.admit('one', hook))
  t.notOk(chains.admit('one', 100))
  now = new Date('2026-03-01T12:30:01Z')
  t.ok(chains.admit('one', 0))
  t.end()
})

t.test('a group above its limit loses deliveries, of all its projects', async (t) => {
  let now = new Date('2026-03-01T12:00:00Z')
  const story = await startStory(t, { hooksPerMinute: 2, now: () => now })
  const { gitlab, project, maintainer } = story
  const mr = await openMergeRequest(story)
  const receiver = await startReceiver(t)
  await addHook(story, receiver.url, { merge_requests_events: true })
  const poke = async (title: string) => {
    gitlab.editMergeRequest(project.id, mr.iid, maintainer.id, { title })
    await gitlab.settled()
  }

  for (const title of ['one', 'two', 'three']) await poke(title)
  t.equal(receiver.received.length, 2)
  t.same(
    gitlab.hooks.deliveries.map((delivery) => delivery.dropped),
    [false, false, true],
  )
  now = new Date('2026-03-01T12:01:00Z')
  await poke('four')
  t.equal(receiver.received.length, 3)
})

t.test('in silent mode nothing is sent', async (t) => {
  const story = await startStory(t)
  const { gitlab, maintainer, project } = story
  const receiver = await startReceiver(t)
  const id = await addHook(story, receiver.url, { merge_requests_events: true })
  gitlab.hooks.silent = true

  await openMergeRequest(story)
  await gitlab.settled()
  const path = `/projects/${project.id}/hooks/${id}/test/merge_requests_events`
  const tested = await call(gitlab, maintainer.token, 'POST', path)

  t.match(tested, { status: 422, json: { message: /Silent mode/ } })
  t.equal(receiver.received.length, 0)
})

t.test('a push of more than three branches is silent', async (t) => {
  const story = await startStory(t)
  const receiver = await startReceiver(t)
  await addHook(story, receiver.url, { push_events: true })
  const folder = t.testdir({})
  const url = story.project.httpUrl.replace('http://', `http://ada:${story.author.token}@`)
  const git = (...args: string[]) => run('git', args, { cwd: folder, env: gitEnvironment() })
  await git('clone', '--quiet', url, '.')

  await git('push', '--quiet', 'origin', 'main:one', 'main:two', 'main:three')
  await story.gitlab.settled()
  t.equal(receiver.received.length, 3)
  await git('push', '--quiet', 'origin', 'main:four', 'main:five', 'main:six', 'main:seven')
  await story.gitlab.settled()
  t.equal(receiver.received.length, 3)
})
