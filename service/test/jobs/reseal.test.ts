import { randomBytes } from 'node:crypto'
import type { Db } from 'mongodb'
import t, { type Test } from 'tap'
import { openTestDatabase } from '../../../embedded/test-database.js'
import { createGrantPairs } from '../../grants/grant-pairs.js'
import { jobKey } from '../../jobs/keys.js'
import { createResealJob } from '../../jobs/reseal.js'
import { ownBotOwner } from '../../stores/connection-store.js'
import { grantId } from '../../stores/grant-store.js'
import { hookKeyOwner } from '../../stores/project-documents.js'
import { createSealer, type Sealed, type Sealer } from '../../stores/sealing.js'
import { createStores } from '../../stores/stores.js'
import { silent } from './helper.js'

const old = { name: 'old', key: randomBytes(32) }
const fresh = { name: 'fresh', key: randomBytes(32) }
const lost = { name: 'lost', key: randomBytes(32) }
const now = new Date('2026-11-23T12:00:00Z')

/** Grants of `people` and a project with all that a project has sealed, encrypted with the old key. */
async function openWorld(t: Test, people = 3) {
  const { client, db } = await openTestDatabase(t)
  const stores = createStores({ client, db })
  const before = createSealer([old])
  const saveGrant = (sealer: Sealer, userId: number, name: string) => {
    const tokens = { accessToken: `${name}-access-${userId}`, refreshToken: `${name}-refresh-${userId}` }
    const pair = createGrantPairs(sealer, () => now).toPair(
      grantId(userId, 'posting'),
      { ...tokens, expiresInSeconds: 7_200, scopes: ['api'] },
      null,
    )
    return stores.grants.save(userId, 'posting', pair, now)
  }
  const userIds = Array.from({ length: people }, (_, index) => index + 1)
  await Promise.all(userIds.map((userId) => saveGrant(before, userId, 'first')))
  const { id } = await stores.projects.connect(
    {
      gitlabProjectId: 7,
      path: 'research/iris',
      webUrl: 'https://gitlab.example.com/research/iris',
      defaultBranch: 'main',
      visibility: 'private' as const,
      pipelinesOpen: false,
    },
    now,
  )
  await stores.connections.setOwnBot(
    id,
    {
      gitlabUserId: 9,
      username: 'bot',
      tokenId: 5,
      expiresAt: new Date('2027-06-01T00:00:00Z'),
      token: before.seal('bot-token', ownBotOwner(id)),
    },
    null,
  )
  await stores.projects.setHook(id, {
    state: 'registered' as const,
    hookId: 3,
    secretHash: 'hash',
    signingKey: before.seal('whsec_now', hookKeyOwner(id)),
    previousSigningKey: before.seal('whsec_before', hookKeyOwner(id)),
  })
  return { db, stores, id, saveGrant }
}

type World = Awaited<ReturnType<typeof openWorld>>

function run(sealed: World['stores']['sealed'], sealer: Sealer) {
  return createResealJob({ sealed, sealer })(
    { key: jobKey.reseal(), type: 'reseal', generation: 1, fence: 1, attempts: 0, eventUuid: null },
    { fence: 1, log: silent, signal: new AbortController().signal, remainingLeaseMs: () => 15_000 },
  )
}

/** The name of the key of everything that is sealed, wherever in the database it lies. */
async function keysInUse(db: Db): Promise<Record<string, number>> {
  const keys: Record<string, number> = {}
  const look = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return
    if ('iv' in value && 'tag' in value && 'key' in value) {
      keys[String(value.key)] = (keys[String(value.key)] ?? 0) + 1
    } else for (const inner of Object.values(value)) look(inner)
  }
  for (const collection of await db.collections()) look(await collection.find().toArray())
  return keys
}

function openedWith(sealer: Sealer, owner: string, sealed: Sealed | null | undefined): string | null {
  return sealed ? sealer.open(sealed, owner) : null
}

t.test('everything is opened with the new key alone afterwards', async (t) => {
  const { db, stores, id } = await openWorld(t, 250)
  t.same(await keysInUse(db), { old: 503 })

  t.match(await run(stores.sealed, createSealer([fresh, old])), { kind: 'again' })

  const alone = createSealer([fresh])
  t.same(await keysInUse(db), { fresh: 503 })
  const project = await stores.projects.find(id)
  t.equal(openedWith(alone, ownBotOwner(id), project?.ownBot?.token), 'bot-token')
  t.equal(openedWith(alone, hookKeyOwner(id), project?.hook.signingKey), 'whsec_now')
  t.equal(openedWith(alone, hookKeyOwner(id), project?.hook.previousSigningKey), 'whsec_before')
  for (const userId of [1, 100, 250]) {
    const row = await stores.grants.find(grantId(userId, 'posting'))
    if (row === null) throw new Error('No grant')
    const pairs = createGrantPairs(alone, () => now)
    t.equal(pairs.find(row, 'access'), `first-access-${userId}`)
    t.equal(pairs.find(row, 'refresh'), `first-refresh-${userId}`)
    t.equal(row.generation, 1, 'and it is the same pair')
  }
})

t.test('what is saved meanwhile is not overwritten', async (t) => {
  const { db, stores, saveGrant } = await openWorld(t)
  const sealer = createSealer([fresh, old])
  const { list } = stores.sealed
  const interfering: typeof stores.sealed = {
    ...stores.sealed,
    async list(field, options) {
      const found = await list(field, options)
      if (field.path === 'access' && found.length > 0) await saveGrant(createSealer([old]), 2, 'second')
      return found
    },
  }

  await run(interfering, sealer)

  const row = await stores.grants.find(grantId(2, 'posting'))
  if (row === null) throw new Error('No grant')
  const pairs = createGrantPairs(sealer, () => now)
  t.equal(pairs.find(row, 'access'), 'second-access-2')
  t.equal(pairs.find(row, 'refresh'), 'second-refresh-2')

  await run(stores.sealed, sealer)
  t.same(await keysInUse(db), { fresh: 9 }, 'the next run does the rest')
})

t.test('saves beside many runs lose nothing', async (t) => {
  const { stores, saveGrant } = await openWorld(t, 40)
  const sealer = createSealer([fresh, old])
  const people = Array.from({ length: 40 }, (_, index) => index + 1)

  await Promise.all([
    ...people.map((userId) => saveGrant(createSealer([old]), userId, 'second')),
    ...[1, 2, 3].map(() => run(stores.sealed, sealer)),
  ])

  const pairs = createGrantPairs(sealer, () => now)
  for (const userId of people) {
    const row = await stores.grants.find(grantId(userId, 'posting'))
    if (row === null) throw new Error('No grant')
    const both = [pairs.find(row, 'access'), pairs.find(row, 'refresh')]
    t.same(both, [`second-access-${userId}`, `second-refresh-${userId}`])
  }
})

t.test('what no key opens is left as it is and does not stop the rest', async (t) => {
  const { db, stores, saveGrant } = await openWorld(t)
  await saveGrant(createSealer([lost]), 2, 'lost')
  await saveGrant(createSealer([{ ...lost, name: 'old' }]), 3, 'forged')

  await run(stores.sealed, createSealer([fresh, old]))

  t.same(await keysInUse(db), { fresh: 5, lost: 2, old: 2 })
})

t.test('one key, or none: nothing is written', async (t) => {
  const { db, stores } = await openWorld(t)

  t.match(await run(stores.sealed, createSealer([old])), { kind: 'again' })
  t.match(await run(stores.sealed, createSealer([])), { kind: 'done' })

  t.same(await keysInUse(db), { old: 9 })
})
