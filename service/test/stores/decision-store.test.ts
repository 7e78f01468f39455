import t from 'tap'
import { openTestDatabase } from '../../../embedded/test-database.js'
import { createDecisionStore } from '../../stores/decision-store.js'
import { ensureIndexes } from '../../stores/indexes.js'

const { db } = await openTestDatabase(t)
await ensureIndexes(db)
const store = createDecisionStore(db)

const at = new Date('2026-03-01T12:00:00Z')
const maya = { gitlabUserId: 7, username: 'maya' }
const decided = { ...maya, reason: 'Agreed', at }
const headSha = 'a'.repeat(40)

t.test('a broken rule is accepted once, however many accept it at the same time', async (t) => {
  const accept = (keys: string[]) => store.accept({ projectId: 'p1', mrIid: 1, headSha, keys, ...decided })

  const outcomes = await Promise.all([
    ...Array.from({ length: 10 }, () => accept(['a', 'b'])),
    ...Array.from({ length: 10 }, () => accept(['b', 'c', 'c'])),
  ])

  const rows = await store.findAcceptances('p1', 1, headSha)
  t.same(rows.flatMap(({ keys }) => keys).toSorted(), ['a', 'b', 'c'])
  t.equal(outcomes.filter(Boolean).length, rows.length)
})

t.test('acceptances of other projects, merge requests and heads are apart', async (t) => {
  const others = [
    { projectId: 'p2', mrIid: 1, headSha },
    { projectId: 'p1', mrIid: 2, headSha },
    { projectId: 'p1', mrIid: 1, headSha: 'b'.repeat(40) },
  ]
  for (const other of others) {
    t.same(await store.findAcceptances(other.projectId, other.mrIid, other.headSha), [])
    t.equal(await store.accept({ ...other, keys: ['a'], ...decided }), true)
    t.equal((await store.findAcceptances(other.projectId, other.mrIid, other.headSha)).length, 1)
  }
})

t.test('each upload is excluded once, and all of a model are included together', async (t) => {
  const model = { projectId: 'p1', modelId: 'm1', dataset: 'iris', name: 'tree', commit: headSha }
  const exclude = (jobId: number, projectId = 'p1') =>
    store.exclude({ ...model, projectId, jobId, ...decided })

  const first = await Promise.all([exclude(1), exclude(1), exclude(1)])
  const others = [await exclude(2), await exclude(1, 'p2')]

  t.same(first.toSorted(), [false, false, true])
  t.same(others, [true, true])
  const held = await store.listExclusions('p1', { modelIds: ['m1', 'm2'] })
  t.same(held.map(({ jobId }) => jobId).toSorted(), [1, 2])
  t.equal(await store.include('p1', 'm1', maya, at), 2)
  t.same(await store.listExclusions('p1', 'all'), [])
  t.equal((await store.listExclusions('p2', 'all')).length, 1)
  t.match(await store.listExclusionHistory('p1', 'm1'), [{ revokedBy: maya }, { revokedBy: maya }])
  t.equal(await exclude(1), true, 'and excluded again')
})
