import t from 'tap'
import { call, makeToken } from '../support/people.js'
import { startTestService } from '../support/service.js'
import { signIn } from '../support/sign-in.js'

const clock = { aheadMs: 0 }
const service = await startTestService(t, {
  worker: false,
  clock: () => new Date(Date.now() + clock.aheadMs),
})
const { simulator, maintainer, stores } = service
const lifeMs = 3_600_000
const token = await makeToken(service, maintainer.id, { lifeMs })
const dora = await person('dora')

async function person(username: string) {
  const { id } = simulator.createUser({ username, name: username })
  return { id, token: await makeToken(service, id, { lifeMs }) }
}

function api(method: string, path: string, as = token, body?: object) {
  return call(service, method, `/api/v1/projects${path}`, { token: as, ...(body && { body }) })
}

async function make(name: string, as = token): Promise<string> {
  const made = await api('POST', '', as, { name })
  if (made.status !== 201) throw new Error(made.text)
  return String(made.json.id)
}

async function membersOf(id: string) {
  const project = await stores.projects.findAny(id)
  return project?.gitlabProjectId === null ? project.members : []
}

const at = (id: string, userId: number) => `/${id}/members/${userId}`

const maintainersOf = async (id: string) =>
  (await membersOf(id)).filter(({ accessLevel }) => accessLevel === 40)

/** Renames as an administrator of GitLab does; what the service remembers is over then. */
async function rename(userId: number, username: string): Promise<void> {
  const admin = simulator.createUser({ username: `admin-${username}`, admin: true })
  const gitlab = { url: `${simulator.url}/api/v4` }
  const answer = await call(gitlab, 'PUT', `/users/${userId}`, { token: admin.token, body: { username } })
  if (answer.status !== 200) throw new Error(answer.text)
  clock.aheadMs += 6 * 60_000
}

t.test('of the same name made at once, in whatever case, there is one', async (t) => {
  const names = ['same', 'Same', 'SAME', 'same', 'sAme', 'same']

  const answers = await Promise.all(names.map((name) => api('POST', '', token, { name })))

  const refused = answers.filter(({ status }) => status !== 201)
  t.equal(refused.length, names.length - 1)
  for (const { status, json } of refused) {
    t.match({ status, json }, { status: 409, json: { code: 'PROJECT_EXISTS', field: 'name' } })
  }
  t.equal((await api('POST', '', dora.token, { name: 'same' })).status, 201, 'in another place it is free')
})

t.test(
  'who is renamed keeps their projects where they are; whoever takes the name gets no access',
  async (t) => {
    const nils = await person('nils')
    const id = await make('paper', nils.token)

    await rename(nils.id, 'nils-2')
    const other = await person('nils')
    const old = encodeURIComponent('~nils/paper')

    t.match(await api('GET', `/${old}`, nils.token), { status: 200, json: { id, path: '~nils/paper' } })
    t.match((await api('POST', '', nils.token, { name: 'paper' })).json, { path: '~nils-2/paper' })
    t.equal((await api('GET', `/${old}`, other.token)).status, 404)
    t.equal((await api('GET', `/${id}/members`, other.token)).status, 404)
    t.match(await api('POST', '', other.token, { name: 'paper' }), {
      status: 409,
      json: { code: 'PROJECT_EXISTS' },
    })
    t.match((await api('POST', '', other.token, { name: 'fresh' })).json, { path: '~nils/fresh' })
    t.equal((await api('GET', `/${encodeURIComponent('~nils/fresh')}`, nils.token)).status, 404)
    t.same(
      (await membersOf(id)).map(({ gitlabUserId }) => gitlabUserId),
      [nils.id],
    )
  },
)

t.test('two Maintainers who remove, demote or leave each other at once leave one', async (t) => {
  const [a, b] = [maintainer.id, dora.id]
  const low = { access_level: 20 }
  const both: Record<string, (id: string) => Promise<{ status: number }>[]> = {
    remove: (id) => [api('DELETE', at(id, b)), api('DELETE', at(id, a), dora.token)],
    leave: (id) => [api('DELETE', at(id, a)), api('DELETE', at(id, b), dora.token)],
    demote: (id) => [api('PATCH', at(id, b), token, low), api('PATCH', at(id, a), dora.token, low)],
    mixed: (id) => [api('DELETE', at(id, a)), api('PATCH', at(id, b), dora.token, low)],
  }
  for (const [way, act] of Object.entries(both)) {
    for (const round of [1, 2, 3]) {
      const id = await make(`${way}-${round}`)
      await api('POST', `/${id}/members`, token, { username: 'dora', access_level: 40 })

      const answers = await Promise.all(act(id))

      t.equal((await maintainersOf(id)).length, 1, way)
      t.equal(answers.filter(({ status }) => status < 300).length, 1, way)
      t.ok(
        answers.every(({ status }) => [200, 204, 403, 404, 409].includes(status)),
        way,
      )
    }
  }
})

t.test('the last Maintainer is kept, whichever way they would go', async (t) => {
  const id = await make('last')
  await api('POST', `/${id}/members`, token, { username: 'dora', access_level: 30 })
  const own = `/${id}/members/${maintainer.id}`

  const ways = [
    await api('DELETE', own),
    await api('PATCH', own, token, { access_level: 30 }),
    await api('POST', `/${id}/members`, token, { username: '@Maya', access_level: 20 }),
  ]

  for (const { status, json } of ways) {
    t.match({ status, json }, { status: 409, json: { code: 'LAST_MAINTAINER', title: /^~maya\/last would/ } })
  }
  t.equal((await maintainersOf(id)).length, 1)
})

t.test('who is removed stays so, though their role is changed at once', async (t) => {
  for (const round of [1, 2, 3, 4, 5]) {
    const id = await make(`gone-${round}`)
    await api('POST', `/${id}/members`, token, { username: 'dora', access_level: 20 })
    const path = `/${id}/members/${dora.id}`

    const [changed, left, again] = await Promise.all([
      api('PATCH', path, token, { access_level: 30 }),
      api('DELETE', path, dora.token),
      api('DELETE', path),
    ])

    t.same(await membersOf(id), [{ gitlabUserId: maintainer.id, username: 'maya', accessLevel: 40 }])
    t.ok([200, 404].includes(changed.status), changed.text)
    t.ok([left.status, again.status].includes(204))
    t.ok([204, 404].includes(left.status), left.text)
    t.ok([204, 404].includes(again.status), again.text)
  }
})

t.test('a description has 2,000 characters at most, of any kind', async (t) => {
  const id = await make('words')
  const path = `/${id}/standalone`
  for (const description of ['', 'x'.repeat(2000), '🧪'.repeat(2000), '\0\u202e<b>\n', '{{{x}}}']) {
    t.match(await api('PATCH', path, token, { description }), { status: 200, json: { description } })
    t.equal((await api('GET', `/${id}`)).json.description, description)
  }
  t.equal((await api('PATCH', path, token, { description: '\ud800' })).status, 200)
  t.equal((await api('GET', `/${id}`)).status, 200)

  for (const description of ['x'.repeat(2001), `${'🧪'.repeat(2000)}x`, null, 7, ['x']]) {
    const refused = await api('PATCH', path, token, { description } as object)
    t.match(refused, { status: 400, json: { field: 'description' } })
    const made = await api('POST', '', token, { name: 'too-long', description } as object)
    t.match(made, { status: 400, json: { field: 'description' } })
  }
  t.equal(await stores.projects.findAnyByPath('~maya/too-long'), null)

  const maya = await signIn(service, maintainer.id)
  const written = [2000, 2001].map((count) => ({ description: '🧪'.repeat(count) }))
  const [taken, long] = [
    await maya.post(`/-/projects/${id}/description`, written[0]),
    await maya.post(`/-/projects/${id}/description`, written[1]),
  ]
  t.same([taken.status, long.status], [303, 400], 'a page counts the same')
  t.match(long.text, 'The description has 2001 characters of 2000.')
})
