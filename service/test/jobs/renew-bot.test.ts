import t, { type Test } from 'tap'
import { openTestDatabase } from '../../../embedded/test-database.js'
import type { GitLabVersion } from '../../../simulator/profiles.js'
import { startSimulator } from '../../../simulator/simulator.js'
import { createGitLabClients } from '../../grants/gitlab-clients.js'
import { GrantError } from '../../grants/grant-errors.js'
import { jobKey } from '../../jobs/keys.js'
import { createQueue } from '../../jobs/queue.js'
import { createReconcileJob } from '../../jobs/reconcile.js'
import { createRenewBotJob } from '../../jobs/renew-bot.js'
import { createWorker } from '../../jobs/worker.js'
import { sealOwnBot } from '../../connection/own-bot.js'
import { projectFacts } from '../../connection/project-refresh.js'
import { createSpeakers } from '../../connection/speakers.js'
import { ownBotOwner } from '../../stores/connection-store.js'
import { createSealer } from '../../stores/sealing.js'
import { jobCollection, jobIndexes } from '../../stores/job-store.js'
import { createStores } from '../../stores/stores.js'
import { silent, until } from './helper.js'

const dayMs = 24 * 3_600_000
const rotation = { method: 'POST', route: /\/access_tokens\/[^/]+\/rotate$/ }

/** A project whose own bot was made by a maintainer who still consents, some days before the end of its token. */
async function openWorld(t: Test, { version = '18.4' as GitLabVersion, daysLeft = 10 } = {}) {
  const world = { now: new Date('2026-11-23T12:00:00Z'), isGranted: true }
  const clock = () => world.now
  const [{ client, db }, simulator] = await Promise.all([
    openTestDatabase(t),
    startSimulator({ version, now: clock }),
  ])
  t.teardown(() => simulator.close())
  await jobCollection(db).createIndexes(jobIndexes)
  const stores = createStores({ client, db })
  const bot = simulator.createUser({ username: 'mlmm-bot', bot: true })
  const maya = simulator.createUser({ username: 'maya' })
  const { id: gitlabProjectId } = await simulator.createProject({
    path: 'research/iris',
    members: [
      { userId: maya.id, accessLevel: 40 },
      { userId: bot.id, accessLevel: 30 },
    ],
  })
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
  const sealer = createSealer([{ name: 'a', key: Buffer.alloc(32, 7) }])
  const found = await clients.bot?.findProject(gitlabProjectId)
  if (!found) throw new Error('No project')
  const { id } = await stores.projects.connect(projectFacts(found), world.now)
  await stores.connections.setConsent(id, { gitlabUserId: maya.id, username: 'maya', at: world.now })

  const maintainer = clients.forToken(maya.token)
  const made = await maintainer.createProjectToken(gitlabProjectId, {
    name: 'mlmm',
    expiresAt: new Date(world.now.getTime() + 300 * dayMs),
  })
  const ownBot = sealOwnBot({ projectId: id, username: 'iris-bot', made, sealer, now: world.now })
  await stores.connections.setOwnBot(id, ownBot, null)
  world.now = new Date(made.expiresAt.getTime() - daysLeft * dayMs)

  const newSpeakers = () => createSpeakers({ clients, ...stores, sealer, clock, log: silent })
  const newHandler = (speakers = newSpeakers()) => createRenewBotJob({ ...stores, speakers, sealer, clock })
  const runAs = (fence: number) =>
    newHandler()(
      { key: jobKey.renewBot(id), type: 'renew-bot', generation: 1, fence, attempts: 0, eventUuid: null },
      { fence, log: silent, signal: new AbortController().signal, remainingLeaseMs: () => 15_000 },
    )
  const kept = async () => {
    const row = (await stores.projects.find(id))?.ownBot
    if (!row) throw new Error('No bot')
    const token = sealer.open(row.token, ownBotOwner(id)) ?? ''
    return {
      ...row,
      token,
      user: await clients
        .forToken(token)
        .getCurrentUser()
        .catch(() => null),
    }
  }
  const activeTokens = async () =>
    (await maintainer.listProjectTokens(gitlabProjectId)).filter(({ isActive }) => isActive)
  const rotations = () => simulator.calls.filter(({ route }) => route.endsWith('/rotate')).length
  const ground = { world, simulator, stores, clock, id, gitlabProjectId, made, maya }
  return { ...ground, newSpeakers, newHandler, runAs, kept, activeTokens, rotations }
}

for (const version of ['16.0', '19.0'] as const) {
  t.test(`a token that ends soon is replaced by another of the same bot (${version})`, async (t) => {
    const { runAs, kept, made, stores, id, world, rotations } = await openWorld(t, { version })
    t.same(await stores.connections.listBotsToRenew(world.now, 10), [id])

    await runAs(1)

    const after = await kept()
    const lifeDays = (after.expiresAt.getTime() - world.now.getTime()) / dayMs
    t.match(after, { gitlabUserId: made.userId, username: 'iris-bot', user: { id: made.userId } })
    t.not(after.token, made.token)
    t.equal(after.renewing, undefined)
    t.equal(Math.ceil(lifeDays), version === '16.0' ? 7 : 364)
    t.ok((after.renewAt ?? world.now) > world.now, 'not at once again')
    t.same(await stores.connections.listBotsToRenew(world.now, 10), [])
    await runAs(2)
    t.equal(rotations(), 1)
  })
}

t.test('the reconciler asks for it', async (t) => {
  const { stores, clock, id } = await openWorld(t)
  const asked: string[] = []
  const queue = { enqueue: async (keys: string | readonly string[]) => void asked.push(...[keys].flat()) }

  await createReconcileJob({ ...stores, queue, clock })(
    { key: jobKey.reconcile(), type: 'reconcile', generation: 1, fence: 1, attempts: 0, eventUuid: null },
    { fence: 1, log: silent, signal: new AbortController().signal, remainingLeaseMs: () => 15_000 },
  )

  t.ok(asked.includes(jobKey.renewBot(id)))
})

t.test('a token far from its end is left alone', async (t) => {
  const { runAs, kept, made, stores, world, rotations } = await openWorld(t, { daysLeft: 20 })

  t.same(await stores.connections.listBotsToRenew(world.now, 10), [])
  await runAs(1)

  t.equal(rotations(), 0)
  t.equal((await kept()).token, made.token)
})

t.test('eight workers make one rotation', async (t) => {
  const { stores, id, newHandler, kept, made, rotations } = await openWorld(t)
  const queues = Array.from({ length: 8 }, () =>
    createQueue({ store: stores.jobs, monotonicNowMs: () => performance.now() }),
  )
  const workers = queues.map((queue, index) =>
    createWorker({
      store: stores.jobs,
      queue,
      concurrency: 2,
      processId: `p${index}`,
      log: silent,
      monotonicNowMs: () => performance.now(),
      handlers: { 'renew-bot': newHandler() },
    }),
  )
  for (const worker of workers) worker.start()
  t.teardown(() => Promise.all(workers.map((worker) => worker.stop({ graceMs: 1_000 }))))

  await Promise.all(queues.map((queue) => queue.enqueue(jobKey.renewBot(id))))
  await until(async () => (await stores.jobs.count()).pending + (await stores.jobs.count()).running === 0)

  t.equal(rotations(), 1)
  t.match(await kept(), { user: { id: made.userId } })
})

t.test('a claim that a later one has overtaken does nothing', async (t) => {
  const { runAs, stores, id, made, rotations, clock } = await openWorld(t)
  await stores.connections.claimRenewal(id, made.id, { fence: 5, until: clock() })

  await runAs(4)
  t.equal(rotations(), 0)
  await runAs(6)

  t.equal(rotations(), 1)
})

for (const version of ['16.0', '18.4'] as const) {
  t.test(`the token of a lost answer is rotated away, the bot stays the same (${version})`, async (t) => {
    const { runAs, kept, made, simulator, activeTokens } = await openWorld(t, { version })
    simulator.faults.add({ ...rotation, cutAfterEffect: true, times: 1 })

    await t.rejects(runAs(1))
    t.match(
      await kept(),
      { token: made.token, user: null },
      'the old one has ended, nobody knows the new one',
    )
    await runAs(2)

    const after = await kept()
    t.match(after, { gitlabUserId: made.userId, user: { id: made.userId } })
    t.same(await activeTokens(), [{ id: after.tokenId, userId: made.userId, isActive: true }])
  })
}

t.test('where a lost answer left no token, the project gets another bot', async (t) => {
  const { runAs, kept, made, simulator, maya, gitlabProjectId } = await openWorld(t)
  simulator.faults.add({ ...rotation, cutAfterEffect: true, times: 1 })
  await t.rejects(runAs(1))
  await fetch(`${simulator.url}/api/v4/projects/${gitlabProjectId}/access_tokens/${made.id}/rotate`, {
    method: 'POST',
    headers: { 'private-token': maya.token },
  })

  await runAs(2)

  const after = await kept()
  t.not(after.gitlabUserId, made.userId)
  t.match(after, { user: { id: after.gitlabUserId, username: after.username } })
})

t.test('calls that meet the renewal wait for it, and nobody else speaks meanwhile', async (t) => {
  const { newSpeakers, runAs, simulator, gitlabProjectId, made, stores, id } = await openWorld(t)
  const speakers = newSpeakers()
  await speakers.getSpeaker(gitlabProjectId)
  simulator.faults.add({ ...rotation, cutAfterEffect: true, times: 1 })
  await t.rejects(runAs(1))

  const refusal = await speakers.gitlab.findProject(gitlabProjectId).catch((error: unknown) => error)
  t.match(refusal, { kind: 'unavailable', retryAfterMs: 2_000 })
  t.match(await stores.projects.find(id), { poster: { kind: 'project-bot' } })
  await runAs(2)

  t.match(await newSpeakers().getSpeaker(gitlabProjectId), { kind: 'project-bot', id: made.userId })
})

t.test('where nobody may renew it, it does so itself since 17.9', async (t) => {
  const { runAs, kept, made, world } = await openWorld(t)
  world.isGranted = false

  await runAs(1)

  t.match(await kept(), { user: { id: made.userId } })
  t.not((await kept()).token, made.token)
})

t.test('before, it speaks to its end, then the ladder goes on and says why', async (t) => {
  const { runAs, kept, made, world, newSpeakers, gitlabProjectId, stores, id } = await openWorld(t, {
    version: '17.4',
  })
  world.isGranted = false

  await runAs(1)

  const left = await kept()
  t.match(left, { token: made.token, user: { id: made.userId }, renewing: undefined })
  t.equal(left.renewAt?.getTime(), world.now.getTime() + dayMs, 'tried again in a day')
  world.now = made.expiresAt
  t.match(await newSpeakers().getSpeaker(gitlabProjectId), { kind: 'instance-bot' })
  t.match(await stores.projects.find(id), {
    poster: { problems: [{ kind: 'project-bot', reason: 'expired' }] },
  })
})

t.test('a consent that comes after the end gives the project another bot', async (t) => {
  const { runAs, kept, made, world } = await openWorld(t, { daysLeft: -3 })

  await runAs(1)

  t.match(await kept(), { user: { id: (await kept()).gitlabUserId } })
  t.not((await kept()).gitlabUserId, made.userId)
  t.ok((await kept()).expiresAt > world.now)
})

t.test('a bot whose token was revoked by hand is not made anew', async (t) => {
  const { runAs, made, simulator, activeTokens, rotations } = await openWorld(t)
  for (const token of simulator.state.tokens.values()) if (token.id === made.id) token.state = 'revoked'

  await runAs(1)

  t.equal(rotations(), 0)
  t.same(await activeTokens(), [])
})

t.test('nothing is left of a token made while the project was disconnected', async (t) => {
  const { runAs, simulator, stores, id, clock, activeTokens, rotations } = await openWorld(t)
  simulator.faults.add({ ...rotation, delayMs: 300, times: 1 })

  const run = runAs(1)
  await until(() =>
    simulator.calls.some(({ method, route }) => method === 'GET' && route.endsWith('/access_tokens')),
  )
  await stores.connections.disconnect(id, clock())
  await run

  t.equal(rotations(), 1)
  t.same(await activeTokens(), [])
})
