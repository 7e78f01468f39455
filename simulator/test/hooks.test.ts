import { readFile } from 'node:fs/promises'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import { createHmac } from 'node:crypto'
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'

import { gitEnvironment } from '../git/git.js'
import { signatureHeaders } from '../hooks/requests.js'
import { call, openMergeRequest, startStory, type Story } from './helper.js'

const run = promisify(execFile)

interface Received {
  headers: IncomingHttpHeaders
  body: Record<string, unknown>
  raw: string
}

interface Receiver {
  url: string
  received: Received[]
  status: number
}

async function startReceiver(t: Test): Promise<Receiver> {
  const receiver: Receiver = { url: '', received: [], status: 200 }
  const server = createServer((request, reply) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const raw = Buffer.concat(chunks).toString()
      receiver.received.push({
        headers: request.headers,
        raw,
        body: JSON.parse(raw) as Record<string, unknown>,
      })
      reply.writeHead(receiver.status).end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  receiver.url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/hook`
  return receiver
}

async function addHook(story: Story, url: string, fields: Record<string, unknown> = {}): Promise<number> {
  const answer = await call(
    story.gitlab,
    story.maintainer.token,
    'POST',
    `/projects/${story.project.id}/hooks`,
    {
      url,
      push_events: false,
      ...fields,
    },
  )
  return (answer.json as { id: number }).id
}

t.test('hooks are for maintainers, and secrets are never shown', async (t) => {
  const story = await startStory(t)
  const { gitlab, bot, maintainer, project } = story
  const hooks = `/projects/${project.id}/hooks`
  const url = 'https://mlmm.example.com/webhooks/gitlab'

  const refused = await call(gitlab, bot.token, 'POST', hooks, { url })
  const made = await call(gitlab, maintainer.token, 'POST', hooks, {
    url,
    token: 'secret',
    push_events: false,
    pipeline_events: true,
  })
  const { id } = made.json as { id: number }
  const list = await call(gitlab, maintainer.token, 'GET', hooks)
  const invalid = await call(gitlab, maintainer.token, 'POST', hooks, { url: 'mlmm' })
  await call(gitlab, maintainer.token, 'PUT', `${hooks}/${id}`, { url: `${url}/2` })
  const removed = await call(gitlab, maintainer.token, 'DELETE', `${hooks}/${id}`, {})

  t.equal(refused.status, 403)
  t.match(made, {
    status: 201,
    json: { url, push_events: false, pipeline_events: true, alert_status: 'executable' },
  })
  t.notMatch(list.text, 'secret')
  t.equal(invalid.status, 422)
  t.equal(removed.status, 204)
  t.equal(gitlab.state.hooks.size, 0)
})

t.test('a changed address resets the secret', async (t) => {
  const story = await startStory(t)
  const id = await addHook(story, 'https://one.example.com', { token: 'secret' })
  const path = `/projects/${story.project.id}/hooks/${id}`
  const put = (body: unknown) => call(story.gitlab, story.maintainer.token, 'PUT', path, body)

  await put({ url: 'https://one.example.com' })
  t.equal(story.gitlab.state.hooks.get(id)?.token, 'secret')
  await put({ url: 'https://two.example.com' })
  t.equal(story.gitlab.state.hooks.get(id)?.token, null)
})

t.test('pushes, merge requests and pipelines are told, with all headers', async (t) => {
  const story = await startStory(t, { version: '18.4' })
  const { gitlab, project, author } = story
  const receiver = await startReceiver(t)
  const events = { push_events: true, merge_requests_events: true, pipeline_events: true, token: 's3cret' }
  await addHook(story, receiver.url, events)

  const mr = await openMergeRequest(story)
  const old = mr.sha
  await gitlab.settled()
  await gitlab.pushFiles({ projectId: project.id, branch: 'feature', files: { x: '<&>' }, userId: author.id })
  await gitlab.settled()
  const { jobs } = gitlab.createPipeline({ projectId: project.id, mrIid: mr.iid, jobs: [{ name: 'train' }] })
  gitlab.setJobStatus(jobs[0]?.id ?? 0, 'running')
  gitlab.setJobStatus(jobs[0]?.id ?? 0, 'success')
  await gitlab.settled()

  const kinds = receiver.received.map(({ body }) => {
    const { action, status } =
      (body['object_attributes'] as { action?: string; status?: string } & object) ?? {}
    return [body['object_kind'], action ?? status].filter(Boolean).join(' ')
  })
  t.same(kinds.toSorted(), [
    'merge_request open',
    'merge_request update',
    'pipeline created',
    'pipeline pending',
    'pipeline running',
    'pipeline success',
    'push',
    'push',
  ])
  const update = receiver.received.find(({ raw }) => raw.includes('"action":"update"'))
  t.match(update?.body, {
    object_attributes: { oldrev: old, last_commit: { id: mr.sha } },
    project: { id: project.id },
  })
  t.match(update?.headers, {
    'user-agent': 'GitLab/18.4.2',
    'x-gitlab-event': 'Merge Request Hook',
    'x-gitlab-token': 's3cret',
    'x-gitlab-instance': gitlab.url,
    'x-gitlab-event-uuid': String,
    'x-gitlab-webhook-uuid': String,
    'idempotency-key': String,
  })
  const done = receiver.received.find(({ raw }) => raw.includes('"status":"success"'))
  t.match(done?.body, {
    object_attributes: { ref: 'feature', sha: mr.sha, source: 'merge_request_event' },
    merge_request: { iid: mr.iid, target_project_id: project.id },
    builds: [{ name: 'train', status: 'success' }],
    commit: { id: mr.sha },
  })
})

t.test('old versions send fewer headers', async (t) => {
  const story = await startStory(t, { version: '16.0' })
  const receiver = await startReceiver(t)
  await addHook(story, receiver.url, { merge_requests_events: true })

  await openMergeRequest(story)
  await story.gitlab.settled()

  const headers = receiver.received[0]?.headers ?? {}
  t.ok(headers['x-gitlab-event-uuid'])
  for (const name of ['x-gitlab-webhook-uuid', 'idempotency-key', 'webhook-signature'])
    t.notOk(headers[name], name)
})

t.test('since 19.0 deliveries are signed', async (t) => {
  const story = await startStory(t, { version: '19.0' })
  const receiver = await startReceiver(t)
  const key = Buffer.alloc(32, 7)
  const signing = { signing_token: `whsec_${key.toString('base64')}`, merge_requests_events: true }
  await addHook(story, receiver.url, signing)

  await openMergeRequest(story)
  await story.gitlab.settled()

  const [{ headers, raw } = { headers: {} as IncomingHttpHeaders, raw: '' }] = receiver.received
  const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${raw}`
  t.equal(headers['webhook-signature'], `v1,${createHmac('sha256', key).update(signed).digest('base64')}`)
  t.equal(headers['webhook-id'], headers['idempotency-key'])
})

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

t.test('a delivery is sent again with the same key and another UUID', async (t) => {
  const story = await startStory(t)
  const { gitlab, maintainer, project } = story
  const receiver = await startReceiver(t)
  const id = await addHook(story, receiver.url, { merge_requests_events: true })
  await openMergeRequest(story)
  await gitlab.settled()
  const events = await call(gitlab, maintainer.token, 'GET', `/projects/${project.id}/hooks/${id}/events`)
  const [event] = events.json as { id: number; response_status: string }[]

  const path = `/projects/${project.id}/hooks/${id}/events/${event?.id}/resend`
  const answer = await call(gitlab, maintainer.token, 'POST', path)

  t.equal(event?.response_status, '200')
  t.match(answer.json, { response_status: 200 })
  const [first, second] = receiver.received
  t.equal(first?.raw, second?.raw)
  t.equal(first?.headers['idempotency-key'], second?.headers['idempotency-key'])
  t.not(first?.headers['x-gitlab-webhook-uuid'], second?.headers['x-gitlab-webhook-uuid'])
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

t.test('the signature is that of the documented vector', async (t) => {
  const file = new URL('./fixtures/webhook-signature-19.0.json', import.meta.url)
  const vector = JSON.parse(await readFile(file, 'utf8')) as {
    signing_token: string
    headers: Record<string, string>
    raw_body: string
  }
  const { 'webhook-id': id = '', 'webhook-timestamp': timestamp = '' } = vector.headers

  t.match(signatureHeaders(vector.signing_token, id, timestamp, vector.raw_body), {
    'webhook-signature': vector.headers['webhook-signature'],
  })
})
