import t from 'tap'
import { openTestDatabase } from '../../../embedded/test-database.js'
import { startSimulator } from '../../../simulator/simulator.js'
import { createGitLab } from '../../gitlab/client.js'
import { createPersonAccess } from '../../plugins/person-access.js'
import type { Person } from '../../plugins/person-identity.js'
import { ensureIndexes } from '../../stores/indexes.js'
import { createStores } from '../../stores/stores.js'

const { client, db } = await openTestDatabase(t)
await ensureIndexes(db)
const { projects } = createStores({ client, db })
const simulator = await startSimulator()
t.teardown(() => simulator.close())
const bot = simulator.createUser({ username: 'mlmm-bot' })
let people = 0

/** A private project, somebody with a role in it, and a clock that stands. */
async function setUp(accessLevel: number | null) {
  people += 1
  const { id: userId } = simulator.createUser({ username: `user-${people}` })
  const project = await simulator.createProject({
    path: `research/project-${people}`,
    visibility: 'private',
    members: [
      { userId: bot.id, accessLevel: 30 },
      ...(accessLevel === null ? [] : [{ userId, accessLevel }]),
    ],
  })
  let now = new Date('2026-03-01T12:00:00Z')
  const facts = { path: project.path, webUrl: project.httpUrl, defaultBranch: 'main' }
  await projects.connect(
    { ...facts, gitlabProjectId: project.id, visibility: 'private', pipelinesOpen: true },
    now,
  )
  const gitlab = createGitLab({ apiUrl: simulator.url, token: bot.token })
  const access = createPersonAccess({ gitlab, projects, clock: () => now })
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
