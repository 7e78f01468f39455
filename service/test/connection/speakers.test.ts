import { randomBytes } from 'node:crypto'
import t, { type Test } from 'tap'
import { openTestDatabase } from '../../../embedded/test-database.js'
import { startSimulator } from '../../../simulator/simulator.js'
import { createGitLabClients } from '../../grants/gitlab-clients.js'
import { GrantError } from '../../grants/grant-errors.js'
import { projectFacts } from '../../connection/project-refresh.js'
import { createSpeakers } from '../../connection/speakers.js'
import { ownBotOwner } from '../../stores/connection-store.js'
import { ensureIndexes } from '../../stores/indexes.js'
import { createSealer } from '../../stores/sealing.js'
import { createStores } from '../../stores/stores.js'
import { silent } from '../jobs/helper.js'

/** A project with a bot of its own, the instance's bot as Developer and a maintainer who consented. */
async function openWorld(t: Test) {
  const [{ client, db }, simulator] = await Promise.all([openTestDatabase(t), startSimulator()])
  t.teardown(() => simulator.close())
  await ensureIndexes(db)
  const stores = createStores({ client, db })
  const own = simulator.createUser({ username: 'iris-bot', bot: true })
  const bot = simulator.createUser({ username: 'mlmm-bot', bot: true })
  const maya = simulator.createUser({ username: 'maya' })
  const { id: gitlabProjectId } = await simulator.createProject({
    path: 'research/iris',
    visibility: 'private',
    members: [
      { userId: own.id, accessLevel: 30 },
      { userId: bot.id, accessLevel: 30 },
      { userId: maya.id, accessLevel: 40 },
    ],
  })
  const world = { now: new Date('2026-11-23T12:00:00Z'), isGranted: true }
  const clock = () => world.now
  const grants = {
    getAccessToken: async () => {
      if (world.isGranted) return maya.token
      throw new GrantError('revoked', 'withdrawn')
    },
    explain: async () => null,
  }
  const clients = createGitLabClients({
    apiUrl: simulator.url,
    botToken: bot.token,
    grants,
    timeoutMs: 5_000,
  })
  const sealer = createSealer([{ name: 'a', key: randomBytes(32) }])
  const found = await clients.bot?.findProject(gitlabProjectId)
  if (!found) throw new Error('No project')
  const project = await stores.projects.connect(projectFacts(found), world.now)
  await stores.connections.setConsent(project.id, { gitlabUserId: maya.id, username: 'maya', at: world.now })
  const ownBot = {
    gitlabUserId: own.id,
    username: 'iris-bot',
    tokenId: 1,
    token: sealer.seal(own.token, ownBotOwner(project.id)),
    expiresAt: new Date('2027-06-01T00:00:00Z'),
  }
  await stores.connections.setOwnBot(project.id, ownBot, null)
  const speakers = createSpeakers({ clients, ...stores, sealer, clock, log: silent })
  const posterOf = async () => (await stores.projects.find(project.id))?.poster
  const later = () => (world.now = new Date(world.now.getTime() + 6 * 60_000))
  return { simulator, stores, project, gitlabProjectId, own, bot, maya, world, speakers, posterOf, later }
}

t.test("the project's own bot comes first, and calls about the project are its", async (t) => {
  const { speakers, gitlabProjectId, own, simulator, posterOf } = await openWorld(t)

  const speaker = await speakers.getSpeaker(gitlabProjectId)
  await speakers.gitlab.findProject(gitlabProjectId)

  t.match(speaker, { kind: 'project-bot', id: own.id })
  t.match(await speakers.gitlab.getSpeaker(gitlabProjectId), { id: own.id })
  t.match(await posterOf(), { kind: 'project-bot', problems: [] })
  t.equal(simulator.calls.filter(({ route }) => route.includes('/members/')).length, 1, 'asked once')
})

t.test('a token that GitLab refuses gives way to the next at once, and that is told', async (t) => {
  const { speakers, gitlabProjectId, own, bot, simulator, posterOf } = await openWorld(t)
  await speakers.getSpeaker(gitlabProjectId)
  simulator.expireToken(own.token)

  const found = await speakers.gitlab.findProject(gitlabProjectId)

  t.equal(found?.id, gitlabProjectId)
  t.match(await posterOf(), {
    kind: 'instance-bot',
    gitlabUserId: bot.id,
    problems: [{ kind: 'project-bot', reason: 'refused' }],
  })
})

t.test('who spoke before is found as long as there is a token', async (t) => {
  const { speakers, gitlabProjectId, own, bot, maya, simulator } = await openWorld(t)
  const idOf = async (userId: number) =>
    (await (await speakers.findFormer(gitlabProjectId, userId))?.getCurrentUser())?.id

  for (const { id } of [own, bot, maya]) t.equal(await idOf(id), id)
  t.equal(await speakers.findFormer(gitlabProjectId, simulator.createUser({ username: 'otto' }).id), null)
})

t.test('a token past its day is not tried', async (t) => {
  const { speakers, gitlabProjectId, world } = await openWorld(t)
  world.now = new Date('2027-06-01T00:00:00Z')

  t.match(await speakers.getSpeaker(gitlabProjectId), { kind: 'instance-bot' })
})

t.test('a maintainer who consented speaks where no bot may, and only as long as they are one', async (t) => {
  const { speakers, gitlabProjectId, own, bot, maya, simulator, later } = await openWorld(t)
  simulator.removeMember(gitlabProjectId, own.id)
  simulator.removeMember(gitlabProjectId, bot.id)

  t.match(await speakers.getSpeaker(gitlabProjectId), { kind: 'maintainer', id: maya.id })
  simulator.removeMember(gitlabProjectId, maya.id)
  simulator.addMember(gitlabProjectId, { userId: maya.id, accessLevel: 30 })
  later()

  await t.rejects(speakers.getSpeaker(gitlabProjectId), /nobody may speak/)
  await t.rejects(speakers.gitlab.createNote(gitlabProjectId, 1, 'a'), /nobody may speak/)
})

t.test('a consent that was withdrawn is used no more', async (t) => {
  const { speakers, gitlabProjectId, own, bot, world, simulator, posterOf } = await openWorld(t)
  simulator.removeMember(gitlabProjectId, own.id)
  simulator.removeMember(gitlabProjectId, bot.id)
  world.isGranted = false

  await t.rejects(speakers.getSpeaker(gitlabProjectId), /nobody may speak/)
  t.match(await posterOf(), { kind: null, problems: [{}, {}, { kind: 'maintainer', reason: 'no_grant' }] })
})

t.test('nobody speaks for a project that was disconnected', async (t) => {
  const { speakers, gitlabProjectId, stores, project, world } = await openWorld(t)
  await stores.connections.disconnect(project.id, world.now)

  await t.rejects(speakers.getSpeaker(gitlabProjectId), /nobody may speak/)
  t.match(await stores.projects.find(project.id), { ownBot: null, consent: null })
})

t.test('the webhook is looked after by whoever is a Maintainer', async (t) => {
  const { speakers, gitlabProjectId } = await openWorld(t)

  t.same(await speakers.gitlab.listHooks(gitlabProjectId), [])
  t.ok(await speakers.findKeeper(gitlabProjectId))
})

t.test('a project that was asked about before it was connected has a speaker right after', async (t) => {
  const { simulator, speakers, stores, bot, world } = await openWorld(t)
  const members = [{ userId: bot.id, accessLevel: 30 }]
  const { id } = await simulator.createProject({ path: 'research/wine', visibility: 'private', members })
  await t.rejects(speakers.getSpeaker(id), /nobody may speak/)

  const facts = await speakers.gitlab.findProject(id)
  if (facts === null) throw new Error('No project')
  await stores.projects.connect(projectFacts(facts), world.now)

  t.match(await speakers.getSpeaker(id), { kind: 'instance-bot', id: bot.id })
})
