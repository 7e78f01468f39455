import t from 'tap'

import type { Answer } from './helper.js'
import { call, openMergeRequest, startStory, type Story } from './helper.js'
import { addHook, startReceiver } from './receiver.js'

interface Event {
  id: number
  trigger: string
  response_status: string
  request_headers: Record<string, string>
}

function ask(story: Story, method: string, path: string): Promise<Answer> {
  return call(story.gitlab, story.maintainer.token, method, `/projects/${story.project.id}/hooks/${path}`)
}

async function listEvents(story: Story, path: string): Promise<Event[]> {
  return (await ask(story, 'GET', path)).json as Event[]
}

t.test('the log tells what was sent and answered, without the secret', async (t) => {
  const story = await startStory(t)
  const receiver = await startReceiver(t)
  const id = await addHook(story, receiver.url, { merge_requests_events: true, token: 'top-secret' })
  await openMergeRequest(story)
  await story.gitlab.settled()

  const answer = await ask(story, 'GET', `${id}/events`)

  t.match(answer.json, [
    {
      id: Number,
      url: receiver.url,
      trigger: 'merge_request_hooks',
      request_headers: {
        'X-Gitlab-Event': 'Merge Request Hook',
        'X-Gitlab-Token': '[REDACTED]',
        'Idempotency-Key': String,
      },
      request_data: { object_kind: 'merge_request' },
      response_status: '200',
      execution_duration: Number,
    },
  ])
  t.notMatch(answer.text, 'top-secret')
})

t.test('the log is paged, filtered by status, and kept for a week', async (t) => {
  let now = new Date('2026-03-01T12:00:00Z')
  const story = await startStory(t, { now: () => now })
  const { gitlab, project, maintainer } = story
  const mr = await openMergeRequest(story)
  const receiver = await startReceiver(t)
  const id = await addHook(story, receiver.url, { merge_requests_events: true })
  for (const status of [200, 404, 500]) {
    receiver.status = status
    gitlab.editMergeRequest(project.id, mr.iid, maintainer.id, { title: `Title ${status}` })
    await gitlab.settled()
  }
  const statuses = async (query: string) =>
    (await listEvents(story, `${id}/events?${query}`)).map((event) => event.response_status)

  t.same(await statuses(''), ['500', '404', '200'])
  t.same(await statuses('per_page=2&page=2'), ['200'])
  t.same(await statuses('status=successful'), ['200'])
  t.same(await statuses('status=client_failure'), ['404'])
  t.same(await statuses('status=server_failure'), ['500'])
  t.same(await statuses('status=404'), ['404'])
  t.equal((await ask(story, 'GET', `${id}/events?status=odd`)).status, 400)
  now = new Date('2026-03-08T12:00:01Z')
  t.same(await statuses(''), [])
})

t.test('a delivery without an answer is an internal error', async (t) => {
  const story = await startStory(t)
  const id = await addHook(story, 'http://127.0.0.1:1/hook', { merge_requests_events: true })
  await openMergeRequest(story)
  await story.gitlab.settled()

  const [event] = await listEvents(story, `${id}/events`)
  const resent = await ask(story, 'POST', `${id}/events/${event?.id}/resend`)

  t.equal(event?.response_status, 'internal error')
  t.equal(resent.status, 422)
})

t.test('a delivery is sent again with the same key, and is told and signed anew', async (t) => {
  let now = new Date('2026-03-01T12:00:00Z')
  const story = await startStory(t, { version: '19.0', now: () => now })
  const receiver = await startReceiver(t)
  const signing_token = `whsec_${Buffer.alloc(32, 7).toString('base64')}`
  const id = await addHook(story, receiver.url, { merge_requests_events: true, signing_token })
  await openMergeRequest(story)
  await story.gitlab.settled()
  const [event] = await listEvents(story, `${id}/events`)
  now = new Date('2026-03-01T13:00:00Z')
  receiver.status = 503

  const answer = await ask(story, 'POST', `${id}/events/${event?.id}/resend`)

  t.match(answer, { status: 201, json: { response_status: 503 } })
  const [first, second] = receiver.received
  t.equal(first?.raw, second?.raw)
  for (const same of ['idempotency-key', 'webhook-id', 'x-gitlab-event'])
    t.equal(first?.headers[same], second?.headers[same], same)
  for (const fresh of ['x-gitlab-webhook-uuid', 'webhook-signature'])
    t.not(first?.headers[fresh], second?.headers[fresh], fresh)
  t.equal(second?.headers['webhook-timestamp'], String(now.getTime() / 1000))
  t.equal((await listEvents(story, `${id}/events`)).length, 2)
})

t.test('a moved or disabled hook gets nothing again', async (t) => {
  const story = await startStory(t)
  const receiver = await startReceiver(t)
  const id = await addHook(story, receiver.url, { merge_requests_events: true })
  await openMergeRequest(story)
  await story.gitlab.settled()
  const [event] = await listEvents(story, `${id}/events`)
  const hook = story.gitlab.state.hooks.get(id)
  const resend = () => ask(story, 'POST', `${id}/events/${event?.id}/resend`)

  Object.assign(hook ?? {}, { alertStatus: 'disabled' })
  t.match(await resend(), { status: 422, json: { message: 'Hook disabled' } })
  Object.assign(hook ?? {}, { alertStatus: 'executable', url: `${receiver.url}/2` })
  t.match(await resend(), { status: 422, json: { message: /URL has changed/ } })
  t.equal((await ask(story, 'POST', `${id}/events/999/resend`)).status, 404)
  t.equal(receiver.received.length, 1)
})

t.test('five tests and five resends a minute', async (t) => {
  let now = new Date('2026-03-01T12:00:00Z')
  const story = await startStory(t, { now: () => now })
  const receiver = await startReceiver(t)
  const id = await addHook(story, receiver.url)
  const test = () => ask(story, 'POST', `${id}/test/push_events`)

  for (let times = 0; times < 5; times += 1) t.match(await test(), { json: { message: '201 Created' } })
  const sixth = await test()
  const [event] = await listEvents(story, `${id}/events`)
  const resend = () => ask(story, 'POST', `${id}/events/${event?.id}/resend`)
  for (let times = 0; times < 5; times += 1) t.equal((await resend()).status, 201)

  t.match(sixth, { status: 429, json: { message: { error: /too many times/ } } })
  t.equal((await resend()).status, 429)
  t.equal(receiver.received.length, 10)
  now = new Date('2026-03-01T12:01:01Z')
  t.equal((await test()).status, 201)
})

t.test('a test that is refused tells so', async (t) => {
  const story = await startStory(t)
  const receiver = await startReceiver(t)
  const id = await addHook(story, receiver.url)
  receiver.status = 401

  t.equal((await ask(story, 'POST', `${id}/test/push_events`)).status, 422)
  t.equal((await ask(story, 'POST', `${id}/test/pipeline_events`)).status, 422)
  t.equal((await ask(story, 'POST', `${id}/test/odd_events`)).status, 400)
})

t.test('16.0 has none of it', async (t) => {
  const story = await startStory(t, { version: '16.0' })
  const id = await addHook(story, 'https://mlmm.example.com/hook')
  const unknown = { status: 404, json: { error: '404 Not Found' } }

  t.match(await ask(story, 'POST', `${id}/test/push_events`), unknown)
  t.match(await ask(story, 'GET', `${id}/events`), unknown)
  t.match(await ask(story, 'POST', `${id}/events/1/resend`), unknown)
})
