import t from 'tap'
import { openTestDatabase } from '../../../embedded/test-database.js'
import { ensureIndexes } from '../../stores/indexes.js'
import { createProjectStore, type ProjectFacts, type ProjectStore } from '../../stores/project-store.js'

const now = new Date('2026-05-01T12:00:00Z')
const facts: ProjectFacts = {
  gitlabProjectId: 7,
  path: 'research/iris',
  webUrl: 'https://git.example.com/research/iris',
  defaultBranch: 'main',
  visibility: 'private',
  pipelinesOpen: true,
}
const maya = { gitlabUserId: 1, username: 'maya' }
const dora = { gitlabUserId: 2, username: 'dora' }

async function openStore(t: Parameters<typeof openTestDatabase>[0]): Promise<ProjectStore> {
  const { db } = await openTestDatabase(t)
  await ensureIndexes(db)
  return createProjectStore(db)
}

async function make(projects: ProjectStore, name = 'notes', createdBy = maya) {
  const project = await projects.createStandalone(
    { path: `~maya/${name}`, name, description: '', createdBy },
    now,
  )
  if (project === null) throw new Error(`${name} is taken`)
  return project
}

t.test('a path is given once, in whatever case', async (t) => {
  const projects = await openStore(t)
  const project = await make(projects)

  const again = { path: '~Maya/NOTES', name: 'NOTES', description: '', createdBy: dora }

  t.equal(await projects.createStandalone(again, now), null)
  t.match(await projects.findAnyByPath('~MAYA/Notes'), { id: project.id })
  t.equal(await projects.find(project.id), null, 'it is no connected project')
  t.equal(await projects.findByPath('~maya/notes'), null)
})

t.test('several standalone projects live beside several connected ones', async (t) => {
  const projects = await openStore(t)

  await make(projects, 'one')
  await make(projects, 'two')
  const connected = await projects.connect(facts, now)
  const same = await projects.connect(facts, now)

  t.equal(same.id, connected.id)
  const ids: string[] = []
  for await (const batch of projects.listIds(10)) ids.push(...batch)
  t.same(ids, [connected.id], 'the reconciler walks connected ones')
})

t.test('the last Maintainer stays', async (t) => {
  const projects = await openStore(t)
  const { id } = await make(projects)

  t.notOk(await projects.removeMember(id, maya.gitlabUserId))
  t.notOk(await projects.setMember(id, { ...maya, accessLevel: 20 }))
  t.same(
    (await projects.listOnlyMaintainedBy(maya.gitlabUserId)).map((project) => project.id),
    [id],
  )

  t.ok(await projects.setMember(id, { ...dora, accessLevel: 40 }))
  t.same(await projects.listOnlyMaintainedBy(maya.gitlabUserId), [])
  t.ok(await projects.setMember(id, { ...maya, accessLevel: 30 }))
  t.ok(await projects.removeMember(id, maya.gitlabUserId))
  t.match(await projects.findAny(id), { members: [{ ...dora, accessLevel: 40 }] })
  t.same(await projects.listOfMember(maya.gitlabUserId, { limit: 10, after: null, among: null }), [])
})

t.test('connecting keeps the id and the old path', async (t) => {
  const projects = await openStore(t)
  const [one, two] = [await make(projects, 'one'), await make(projects, 'two')]

  const first = await projects.connectStandalone(one.id, facts, now)
  const second = await projects.connectStandalone(two.id, facts, now)
  const third = await projects.connectStandalone(one.id, facts, now)

  t.match(first, { kind: 'connected', project: { id: one.id, ...facts, hook: { state: 'pending' } } })
  t.same(second, { kind: 'taken' })
  t.same(third, { kind: 'not_found' }, 'it is not standalone any more')
  t.match(await projects.findByPath('~maya/one'), { id: one.id, path: 'research/iris' })
  t.notOk('members' in ((await projects.findAny(one.id)) ?? {}))
})

t.test('a project that is being deleted is not found, and its path is free', async (t) => {
  const projects = await openStore(t)
  const [standalone, connected] = [await make(projects), await projects.connect(facts, now)]

  t.ok(await projects.markDeleting(standalone.id, now))
  t.ok(await projects.markDeleting(connected.id, now))

  t.notOk(await projects.markDeleting(connected.id, now), 'the second is told')
  t.equal(await projects.findAny(standalone.id), null)
  t.equal(await projects.findByGitLabId(facts.gitlabProjectId), null)
  t.equal(await projects.findAnyByPath('~maya/notes'), null)
  t.not((await projects.connect(facts, now)).id, connected.id)
  t.not((await make(projects)).id, standalone.id)
  t.match(await projects.findDeleting(connected.id), { deletingSince: now })
  await projects.remove(connected.id)
  t.equal(await projects.findDeleting(connected.id), null)
})
