import t from 'tap'
import { openTestDatabase } from '../../../embedded/test-database.js'
import { createProjectStore, projectCollection } from '../../stores/project-store.js'

const now = new Date('2026-01-01T12:00:00Z')
const long = new Date('2026-01-01T00:00:00Z')

async function openProjects(t: Parameters<typeof openTestDatabase>[0]) {
  const { db } = await openTestDatabase(t)
  const projects = createProjectStore(db)
  const connect = async (name: string, number: number) => {
    const path = `research/${name}`
    const facts = { gitlabProjectId: number, path, webUrl: `https://gitlab.example.com/${path}` }
    const open = { defaultBranch: 'main', visibility: 'private', pipelinesOpen: false } as const
    const { id } = await projects.connect({ ...facts, ...open }, long)
    await projects.setHook(id, { state: 'registered', hookId: number, secretHash: name })
    return id
  }
  const [here, disconnected, orphaned, deleting] = await Promise.all(
    ['here', 'disconnected', 'orphaned', 'deleting'].map((name, index) => connect(name, index + 1)),
  )
  if (!here || !disconnected || !orphaned || !deleting) throw new Error('no projects')
  await projectCollection(db).updateOne({ _id: disconnected }, { $set: { disconnectedAt: long } })
  await projects.markOrphaned(orphaned, long)
  await projects.markDeleting(deleting, long)
  return { projects, here, all: [here, disconnected, orphaned, deleting] }
}

t.test('only projects that are connected and there are looked after', async (t) => {
  const { projects, here, all } = await openProjects(t)
  const never = { hooked: long, hookless: long, limit: 10 }

  t.same(await projects.listHooksToCheck(now, 10), [here])
  t.same(await projects.listToPoll(all, never), [here])
})

t.test('webhooks are checked and merge requests polled when their time has come', async (t) => {
  const { projects, here } = await openProjects(t)
  const at = (minutes: number) => new Date(now.getTime() + minutes * 60_000)
  const health = { alertStatus: 'executable', disabledUntil: null, lastDeliveryAt: null, logReadAt: null }
  await projects.setPolled(here, { at: now, until: now })
  await projects.setHookHealth(here, 1, { ...health, checkedAt: now })
  const hook = await projects.find(here)

  t.same(await projects.listHooksToCheck(at(-1), 10), [])
  const poll = (hooked: number, hookless: number) =>
    projects.listToPoll([here], { hooked: at(hooked), hookless: at(hookless), limit: 10 })
  t.same(await poll(-1, 1), [])
  t.same(await poll(1, -1), [here])
  await projects.setHook(here, { state: 'not_allowed', hookId: null, secretHash: null })
  t.same(await poll(1, -1), [])
  t.same(await poll(-1, 1), [here])
  t.equal(hook?.hook.health?.alertStatus, 'executable')
})

t.test('projects of a burst of webhooks are found together', async (t) => {
  const { projects, here, all } = await openProjects(t)

  const found = await Promise.all([...all, 'p0', here].map((id) => projects.findOfHook(id)))
  const bySecret = await Promise.all(
    ['here', 'nobody', 'here'].map((hash) => projects.findBySecretHash(hash)),
  )

  t.same(
    found.map((project) => project?.path ?? null),
    ['research/here', 'research/disconnected', 'research/orphaned', null, null, 'research/here'],
  )
  t.same(
    bySecret.map((project) => project?.id ?? null),
    [here, null, here],
  )
})
