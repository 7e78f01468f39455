import t from 'tap'
import { compare } from '../../domain/compare.js'
import { createRuleBook } from '../../domain/rule-book.js'
import { noRules } from '../../domain/rules.js'
import { toComparedTable } from '../../domain/compared-table.js'
import { baseline, baseSha, mainModel, model } from './models.js'

const rules = createRuleBook(noRules)

function comparison(number = 1) {
  const names = Array.from({ length: number }, (_, index) => `model ${index}`)
  return compare({
    candidates: names.map((name) =>
      model({ name, results: { accuracy: 0.9, loss: Number.NaN }, hyperparameters: { lr: 0.1, added: 'x' } }),
    ),
    baselines: names.map((name) =>
      baseline([mainModel({ name, results: { accuracy: 0.95 }, hyperparameters: { lr: 0.2 } })]),
    ),
    endedJobs: new Set(),
    rules,
  })
}

t.test('a row keeps what its page shows, without the models', async (t) => {
  const compared = comparison()

  const table = toComparedTable(compared, compared.columns.slice(0, 1))

  t.same(table.columns, [{ name: 'accuracy', direction: 'higher', percent: true }])
  const [row] = table.rows
  t.match(row, {
    name: 'model 0',
    state: 'worse',
    here: { repeats: 1, isFork: false },
    baseline: { commit: baseSha, reason: 'merge_base', commitsBehind: 2 },
    resultsTotal: 2,
    settingsTotal: 2,
  })
  t.same(row?.settings, [
    { kind: 'hyperparameter', path: 'added', old: null, new: '"x"' },
    { kind: 'hyperparameter', path: 'lr', old: '0.2', new: '0.1' },
  ])
  t.same(
    row?.results.map(({ name }) => name),
    ['accuracy', 'loss'],
  )
})

t.test('what does not fit is left out and counted', async (t) => {
  const compared = comparison(100)

  const table = toComparedTable(compared, [], 3_000)

  t.ok(table.rows.length > 0 && table.rows.length < 100, `${table.rows.length} rows`)
  t.equal(table.rowsTotal, 100)
  t.ok(JSON.stringify(table).length < 10_000)
})

t.test('the largest comparison there can be fits into a document', async (t) => {
  const results = Object.fromEntries(
    Array.from({ length: 1_000 }, (_, index) => [`${index}${'語'.repeat(190)}`, index]),
  )
  const candidates = Array.from({ length: 500 }, (_, index) =>
    model({ name: `${index}${'語'.repeat(190)}`, results }),
  )
  const compared = compare({ candidates, baselines: [], endedJobs: new Set(), rules })

  const table = toComparedTable(compared, compared.columns.slice(0, 3))

  t.ok(Buffer.byteLength(JSON.stringify(table)) < 12 * 1024 * 1024)
  t.equal(table.rowsTotal, 500)
})

t.test('a model that is gone has no side here', async (t) => {
  const compared = compare({
    candidates: [],
    baselines: [baseline([mainModel()])],
    endedJobs: new Set([mainModel().job.name]),
    rules,
  })

  t.match(toComparedTable(compared, []).rows, [{ state: 'missing', here: null }])
})
