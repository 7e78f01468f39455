import t from 'tap'

import { createCast } from '../people.js'
import { startSimulator } from '../simulator.js'
import { call, type Answer } from './helper.js'

function ownersOf(answer: Answer): number[] {
  return (answer.json as { user_id: number }[]).map(({ user_id: id }) => id)
}

for (const version of ['16.0', '17.4', '18.4', '19.0'] as const) {
  const clock = { now: new Date('2026-05-04T08:00:00Z') }
  const gitlab = await startSimulator({ version, now: () => clock.now })
  t.teardown(() => gitlab.close())
  const cast = createCast(gitlab)
  const { maya, devon, ada } = cast
  const project = await gitlab.createProject({ path: 'research/iris', members: cast.members })
  const tokens = `/projects/${project.id}/access_tokens`
  const ask = (token: string, method: string, path: string, body?: unknown) =>
    call(gitlab, token, method, path, body)

  t.test(`a project access token is a bot that belongs to the project (${version})`, async (t) => {
    const wanted = { name: 'mlmm', scopes: ['api'], access_level: 30, expires_at: '2027-01-31' }
    const made = await ask(maya.token, 'POST', tokens, wanted)
    const { id, token, user_id: botId } = made.json as { id: number; token: string; user_id: number }
    const self = await ask(token, 'GET', '/user')
    const bot = gitlab.state.users.get(botId)

    t.match(made, {
      status: 201,
      json: {
        name: 'mlmm',
        scopes: ['api'],
        access_level: 30,
        expires_at: '2027-01-31',
        active: true,
        revoked: false,
        token: /^glpat-/,
      },
    })
    t.match(self.json, { id: botId, bot: true, name: 'mlmm', username: bot?.username ?? '' })
    t.match(bot?.username, new RegExp(`^project_${project.id}_bot_[0-9a-f]+$`))
    t.match(await ask(maya.token, 'GET', `/projects/${project.id}/members/all/${botId}`), {
      json: { access_level: 30, expires_at: '2027-01-31' },
    })
    t.equal((await ask(token, 'GET', `/projects/${project.id}`)).status, 200, 'it sees its project')
    const listed = await ask(maya.token, 'GET', tokens)
    t.match(listed.json, [{ id, name: 'mlmm', access_level: 30 }])
    t.notMatch(listed.text, /glpat-/, 'the value is told once')
    t.match(await ask(maya.token, 'GET', `${tokens}/${id}`), { json: { id } })

    t.equal((await ask(maya.token, 'DELETE', `${tokens}/${id}`)).status, 204)

    t.equal((await ask(token, 'GET', '/user')).status, 401)
    t.equal((await ask(maya.token, 'GET', `/projects/${project.id}/members/all/${botId}`)).status, 404)
    t.equal((await ask(maya.token, 'GET', `/users/${botId}`)).status, 404)
    t.same((await ask(maya.token, 'GET', tokens)).json, [])
    t.equal((await ask(maya.token, 'DELETE', `${tokens}/${id}`)).status, 404)
  })

  t.test(`a project access token needs a day to expire on and a maintainer (${version})`, async (t) => {
    const wanted = { name: 'mlmm', scopes: ['api'], access_level: 30, expires_at: '2027-01-31' }
    const { expires_at: _, ...lasting } = wanted
    const message = '400 Bad request - User does not have permission to create project access token'

    t.match(await ask(maya.token, 'POST', tokens, lasting), {
      status: 400,
      json: { error: 'expires_at is missing' },
    })
    for (const wrong of [
      { expires_at: '2026-05-04' },
      { expires_at: '2028-01-01' },
      { expires_at: 'soon' },
      { scopes: [] },
      { scopes: ['everything'] },
      { access_level: 50 },
    ]) {
      t.equal(
        (await ask(maya.token, 'POST', tokens, { ...wanted, ...wrong })).status,
        400,
        JSON.stringify(wrong),
      )
    }
    t.same((await ask(devon.token, 'POST', tokens, wanted)).json, { message })
    t.equal((await ask(devon.token, 'GET', tokens)).status, 401)
    t.equal((await ask(cast.otto.token, 'POST', tokens, wanted)).status, 404)
    t.equal([...gitlab.state.users.values()].filter((user) => user.bot && user.name === 'mlmm').length, 0)
  })

  t.test(`a project access token is rotated (${version})`, async (t) => {
    const wanted = { name: 'mlmm', scopes: ['api'], access_level: 30, expires_at: '2026-06-01' }
    const made = (await ask(maya.token, 'POST', tokens, wanted)).json as { id: number; token: string }
    const until = { expires_at: '2027-01-31' }

    const rotated = await ask(maya.token, 'POST', `${tokens}/${made.id}/rotate`, until)
    const next = rotated.json as { id: number; token: string }

    t.match(rotated, { status: 200, json: { expires_at: version === '16.0' ? '2026-05-11' : '2027-01-31' } })
    t.equal((await ask(made.token, 'GET', '/user')).status, 401, 'the one before has ended')
    t.equal((await ask(next.token, 'POST', `${tokens}/${next.id}/rotate`, until)).status, 401)
    const self = await ask(next.token, 'POST', `${tokens}/self/rotate`, until)
    t.equal(self.status, version === '16.0' || version === '17.4' ? 400 : 200)
    const last = self.status === 200 ? (self.json as { token: string }) : next
    t.equal((await ask(last.token, 'GET', '/user')).status, 200)
    t.equal((await ask(maya.token, 'POST', `${tokens}/${made.id}/rotate`)).status, 400)
    t.equal((await ask(last.token, 'GET', '/user')).status, 401, 'reuse ends the whole family')
    await ask(maya.token, 'DELETE', `${tokens}/${made.id}`)
  })

  t.test(`an administrator makes a token for somebody (${version})`, async (t) => {
    const path = `/users/${devon.id}/personal_access_tokens`
    const wanted = { name: 'ci', scopes: ['read_api'], expires_at: '2026-05-06' }
    const made = await ask(ada.token, 'POST', path, wanted)
    const { token } = made.json as { token: string }
    const own = () => ask(token, 'GET', '/personal_access_tokens/self')

    t.match(made, { status: 201, json: { name: 'ci', user_id: devon.id, expires_at: '2026-05-06' } })
    t.match(await own(), {
      status: 200,
      json: { name: 'ci', scopes: ['read_api'], user_id: devon.id, active: true, revoked: false },
    })
    t.notMatch((await own()).text, /glpat-/)
    t.equal((await ask(token, 'POST', '/projects', { name: 'x' })).status, 403, 'it may only read')
    t.equal((await ask(devon.token, 'POST', path, wanted)).status, 403)
    t.equal((await ask(ada.token, 'POST', '/users/999/personal_access_tokens', wanted)).status, 404)
    t.match((await ask(ada.token, 'POST', path, { name: 'year', scopes: ['api'] })).json, {
      expires_at: '2027-05-04',
    })
    t.equal((await ask(ada.token, 'POST', path, { name: 'x', scopes: ['no'] })).status, 400)

    clock.now = new Date('2026-05-05T23:59:59Z')
    t.equal((await own()).status, 200)
    clock.now = new Date('2026-05-06T00:00:00Z')
    t.match(await own(), { status: 401, json: { error: 'invalid_token', error_description: /expired/ } })
    clock.now = new Date('2026-05-04T08:00:00Z')
  })

  t.test(`tokens are listed by and revoked for their owner (${version})`, async (t) => {
    const token = gitlab.createToken(devon.id, { name: 'mine', scopes: ['read_user'] })
    const listed = await ask(devon.token, 'GET', '/personal_access_tokens')
    const own = (listed.json as { id: number; name: string }[]).find(({ name }) => name === 'mine')

    t.ok(ownersOf(listed).every((id) => id === devon.id))
    t.ok(ownersOf(await ask(ada.token, 'GET', '/personal_access_tokens')).includes(maya.id))
    t.equal((await ask(devon.token, 'GET', `/personal_access_tokens?user_id=${maya.id}`)).status, 401)
    t.equal((await ask(maya.token, 'DELETE', `/personal_access_tokens/${own?.id}`)).status, 404)
    t.match(
      await ask(token, 'GET', '/personal_access_tokens/self'),
      { json: { name: 'mine' } },
      'in any scope',
    )
    t.equal((await ask(token, 'DELETE', '/personal_access_tokens/self')).status, 204)
    t.match(await ask(token, 'GET', '/user'), { status: 401, json: { error_description: /revoked/ } })
  })
}

t.test('an instance may have no project access tokens', async (t) => {
  const gitlab = await startSimulator({ projectAccessTokens: false })
  t.teardown(() => gitlab.close())
  const cast = createCast(gitlab)
  const project = await gitlab.createProject({ path: 'research/iris', members: cast.members })
  const wanted = { name: 'mlmm', scopes: ['api'], expires_at: '2999-01-01' }

  for (const who of [cast.maya, cast.ada]) {
    t.match(await call(gitlab, who.token, 'POST', `/projects/${project.id}/access_tokens`, wanted), {
      status: 400,
      json: { message: '400 Bad request - User does not have permission to create project access token' },
    })
  }
})

t.test('what a deleted bot has written stays, by the ghost user', async (t) => {
  const gitlab = await startSimulator()
  t.teardown(() => gitlab.close())
  const cast = createCast(gitlab)
  const project = await gitlab.createProject({ path: 'research/iris', members: cast.members })
  const commit = { projectId: project.id, userId: cast.devon.id }
  await gitlab.pushFiles({ ...commit, branch: 'main', files: { a: '1' } })
  await gitlab.pushFiles({ ...commit, branch: 'try', files: { a: '2' }, startBranch: 'main' })
  const mr = await gitlab.createMergeRequest({
    ...commit,
    sourceBranch: 'try',
    targetBranch: 'main',
    title: 'Try',
  })
  const tokens = `/projects/${project.id}/access_tokens`
  const expires = new Date(Date.now() + 30 * 86_400_000).toISOString().slice(0, 10)
  const wanted = { name: 'mlmm', scopes: ['api'], access_level: 30, expires_at: expires }
  const { json } = await call(gitlab, cast.maya.token, 'POST', tokens, wanted)
  const { id, token } = json as { id: number; token: string }
  const notes = `/projects/${project.id}/merge_requests/${mr.iid}/notes`
  t.equal((await call(gitlab, token, 'POST', notes, { body: 'Better' })).status, 201)

  await call(gitlab, cast.maya.token, 'DELETE', `${tokens}/${id}`)

  t.match((await call(gitlab, cast.maya.token, 'GET', `${notes}?sort=asc`)).json, [
    { body: 'Better', author: { username: 'ghost' } },
  ])
})
