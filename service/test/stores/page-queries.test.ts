import { ObjectId } from 'mongodb'
import t from 'tap'
import { openTestDatabase } from '../../../embedded/test-database.js'
import { createComparisonStore, type StoredComparison } from '../../stores/comparison-store.js'
import { createCurveStore } from '../../stores/curve-store.js'
import { ensureIndexes } from '../../stores/indexes.js'
import { createPipelineStore, type Pipeline } from '../../stores/pipeline-store.js'

const { db } = await openTestDatabase(t)
await ensureIndexes(db)

function comparison(changes: Partial<StoredComparison>): StoredComparison {
  return {
    projectId: 'p1',
    mrIid: 1,
    mrState: 'opened',
    mrUrl: 'https://git.example.com/g/p/-/merge_requests/1',
    sourceBranch: 'tune',
    targetBranch: 'main',
    headSha: 'a'.repeat(40),
    baseSha: 'b'.repeat(40),
    commitsBehind: 0,
    previousHeadSha: null,
    jobIds: [1],
    summary: '1 better',
    lines: [],
    table: { columns: [], rows: [], rowsTotal: 0 },
    pipeline: { id: 1, state: 'finished', jobsReported: 1, jobsTotal: 1, failedJobs: [] },
    judgedAt: new Date('2026-01-01'),
    ...changes,
  }
}

function pipeline(projectId: string, pipelineId: number, mrIids: number[]): Pipeline {
  const sha = 'a'.repeat(40)
  const now = new Date()
  return {
    projectId,
    pipelineId,
    sha,
    headSha: sha,
    targetSha: null,
    ref: 'main',
    kind: 'branch',
    source: 'push',
    status: 'success',
    webUrl: 'https://git.example.com/g/p/-/pipelines/1',
    mrIids,
    ended: true,
    jobs: [],
    silent: [],
    firstSeenAt: now,
    checkedAt: now,
    heardAt: null,
    expected: null,
    asksExpected: false,
    rootId: null,
    commitStatus: null,
    verdicts: [],
  }
}

function curve(name: string, count: number) {
  return {
    name,
    steps: Float64Array.from({ length: count }, (_, index) => index),
    values: Float64Array.from({ length: count }, (_, index) => (index === 3 ? Number.NaN : index / 2)),
  }
}

t.test('open merge requests come newest first, of their project, without their tables', async (t) => {
  const comparisons = createComparisonStore(db)
  for (const changes of [
    { mrIid: 1, judgedAt: new Date('2026-01-01') },
    { mrIid: 2, judgedAt: new Date('2026-01-03') },
    { mrIid: 3, judgedAt: new Date('2026-01-02') },
    { mrIid: 4, mrState: 'merged' },
    { mrIid: 5, projectId: 'p2' },
  ]) {
    await comparisons.save(comparison(changes))
  }

  const open = await comparisons.listOpen('p1', 2)

  t.same(
    open.map(({ mrIid, summary }) => [mrIid, summary]),
    [
      [2, '1 better'],
      [3, '1 better'],
    ],
  )
  t.notOk(open.some((found) => 'table' in found))
})

t.test('a comparison keeps its table, NaN included', async (t) => {
  const comparisons = createComparisonStore(db)
  const row = {
    dataset: 'iris',
    name: '$tree.x',
    state: 'worse' as const,
    here: null,
    baseline: null,
    results: [],
    settings: [],
    resultsTotal: Number.NaN,
    settingsTotal: 0,
    datasetChanged: false,
  }
  const table = { columns: [], rows: [row], rowsTotal: 1 }

  await comparisons.save(comparison({ mrIid: 9, table }))

  t.same((await comparisons.find('p1', 9))?.table, table)
})

t.test('merge requests of pipelines are found by one query, of their project', async (t) => {
  const pipelines = createPipelineStore(db)
  await pipelines.save(pipeline('p1', 1, [12, 13]))
  await pipelines.save(pipeline('p1', 2, []))
  await pipelines.save(pipeline('p2', 3, [14]))
  await pipelines.addSilentJob('p1', 4, { id: 1, name: 'train', status: 'failed', at: new Date() })

  const found = await pipelines.listMergeRequests('p1', [1, 2, 3, 4, 5])

  t.same(
    found,
    new Map([
      [1, [12, 13]],
      [2, []],
      [4, []],
    ]),
  )
  t.equal((await pipelines.listMergeRequests('p1', [])).size, 0)
})

t.test('curves are read by number, whole and in order, of one upload', async (t) => {
  const curves = createCurveStore(db)
  const [upload, other] = [new ObjectId(), new ObjectId()]
  const long = curve('long', 150_000)
  const many = Array.from({ length: 12 }, (_, index) => curve(`curve ${index}`, index + 1))
  await curves.saveCurves(upload, [long, ...many])
  await curves.saveCurves(other, [curve('other', 2)])

  const [eleventh, first, none] = await curves.readCurves(upload, [11, 0, 99])

  t.equal(eleventh?.steps.length, 11)
  t.equal(first?.values.length, 150_000)
  t.equal(first?.values.at(-1), 149_999 / 2)
  t.ok(Number.isNaN(first?.values[3]))
  t.equal(none?.steps.length, 0)
  t.same(await curves.readCurves(upload, []), [])
})
