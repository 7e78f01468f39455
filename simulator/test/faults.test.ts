import t from 'tap'

import { badGateway, requestedTooManyTimes, retryLater, statusInProgress, tooManyJobs } from '../faults.js'
import { call, openMergeRequest, startStory } from './helper.js'

const story = await startStory(t)
const { gitlab, bot, project } = story
const mr = await openMergeRequest(story)
const notes = `/projects/${project.id}/merge_requests/${mr.iid}/notes`
const route = '/projects/:id/merge_requests/:iid/notes'

t.afterEach(() => gitlab.faults.clear())

function countNotes(): number {
  return gitlab.listNotes(project.id, mr.iid).length
}

t.test('an answer can replace the effect, a number of times', async (t) => {
  const fault = gitlab.faults.add({ method: 'POST', route, times: 1, ...retryLater(7) })
  const before = countNotes()

  const limited = await call(gitlab, bot.token, 'POST', notes, { body: 'x' })
  const made = await call(gitlab, bot.token, 'POST', notes, { body: 'x' })

  t.equal(limited.status, 429)
  t.equal(limited.headers.get('retry-after'), '7')
  t.equal(limited.text, 'Retry later\n')
  t.equal(made.status, 201)
  t.equal(countNotes(), before + 1)
  t.equal(fault.hits(), 1)
})

t.test('limits inside GitLab answer with JSON and no headers', async (t) => {
  gitlab.faults.add({ route: /\/notes$/, ...requestedTooManyTimes })

  const answer = await call(gitlab, bot.token, 'POST', notes, { body: 'x' })

  t.match(answer, { status: 429, json: { message: { error: /too many times/ } } })
  t.equal(answer.headers.get('retry-after'), null)
})

t.test('a commit status can meet a lock, or a pipeline that is full', async (t) => {
  const statuses = '/projects/:id/statuses/:sha'
  const before = gitlab.state.jobs.size
  const post = () =>
    call(gitlab, bot.token, 'POST', `/projects/${project.id}/statuses/${mr.sha}`, { state: 'success' })
  gitlab.faults.add({ method: 'POST', route: statuses, times: 1, ...statusInProgress })
  const locked = await post()
  gitlab.faults.add({ method: 'POST', route: statuses, times: 1, ...tooManyJobs })
  const full = await post()

  t.match(locked, { status: 409, json: { message: /is in progress/ } })
  t.match(full, { status: 422, json: { message: /exceeded the limit/ } })
  t.equal(gitlab.state.jobs.size, before)
  t.equal((await post()).status, 201)
})

t.test('the connection can be cut after the effect', async (t) => {
  gitlab.faults.add({ method: 'POST', route, cutAfterEffect: true })
  const before = countNotes()
  gitlab.clearCalls()

  await t.rejects(call(gitlab, bot.token, 'POST', notes, { body: 'cut' }))

  t.equal(countNotes(), before + 1)
  t.match(gitlab.calls, [{ method: 'POST', route, status: null, userId: bot.id }])
})

t.test('the connection can be cut before the effect', async (t) => {
  gitlab.faults.add({ method: 'POST', route, cutBeforeEffect: true })
  const before = countNotes()

  await t.rejects(call(gitlab, bot.token, 'POST', notes, { body: 'cut' }))

  t.equal(countNotes(), before)
})

t.test('an error can be answered after the effect', async (t) => {
  gitlab.faults.add({ method: 'POST', route, answerAfterEffect: badGateway })
  const before = countNotes()

  const answer = await call(gitlab, bot.token, 'POST', notes, { body: 'x' })

  t.equal(answer.status, 502)
  t.match(answer.headers.get('content-type'), 'text/html')
  t.match(answer.text, /^<!DOCTYPE html>/)
  t.equal(countNotes(), before + 1)
})

t.test('a chance strikes the same requests in every run', async (t) => {
  const strikes: boolean[][] = []
  for (let round = 0; round < 2; round += 1) {
    gitlab.faults.clear()
    gitlab.faults.add({ route: '/user', probability: 0.3, seed: 7, status: 500 })
    const answers = []
    for (let at = 0; at < 20; at += 1)
      answers.push((await call(gitlab, bot.token, 'GET', '/user')).status === 500)
    strikes.push(answers)
  }

  t.same(strikes[0], strikes[1])
  const hit = strikes[0]?.filter(Boolean).length ?? 0
  t.ok(hit > 1 && hit < 15, `${hit} of 20`)
})

t.test('bodies can be empty, slow and late', async (t) => {
  gitlab.faults.add({
    route: '/user',
    times: 1,
    status: 200,
    body: '',
    headers: { 'content-type': 'application/json' },
  })
  const empty = await call(gitlab, bot.token, 'GET', '/user')
  gitlab.faults.add({ route: '/user', times: 1, slowBodyMs: 50, delayMs: 50 })
  const started = performance.now()
  const slow = await call(gitlab, bot.token, 'GET', '/user')

  t.match(empty, { status: 200, text: '' })
  t.match(slow, { status: 200, json: { id: bot.id } })
  t.ok(performance.now() - started >= 99)
})

t.test('calls are recorded with who made them and why', async (t) => {
  gitlab.clearCalls()

  await fetch(`${gitlab.url}/api/v4/user?x=1`, {
    headers: { 'private-token': bot.token, 'x-gitlab-event-uuid': 'chain-1' },
  })
  await call(gitlab, null, 'GET', '/user')

  t.match(gitlab.calls, [
    {
      method: 'GET',
      route: '/user',
      path: '/api/v4/user?x=1',
      status: 200,
      userId: bot.id,
      eventUuid: 'chain-1',
    },
    { status: 401, userId: null, eventUuid: null },
  ])
})

t.test('a throttle in front of the API shows its state in headers', async (t) => {
  const strict = await startStory(t, { apiLimit: { requests: 2, periodSeconds: 60 } })
  const ask = () => call(strict.gitlab, strict.bot.token, 'GET', '/user')

  const first = await ask()
  await ask()
  const third = await ask()

  t.equal(first.headers.get('ratelimit-remaining'), '1')
  t.equal(third.status, 429)
  t.equal(third.text, 'Retry later\n')
  t.ok(Number(third.headers.get('retry-after')) > 0)
})
