import t from 'tap'

import { retryLater } from '../faults.js'
import { call, openMergeRequest, startStory } from './helper.js'

const story = await startStory(t)
const { gitlab, bot, author, maintainer, project } = story
const mr = await openMergeRequest(story)
const path = `/projects/${project.id}/merge_requests/${mr.iid}`

t.test('parameters that nobody knows are ignored, in JSON, in forms and in the query', async (t) => {
  const json = await call(gitlab, bot.token, 'POST', `${path}/notes?unknown=1`, {
    body: 'JSON',
    unknown: [1],
  })
  const form = await fetch(`${gitlab.url}/api/v4${path}/notes`, {
    method: 'POST',
    headers: { 'private-token': bot.token },
    body: new URLSearchParams({ body: 'Form', unknown: '1' }),
  })
  const { id } = json.json as { id: number }
  const edited = await call(gitlab, bot.token, 'PUT', `${path}/notes/${id}`, { body: 'Edited', unknown: {} })
  const deleted = await call(gitlab, bot.token, 'DELETE', `${path}/notes/${id}`, { unknown: true })

  t.match(json, { status: 201, json: { body: 'JSON' } })
  t.equal(form.status, 201)
  t.match(edited, { status: 200, json: { body: 'Edited' } })
  t.equal(deleted.status, 204)
})

t.test('errors have four shapes', async (t) => {
  gitlab.faults.add({ route: '/user', times: 1, ...retryLater(1) })
  const message = await call(gitlab, bot.token, 'GET', '/projects/999')
  const fields = await call(gitlab, bot.token, 'POST', `/projects/${project.id}/statuses/${mr.sha}`, {
    state: 'success',
    target_url: 'ftp://x',
  })
  const error = await call(gitlab, bot.token, 'POST', `${path}/notes`, {})
  const plain = await call(gitlab, bot.token, 'GET', '/user')

  t.same(message.json, { message: '404 Project Not Found' })
  t.match(fields.json, { message: { target_url: Array } })
  t.same(error.json, { error: 'body is missing' })
  t.equal(plain.json, null)
  t.equal(plain.text, 'Retry later\n')
})

t.test('a body that is not JSON is refused', async (t) => {
  const answer = await fetch(`${gitlab.url}/api/v4${path}/notes`, {
    method: 'POST',
    headers: { 'private-token': bot.token, 'content-type': 'application/json' },
    body: '{',
  })

  t.equal(answer.status, 400)
})

t.test('a request is closed, opened again and locked while it is merged', async (t) => {
  const states = async (query: string) => {
    const answer = await call(
      gitlab,
      bot.token,
      'GET',
      `/projects/${project.id}/merge_requests?state=${query}`,
    )
    return (answer.json as { state: string }[]).map(({ state }) => state)
  }
  const put = (event: string) => call(gitlab, author.token, 'PUT', path, { state_event: event })

  t.match((await put('close')).json, { state: 'closed' })
  t.same([await states('opened'), await states('closed')], [[], ['closed']])
  t.match((await put('reopen')).json, { state: 'opened' })
  const held = gitlab.state.mergeRequests.get(mr.id)
  Object.assign(held ?? {}, { state: 'locked' })
  t.same(await states('locked'), ['locked'])
  const merge = await call(gitlab, maintainer.token, 'PUT', `${path}/merge`, {})
  t.equal(merge.status, 405)
})
