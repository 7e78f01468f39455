import t from 'tap'
import { summarise } from '../../domain/overview.js'
import type { ListedModel } from '../../domain/trainings.js'

let made = 0

function trained(changes: Partial<ListedModel> & { values?: Record<string, number> }): ListedModel {
  made += 1
  const { values = {}, ...fields } = changes
  return {
    id: `model-${made}`,
    origin: 'branch:main',
    commit: `${made}`.padStart(40, '0'),
    sourceCommit: null,
    pipeline: { id: made, source: 'push', ref: 'main', refType: 'branch', refProtected: true },
    job: { id: made, name: 'train' },
    dataset: 'iris',
    name: 'tree',
    repeat: null,
    trial: null,
    version: null,
    results: Object.entries(values).map(([k, v]) => ({ k, v })),
    uploadedAt: new Date(made * 1000),
    ...fields,
  }
}

/** Newest first, as lists come. */
function overviewOf(...oldestFirst: ListedModel[]) {
  return summarise(oldestFirst.toReversed(), { name: 'main', former: [] })
}

function ofMergeRequest(id: number): Partial<ListedModel> {
  const pipeline = {
    id,
    source: 'merge_request_event',
    ref: 'try',
    refType: 'branch',
    refProtected: false,
  } as const
  return { origin: `mr:${id}`, pipeline }
}

t.test('the best of each model stands beside the newest on the default branch', async (t) => {
  const [iris] = overviewOf(
    trained({ values: { accuracy: 0.95, loss: 0.1 } }),
    trained({ values: { accuracy: 0.93, loss: 0.2 } }),
    trained({ ...ofMergeRequest(9), values: { accuracy: 0.97, loss: 0.3 } }),
  )

  t.same(
    iris?.columns.map(({ name, direction, percent }) => [name, direction, percent]),
    [
      ['accuracy', 'higher', true],
      ['loss', 'lower', false],
    ],
  )
  const [row] = iris?.rows ?? []
  t.same(
    row?.cells.map((cell) => cell.best?.value),
    [0.97, 0.1],
  )
  t.same(
    row?.cells.map((cell) => cell.newest),
    [0.93, 0.2],
  )
  t.equal(row?.cells[0]?.best?.training.model.origin, 'mr:9')
})

t.test('the best model of a dataset is marked by direction and comes first', async (t) => {
  const [iris] = overviewOf(
    trained({ name: 'knn', values: { accuracy: 0.9, loss: 0.1 } }),
    trained({ name: 'tree', values: { accuracy: 0.95, loss: 0.2 } }),
  )

  t.same(
    iris?.rows.map(({ name, cells }) => [name, ...cells.map((cell) => cell.isTop)]),
    [
      ['tree', true, false],
      ['knn', false, true],
    ],
  )
})

t.test('nothing is best where nobody knows which way is better, or nothing differs', async (t) => {
  const [iris] = overviewOf(
    trained({ name: 'knn', values: { gini: 0.4, accuracy: 0.9 } }),
    trained({ name: 'tree', values: { gini: 0.5, accuracy: 0.9 } }),
  )

  t.same(
    iris?.columns.map(({ name }) => name),
    ['accuracy', 'gini'],
  )
  for (const { cells } of iris?.rows ?? []) {
    t.same(
      cells.map((cell) => cell.isTop),
      [false, false],
    )
    t.equal(cells[1]?.best, null)
  }
})

t.test('forks, trials and NaN are never the best', async (t) => {
  const [iris] = overviewOf(
    trained({ values: { accuracy: 0.8 } }),
    trained({ origin: 'fork:7:1', values: { accuracy: 0.99 } }),
    trained({ trial: '1', values: { accuracy: 0.98 } }),
    trained({ commit: 'f'.repeat(40), values: { accuracy: Number.NaN } }),
  )

  t.equal(iris?.rows[0]?.cells[0]?.best?.value, 0.8)
  t.ok(Number.isNaN(iris?.rows[0]?.cells[0]?.newest))
})

t.test('repeats of a commit are averaged', async (t) => {
  const commit = 'a'.repeat(40)

  const [iris] = overviewOf(
    trained({ commit, repeat: '1', values: { accuracy: 0.9 } }),
    trained({ commit, repeat: '2', values: { accuracy: 1 } }),
  )

  t.equal(iris?.rows[0]?.cells[0]?.best?.value, 0.95)
  t.equal(iris?.rows[0]?.cells[0]?.best?.training.repeats, 2)
})

t.test('a model of merge requests alone has no newest on the default branch', async (t) => {
  const [iris] = overviewOf(trained({ ...ofMergeRequest(9), values: { accuracy: 0.97 } }))

  t.equal(iris?.rows[0]?.newest, null)
  t.equal(iris?.rows[0]?.latest.model.pipeline?.id, 9)
})

t.test('a project without a default branch has no newest on it', async (t) => {
  const [iris] = summarise([trained({ values: { accuracy: 0.97 } })], null)

  t.equal(iris?.rows[0]?.newest, null)
})
