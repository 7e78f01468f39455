import t from 'tap'
import { openTestDatabase } from '../../../embedded/test-database.js'
import { startSimulator } from '../../../simulator/simulator.js'
import { createGitLab } from '../../gitlab/client.js'
import { createGitLabPeople } from '../../plugins/gitlab-people.js'
import { createPersonAccess } from '../../plugins/person-access.js'
import type { Person } from '../../plugins/person-identity.js'
import { ensureIndexes } from '../../stores/indexes.js'
import { createStores } from '../../stores/stores.js'

const { client, db } = await openTestDatabase(t)
await ensureIndexes(db)
const { projects, memberships } = createStores({ client, db })
const simulator = await startSimulator()
t.teardown(() => simulator.close())
const bot = simulator.createUser({ username: 'mlmm-bot' })
let people = 0

interface SetUp {
  /** Whether GitLab can be asked with the person's own eyes. */
  signedIn?: boolean
  admin?: boolean
  expiresAt?: string
}

/** A private project, somebody with a role in it, and a clock that stands. */
async function setUp(accessLevel: number | null, { signedIn = false, admin = false, expiresAt }: SetUp = {}) {
  people += 1
  const { id: userId, token } = simulator.createUser({ username: `user-${people}`, admin })
  const project = await simulator.createProject({
    path: `research/project-${people}`,
    visibility: 'private',
    members: [
      { userId: bot.id, accessLevel: 30 },
      ...(accessLevel === null ? [] : [{ userId, accessLevel, expiresAt }]),
    ],
  })
  let now = new Date('2026-03-01T12:00:00Z')
  const facts = { path: project.path, webUrl: project.httpUrl, defaultBranch: 'main' }
  await projects.connect(
    { ...facts, gitlabProjectId: project.id, visibility: 'private', pipelinesOpen: true },
    now,
  )
  const gitlab = createGitLab({ apiUrl: simulator.url, token: bot.token })
  const access = createPersonAccess({
    gitlab,
    forPerson: () => (signedIn ? createGitLab({ apiUrl: simulator.url, token }) : null),
    projects,
    memberships,
    clock: () => now,
  })
  const person: Person = {
    gitlabUserId: userId,
    scope: 'write',
    credential: { kind: 'token', id: 't1', createdAt: now, expiresAt: now },
    projectIds: null,
  }
  simulator.clearCalls()
  return {
    userId,
    project,
    accept: () => access.getAllowed(person, String(project.id), 'accept'),
    read: (limits: Partial<Person> = {}) => access.getReadable({ ...person, ...limits }, String(project.id)),
    list: (limits: Partial<Person> = {}) =>
      access.listReadable({ ...person, ...limits }, { limit: 1000, after: null }),
    wait: (ms: number) => {
      now = new Date(now.getTime() + ms)
    },
  }
}

t.test('a role holds for 5 minutes', async (t) => {
  const { accept, project, userId, wait } = await setUp(40)
  await Promise.all([accept(), accept(), accept()])
  t.equal(simulator.calls.length, 2, 'one call for the user, one for the role')

  simulator.removeMember(project.id, userId)
  wait(299_000)
  await accept()
  t.equal(simulator.calls.length, 2)

  wait(2_000)
  await t.rejects(accept(), { code: 'NOT_FOUND' })
})

t.test('a refusal is asked about again soon, but not at once', async (t) => {
  const { accept, project, userId, wait } = await setUp(30)
  await t.rejects(accept(), { code: 'ROLE_TOO_LOW' })
  const calls = simulator.calls.length

  simulator.addMember(project.id, { userId, accessLevel: 40 })
  await t.rejects(accept(), { code: 'ROLE_TOO_LOW' })
  t.equal(simulator.calls.length, calls)

  wait(1_001)
  t.match(await accept(), { accessLevel: 40, project: { path: project.path } })
})

t.test('somebody blocked in the meantime is refused within 5 minutes', async (t) => {
  const { accept, userId, wait } = await setUp(50)
  await accept()

  simulator.setUserState(userId, 'blocked')
  wait(300_001)

  await t.rejects(accept(), { code: 'USER_NOT_ACTIVE' })
})

t.test('while GitLab is away nothing is allowed, and nothing of it is kept', async (t) => {
  const { accept } = await setUp(40)
  simulator.faults.add({ route: /\/users\/\d+$/, status: 503, times: 1 })

  await t.rejects(accept(), { code: 'GITLAB_UNAVAILABLE', retryable: true })
  t.match(await accept(), { accessLevel: 40 })
})

t.test('a role ends with the membership, not 5 minutes later', async (t) => {
  const { read, wait } = await setUp(30, { expiresAt: '2099-01-02' })
  wait(Date.parse('2099-01-01T23:58:00Z') - Date.parse('2026-03-01T12:00:00Z'))
  t.match(await read(), { accessLevel: 30 })

  wait(2 * 60_000)

  await t.rejects(read(), { code: 'NOT_FOUND' })
})

t.test('roles with numbers in between count for what they reach', async (t) => {
  const planner = await setUp(15)
  const between = await setUp(25)

  await t.rejects(planner.read(), { code: 'NOT_FOUND' })
  t.match(await between.read(), { accessLevel: 25 })
  await t.rejects(between.accept(), { code: 'ROLE_TOO_LOW', message: /is Reporter/ })
})

t.test('an administrator who signed in may do everything, one with a token alone has no role', async (t) => {
  const signedIn = await setUp(null, { signedIn: true, admin: true })
  const tokenAlone = await setUp(null, { admin: true })

  t.match(await signedIn.accept(), { accessLevel: 60 })
  t.ok(
    (await signedIn.list()).projects.some(({ gitlabProjectId }) => gitlabProjectId === signedIn.project.id),
  )
  await t.rejects(tokenAlone.read(), { code: 'NOT_FOUND' })
})

t.test('a token that is limited to other projects sees none of this', async (t) => {
  const { read, list, project } = await setUp(50)
  const own = (await projects.findByGitLabId(project.id))?.id ?? ''

  await t.rejects(read({ projectIds: ['p0'] }), { code: 'NOT_FOUND' })
  t.same((await list({ projectIds: ['p0'] })).projects, [])
  t.match(await read({ projectIds: [own] }), { accessLevel: 50 })
  t.same(
    (await list({ projectIds: [own] })).projects.map(({ id }) => id),
    [own],
  )
})

t.test(
  'a project that GitLab shows no more is gone at the second look, and back when GitLab shows it',
  async (t) => {
    const { read, project, wait, userId } = await setUp(30)
    const find = () => projects.findByGitLabId(project.id)
    simulator.removeMember(project.id, bot.id)
    wait(300_001)

    await read().catch(() => {})
    t.match(await find(), { visibility: 'private', missingSince: Date, orphanedAt: null })
    wait(300_001)
    await t.rejects(read(), { code: 'NOT_FOUND' })
    t.match(await find(), { orphanedAt: Date })

    simulator.addMember(project.id, { userId: bot.id, accessLevel: 30 })
    wait(300_001)
    t.match(await read(), { user: { id: userId }, accessLevel: 30 })
    t.match(await find(), { missingSince: null, orphanedAt: null })
  },
)

for (const version of ['16.0', '17.4', '18.4'] as const) {
  t.test(`a member by an invited group is one in GitLab ${version}`, async (t) => {
    const gitlab = await startSimulator({ version })
    t.teardown(() => gitlab.close())
    const service = gitlab.createUser({ username: 'bot' })
    const ina = gitlab.createUser({ username: 'ina' })
    const members = [
      { userId: service.id, accessLevel: 30 },
      { userId: ina.id, accessLevel: 40, kind: 'invited' as const },
    ]
    const own = createGitLab({ apiUrl: gitlab.url, token: ina.token })
    const now = new Date()
    const levels = await Promise.all(
      [own, null].map((eyes) =>
        createGitLabPeople({
          gitlab: createGitLab({ apiUrl: gitlab.url, token: service.token }),
          forPerson: () => eyes,
          clock: () => now,
        }),
      ),
    )
    const { id } = await gitlab.createProject({ path: 'invited/only', members })
    const [withOwn, without] = await Promise.all(
      levels.map(async (people) => people.findLevel(await people.getUser(ina.id), id)),
    )

    t.equal(withOwn, 40)
    t.equal(without, version === '16.0' ? null : 40)
  })
}
