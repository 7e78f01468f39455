import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import t from 'tap'
import { openTestDatabase } from '../../../embedded/test-database.js'
import { badGateway } from '../../../simulator/faults.js'
import { startSimulator } from '../../../simulator/simulator.js'
import { createGitLabClients } from '../../grants/gitlab-clients.js'
import { openGrantWorld } from '../support/expired-grants.js'
import { until } from '../jobs/helper.js'

const [{ db, url: databaseUrl }, simulator] = await Promise.all([openTestDatabase(t), startSimulator()])
t.teardown(() => simulator.close())
const world = openGrantWorld({ simulator, db, databaseUrl })
let made = 0

function createUser() {
  made += 1
  return simulator.createUser({ username: `person-${made}`, name: 'Person' })
}

const hour = 3_600_000
function in2Hours(): Date {
  return new Date(Date.now() + 1.7 * hour)
}

t.test('40 expired grants met by 8 processes make 40 refresh calls', async (t) => {
  const users = Array.from({ length: 40 }, createUser).map(({ id }) => id)
  const before = new Map<number, string>()
  for (const id of users) before.set(id, await world.consent(id, { expired: true }))
  simulator.clearCalls()

  const answers = await world.ask(8, users)

  t.equal(world.refreshCalls(), 40)
  for (const id of users) {
    const tokens = new Set(answers.map((answer) => answer[id]))
    t.equal(tokens.size, 1, 'all have the same token')
    const [token = ''] = tokens
    t.not(token, before.get(id))
    t.equal(simulator.state.tokens.get(token)?.state, 'active')
  }
})

t.test('a grant is refreshed before it expires, once for all who ask at the same time', async (t) => {
  const { id } = createUser()
  const old = await world.consent(id)
  simulator.clearCalls()
  const grants = world.createGrants({ clock: in2Hours })

  const tokens = await Promise.all([1, 2, 3].map(() => grants.getAccessToken(id, 'sign-in')))

  t.equal(new Set(tokens).size, 1)
  t.not(tokens[0], old)
  t.equal(world.refreshCalls(), 1)
})

t.test(
  'killed between the answer of GitLab and the store, it costs one new consent and says so',
  async (t) => {
    const { id } = createUser()
    await world.consent(id, { expired: true })
    const slow = simulator.faults.add({ method: 'POST', route: /\/oauth\/token$/, slowBodyMs: 1_500 })
    const child = await world.start([id])
    await until(() => slow.hits() === 1)
    await until(() =>
      [...simulator.state.tokens.values()].some(
        (token) => token.userId === id && token.kind === 'oauth' && token.state === 'active',
      ),
    )
    child.kill('SIGKILL')
    await once(child, 'exit')
    slow.remove()
    // Its lease would end by itself; the test does not wait for it.
    await db
      .collection<{ _id: string }>('grants')
      .updateOne({ _id: `${id}:sign-in` }, { $set: { leaseUntil: new Date(0) } })

    await t.rejects(world.createGrants().getAccessToken(id, 'sign-in'), {
      reason: 'lost',
      code: 'GRANT_LOST',
      message: /answer was lost/,
    })
    t.match(await world.createGrants().findState(id, 'sign-in'), { state: 'lost', words: /crash/ })

    const token = await world.consent(id)
    t.equal(await world.createGrants().getAccessToken(id, 'sign-in'), token)
  },
)

t.test('a refresh that GitLab did not do is tried again, and loses nothing', async (t) => {
  const { id } = createUser()
  await world.consent(id, { expired: true })
  const fault = simulator.faults.add({ method: 'POST', route: /\/oauth\/token$/, ...badGateway, times: 1 })

  await t.rejects(world.createGrants().getAccessToken(id, 'sign-in'), {
    reason: 'unavailable',
    code: 'GITLAB_UNAVAILABLE',
  })
  t.equal(fault.hits(), 1)
  await t.rejects(
    world.createGrants().getAccessToken(id, 'sign-in'),
    { reason: 'unavailable', code: 'GITLAB_UNAVAILABLE' },
    'it rests',
  )
  await db
    .collection<{ _id: string }>('grants')
    .updateOne({ _id: `${id}:sign-in` }, { $set: { leaseUntil: new Date(0) } })

  t.ok(await world.createGrants().getAccessToken(id, 'sign-in'))
})

t.test('a consent withdrawn in GitLab is told as that', async (t) => {
  const { id } = createUser()
  await world.consent(id)
  simulator.revokeGrants(id)
  const grants = world.createGrants()
  const clients = createGitLabClients({ apiUrl: simulator.url, botToken: null, grants, timeoutMs: 2_000 })

  await t.rejects(Promise.resolve(clients.forPerson(id)?.getCurrentUser()), {
    reason: 'revoked',
    code: 'GRANT_REVOKED',
  })
  t.match(await grants.findState(id, 'sign-in'), { state: 'revoked' })
})

t.test('a token that expired early is renewed once and the read repeated', async (t) => {
  const { id, username } = createUser()
  const old = await world.consent(id)
  simulator.expireToken(old)
  simulator.clearCalls()
  const clients = createGitLabClients({
    apiUrl: simulator.url,
    botToken: null,
    grants: world.createGrants(),
    timeoutMs: 2_000,
  })

  t.match(await clients.forPerson(id)?.getCurrentPerson(), { id, username })
  t.equal(world.refreshCalls(), 1)
  t.equal(clients.forPerson(id), clients.forPerson(id), 'one client, because the limit is counted in it')
})

t.test('a blocked account and an expired password rest and come back', async (t) => {
  for (const [reason, code, begin] of [
    ['blocked', 'GITLAB_USER_BLOCKED', (id: number) => simulator.setUserState(id, 'blocked')],
    ['password_expired', 'GITLAB_PASSWORD_EXPIRED', (id: number) => simulator.expirePassword(id)],
  ] as const) {
    const { id } = createUser()
    const token = await world.consent(id)
    begin(id)
    let now = new Date()
    const grants = world.createGrants({ clock: () => now })
    const clients = createGitLabClients({ apiUrl: simulator.url, botToken: null, grants, timeoutMs: 2_000 })

    await t.rejects(Promise.resolve(clients.forPerson(id)?.getCurrentUser()), { reason, code })
    t.match(await grants.findState(id, 'sign-in'), { state: reason })
    await t.rejects(grants.getAccessToken(id, 'sign-in'), { reason, code }, 'GitLab is not asked meanwhile')

    now = new Date(now.getTime() + 6 * 60_000)
    t.equal(await grants.getAccessToken(id, 'sign-in'), token)
  }
})

t.test('keys rotate: the old one is read, the new one writes, a removed one is a grant lost', async (t) => {
  const { id } = createUser()
  await world.consent(id)
  const fresh = { name: 'new', key: randomBytes(32) }
  const without = world.createGrants({ keys: [fresh] })
  await t.rejects(without.getAccessToken(id, 'sign-in'), { reason: 'lost', message: /ENCRYPTION_KEYS/ })
  t.match(await without.findState(id, 'sign-in'), { state: 'lost' })

  const both = world.createGrants({ keys: [fresh, world.key], clock: in2Hours })
  const token = await both.getAccessToken(id, 'sign-in')

  t.equal(await without.getAccessToken(id, 'sign-in'), token)
})

t.test('forgetting a grant withdraws it in GitLab', async (t) => {
  const { id } = createUser()
  const token = await world.consent(id)
  const grants = world.createGrants()

  t.equal(await grants.forget(id, 'sign-in'), true)

  t.not(simulator.state.tokens.get(token)?.state, 'active')
  await t.rejects(grants.getAccessToken(id, 'sign-in'), { reason: 'none', code: 'GRANT_MISSING' })
})
