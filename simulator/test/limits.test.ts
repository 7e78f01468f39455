import t from 'tap'

import { call, openMergeRequest, startStory } from './helper.js'

t.test('the throttle tells its state on every answer, also on refusals', async (t) => {
  const { gitlab, bot, project } = await startStory(t, { apiLimit: { requests: 4, periodSeconds: 60 } })
  const ask = (path: string) => call(gitlab, bot.token, 'GET', path)

  const answers = [await ask('/user'), await ask('/projects/999'), await ask(`/projects/${project.id}/hooks`)]
  await ask('/user')
  const refused = await ask('/user')

  t.same(
    answers.map(({ status, headers }) => [status, headers.get('ratelimit-remaining')]),
    [
      [200, '3'],
      [404, '2'],
      [403, '1'],
    ],
  )
  t.match(refused, { status: 429, text: 'Retry later\n' })
  t.match(refused.headers.get('content-type'), 'text/plain')
  t.match(refused.headers.get('ratelimit-name'), 'throttle_authenticated_api')
  for (const name of ['limit', 'observed', 'remaining', 'reset', 'resettime'])
    t.ok(refused.headers.get(`ratelimit-${name}`), name)
})

t.test('the throttle counts each person alone, and opens again', async (t) => {
  let now = new Date('2026-03-01T12:00:00Z')
  const limit = { requests: 1, periodSeconds: 60 }
  const { gitlab, bot, author } = await startStory(t, { apiLimit: limit, now: () => now })
  const ask = async (token: string) => (await call(gitlab, token, 'GET', '/user')).status

  t.same([await ask(bot.token), await ask(bot.token), await ask(author.token)], [200, 429, 200])
  now = new Date('2026-03-01T12:01:00Z')
  t.equal(await ask(bot.token), 200)
})

t.test('the limits of gitlab.com', async (t) => {
  const now = new Date('2026-03-01T12:00:00Z')
  const story = await startStory(t, { limits: 'gitlab.com', now: () => now })
  const { gitlab, bot, project } = story
  const mr = await openMergeRequest(story)
  const path = `/projects/${project.id}/merge_requests/${mr.iid}/notes`
  const statuses: number[] = []

  for (let made = 0; made < 61; made += 1) {
    statuses.push((await call(gitlab, bot.token, 'POST', path, { body: `${made}` })).status)
  }
  const last = await call(gitlab, bot.token, 'POST', path, { body: 'one more' })
  const anonymous = await call(gitlab, null, 'GET', '/projects')
  const invalid = await call(gitlab, 'wrong', 'GET', '/user')

  t.equal(statuses.filter((status) => status === 201).length, 60)
  t.match(last, { status: 429, json: { message: { error: /too many times/ } } })
  t.equal(last.headers.get('retry-after'), null)
  t.equal(last.headers.get('ratelimit-limit'), '2000')
  t.match(Object.fromEntries(anonymous.headers), { 'ratelimit-limit': '500', 'ratelimit-observed': '1' })
  t.match(invalid, { status: 401 })
  t.equal(invalid.headers.get('ratelimit-observed'), '2')
})

t.test('an endpoint can have its own limit', async (t) => {
  const now = new Date('2026-03-01T12:00:00Z')
  const { gitlab, bot, author, project } = await startStory(t, { limits: 'gitlab.com', now: () => now })
  const ask = (token: string) =>
    call(gitlab, token, 'POST', `/projects/${project.id}/pipeline`, { ref: 'main' })

  for (let times = 0; times < 25; times += 1) t.not((await ask(bot.token)).status, 429)
  t.match(await ask(bot.token), { status: 429, json: { message: { error: /too many times/ } } })
  t.not((await ask(author.token)).status, 429)
})

t.test('as GitLab is installed, nothing stands in front of the API', async (t) => {
  const { gitlab, bot } = await startStory(t)

  const answer = await call(gitlab, bot.token, 'GET', '/user')

  t.equal(answer.headers.get('ratelimit-limit'), null)
})
