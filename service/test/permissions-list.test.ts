import t from 'tap'
import { openTestDatabase } from '../../embedded/test-database.js'
import { startSimulator } from '../../simulator/simulator.js'
import { createGitLab } from '../gitlab/client.js'
import { createPersonAccess } from '../plugins/person-access.js'
import type { Person } from '../plugins/person-identity.js'
import { ensureIndexes } from '../stores/indexes.js'
import { createStores, type Stores } from '../stores/stores.js'

const count = 2_000
const { client, db } = await openTestDatabase(t)
await ensureIndexes(db)
const stores = createStores({ client, db })
const simulator = await startSimulator()
t.teardown(() => simulator.close())
const bot = simulator.createUser({ username: 'mlmm-bot' })
const reporter = simulator.createUser({ username: 'rea' })
const outsider = simulator.createUser({ username: 'otto' })
let now = new Date()

// One project of GitLab is made as GitLab makes it; the others are rows beside it, for the sake of time.
const first = await simulator.createProject({
  path: 'team/p0000',
  visibility: 'private',
  members: [
    { userId: bot.id, accessLevel: 30 },
    { userId: reporter.id, accessLevel: 20 },
  ],
})
const paths = Array.from({ length: count }, (_, index) => `team/p${String(index).padStart(4, '0')}`)
const ids = paths.map((_path, index) => first.id + index)
/** Of every eighth project: GitLab's double takes its time for each that it lists. */
const own = paths.filter((_path, index) => index % 8 === 0)
const model = simulator.state.projects.get(first.id)
for (const [index, path] of paths.entries()) {
  if (model !== undefined && index > 0) {
    const id = ids[index] ?? 0
    simulator.state.projects.set(id, {
      ...model,
      id,
      path,
      members: index % 8 === 0 ? [...model.members] : model.members.slice(0, 1),
    })
  }
  await stores.projects.connect(
    {
      gitlabProjectId: ids[index] ?? 0,
      path,
      webUrl: `${simulator.url}/${path}`,
      defaultBranch: 'main',
      visibility: 'private',
      pipelinesOpen: true,
    },
    now,
  )
}

function accessOf(processStores: Stores, token: string | null) {
  const eyes = token === null ? null : createGitLab({ apiUrl: simulator.url, token })
  return createPersonAccess({
    gitlab: createGitLab({ apiUrl: simulator.url, token: bot.token }),
    forPerson: () => eyes,
    ...processStores,
    clock: () => now,
  })
}

function personOf(gitlabUserId: number): Person {
  const credential = { kind: 'session', id: 's1', createdAt: now, expiresAt: now } as const
  return { gitlabUserId, scope: 'write', credential, projectIds: null }
}

const page = { limit: 30, after: null }

t.test(
  '250 of 2,000 closed projects are listed with 5 calls, and with none for the next 5 minutes',
  async (t) => {
    const access = accessOf(stores, reporter.token)
    simulator.clearCalls()

    const [one, other] = await Promise.all([
      access.listReadable(personOf(reporter.id), page),
      access.listReadable(personOf(reporter.id), page),
    ])
    t.same(
      one.projects.map(({ path }) => path),
      own.slice(0, 30),
    )
    t.same(other, one)
    t.equal(simulator.calls.length, 5, 'who it is, and pages, of which 3 are asked for at once')

    simulator.clearCalls()
    const startedAt = performance.now()
    let next = one.next
    for (let pages = 0; pages < 7; pages += 1) {
      next = (await access.listReadable(personOf(reporter.id), { limit: 30, after: next })).next
    }
    t.comment(`a page took ${((performance.now() - startedAt) / 7).toFixed(1)} ms`)
    t.equal(next, own[239])
    t.equal(simulator.calls.length, 0)

    await accessOf(stores, reporter.token).listReadable(personOf(reporter.id), page)
    t.equal(simulator.calls.length, 1, 'another process asks who the person is, and nothing else')
  },
)

t.test(
  'a role that was taken away is gone from lists after 5 minutes, after a refusal at once',
  async (t) => {
    const access = accessOf(stores, reporter.token)
    const list = async () => (await access.listReadable(personOf(reporter.id), page)).projects
    await list()
    simulator.removeMember(ids[0] ?? 0, reporter.id)
    simulator.removeMember(ids[8] ?? 0, reporter.id)
    t.equal((await list())[0]?.path, own[0])

    await t.rejects(access.getReadable(personOf(reporter.id), String(ids[0])), { code: 'NOT_FOUND' })
    t.equal((await list())[0]?.path, own[1])

    now = new Date(now.getTime() + 300_001)
    t.equal((await list())[0]?.path, own[2])
  },
)

t.test('who is a member of nothing sees nothing, with one call for the list', async (t) => {
  simulator.clearCalls()

  const shown = await accessOf(stores, outsider.token).listReadable(personOf(outsider.id), page)

  t.same(shown, { projects: [], next: null, unconfirmed: 0 })
  t.equal(simulator.calls.length, 2)
  t.same((await accessOf(stores, null).listReadable(null, page)).projects, [])
})

t.test('without a consent the roles are asked for one by one, and only so many', async (t) => {
  await Promise.all([reporter, outsider].map(({ id }) => stores.memberships.drop(id)))
  simulator.clearCalls()

  const member = await accessOf(stores, null).listReadable(personOf(reporter.id), page)
  t.same(
    member.projects.map(({ path }) => path),
    own.slice(2, 15),
  )
  t.equal(member.next, paths[119])
  t.ok(simulator.calls.length <= 121, `${simulator.calls.length} calls`)

  simulator.clearCalls()
  const none = await accessOf(stores, null).listReadable(personOf(outsider.id), page)
  t.same(none.projects, [])
  t.type(none.next, 'string')
  t.ok(simulator.calls.length <= 121, `${simulator.calls.length} calls`)
})
