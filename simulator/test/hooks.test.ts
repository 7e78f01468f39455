import { readFile } from 'node:fs/promises'
import type { IncomingHttpHeaders } from 'node:http'
import { createHmac } from 'node:crypto'
import t from 'tap'

import { signatureHeaders } from '../hooks/requests.js'
import { call, openMergeRequest, startStory } from './helper.js'
import { addHook, startReceiver } from './receiver.js'

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

t.test('without the flag a signing token is ignored', async (t) => {
  const story = await startStory(t, { version: '19.0', webhookSigning: false })
  const { gitlab, maintainer, project } = story
  const receiver = await startReceiver(t)
  const signing_token = `whsec_${Buffer.alloc(32, 7).toString('base64')}`
  const id = await addHook(story, receiver.url, {
    signing_token,
    token: 'secret',
    merge_requests_events: true,
  })

  await openMergeRequest(story)
  await gitlab.settled()
  const shown = await call(gitlab, maintainer.token, 'GET', `/projects/${project.id}/hooks/${id}`)

  t.match(shown.json, { token_present: true, signing_token_present: false })
  t.equal(receiver.received[0]?.headers['x-gitlab-token'], 'secret')
  t.notOk(receiver.received[0]?.headers['webhook-signature'])
})

t.test('a signing token is 32 bytes in base64, and is lost with the address', async (t) => {
  const story = await startStory(t, { version: '19.0' })
  const { gitlab, maintainer, project } = story
  const url = 'https://mlmm.example.com/hook'
  const signing_token = `whsec_${Buffer.alloc(32, 7).toString('base64')}`
  const path = `/projects/${project.id}/hooks/${await addHook(story, url, { signing_token })}`
  const put = (body: object) => call(gitlab, maintainer.token, 'PUT', path, body)

  const kept = await put({ url })
  const short = await put({ url, signing_token: 'whsec_c2hvcnQ=' })
  const moved = await put({ url: `${url}/2` })

  t.match(kept.json, { signing_token_present: true, token_present: false })
  t.notMatch(kept.text, signing_token)
  t.equal(short.status, 422)
  t.match(moved.json, { signing_token_present: false })
})

t.test('local addresses can be refused, and a project has a hundred hooks', async (t) => {
  const ask = async (version: '16.0' | '18.4', url: string) => {
    const { gitlab, maintainer, project } = await startStory(t, { version, allowLocalHooks: false })
    return call(gitlab, maintainer.token, 'POST', `/projects/${project.id}/hooks`, { url })
  }
  const story = await startStory(t)
  const { gitlab, maintainer, project } = story

  for (let made = 0; made < 100; made += 1) await addHook(story, `https://mlmm.example.com/${made}`)
  const hooks = `/projects/${project.id}/hooks`
  const excess = await call(gitlab, maintainer.token, 'POST', hooks, { url: 'https://mlmm.example.com' })

  t.match(excess, { status: 422, json: { message: { base: [/\(100\) exceeded/] } } })
  t.match(await ask('18.4', 'http://127.0.0.1:8000/hook'), {
    status: 422,
    json: { message: { url: [/blocked: Requests to localhost/] } },
  })
  t.match(await ask('18.4', 'http://192.168.1.2/hook'), {
    status: 422,
    json: { message: { url: [/blocked: Requests to the local network/] } },
  })
  t.match(await ask('16.0', 'http://localhost/hook'), { status: 422, json: { error: 'Invalid url given' } })
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
