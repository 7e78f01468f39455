import t from 'tap'
import { type Baseline, identityOf } from '../../domain/baseline.js'
import type { ComparedModel, Comparison } from '../../domain/comparison.js'
import { compareWithLastPush } from '../../domain/last-push.js'
import { compare } from '../../domain/compare.js'
import type { Model } from '../../domain/model.js'
import { createRuleBook } from '../../domain/rule-book.js'
import { noRules } from '../../domain/rules.js'
import { readRules } from '../../ingest/rules-file.js'
import { baseline, mainModel, model, type ModelFacts } from './models.js'

type Values = Record<string, number>

const rules = createRuleBook(noRules)

function compareAll(candidates: Model[], baselines: Baseline[], endedJobs: string[] = []): Comparison {
  return compare({ candidates, baselines, endedJobs: new Set(endedJobs), rules })
}

/** One model before and here. */
function compareOne(old: Values, current: Values, facts: [ModelFacts, ModelFacts] = [{}, {}]): ComparedModel {
  const before = baseline([mainModel({ ...facts[0], results: old })])
  const [row] = compareAll([model({ ...facts[1], results: current })], [before]).rows
  if (row === undefined) throw new Error('one row expected')
  return row
}

function stateOf(name: string, old: number, current: number): string | undefined {
  return compareOne({ [name]: old }, { [name]: current }).results[0]?.state
}

function withDigests(a: string | null, b: string | null, here = 0.8): ComparedModel {
  return compareOne({ accuracy: 0.9 }, { accuracy: here }, [{ datasetDigest: a }, { datasetDigest: b }])
}

function repeats(values: number[]): Model[] {
  return values.map((x, n) => model({ repeat: String(n), results: { x } }))
}

function percentOf(...values: number[]): (boolean | undefined)[] {
  const here = values.map((accuracy, n) => model({ name: `m${n}`, results: { accuracy } }))
  return compareAll(here, []).rows.map(({ results }) => results[0]?.percent)
}

const { NaN: notANumber, POSITIVE_INFINITY: infinity, NEGATIVE_INFINITY: minusInfinity } = Number

t.test('a result is judged by its direction', async (t) => {
  const table: [string, number, number, string][] = [
    ['accuracy', 0.9, 0.91, 'better'],
    ['accuracy', 0.9, 0.89, 'worse'],
    ['loss', 0.2, 0.1, 'better'],
    ['loss', 0.2, 0.3, 'worse'],
    ['gini', 0.2, 0.3, 'changed'],
    ['accuracy', 0.9, 0.9, 'same'],
    ['gini', 0.2, 0.2, 'same'],
    ['loss', 0, 0.1, 'worse'],
    ['loss', 0.1, 0, 'better'],
    ['loss', 0, -0, 'same'],
    ['loss', -0, 0, 'same'],
    ['r2', -0.1, 0.1, 'better'],
    ['loss', -3, -4, 'better'],
    ['loss', 1e-300, 2e-300, 'worse'],
    ['loss', 5e-324, 0, 'better'],
    ['loss', 1e308, 1.1e308, 'worse'],
    ['loss', -1e308, 1e308, 'worse'],
    ['loss', 0.1 + 0.2, 0.3, 'same'],
    ['loss', 1, 1 + 1e-11, 'worse'],
    ['accuracy', 0.9, notANumber, 'worse'],
    ['loss', 0.9, notANumber, 'worse'],
    ['gini', 0.9, notANumber, 'worse'],
    ['loss', infinity, notANumber, 'worse'],
    ['loss', notANumber, 0.9, 'better'],
    ['loss', notANumber, infinity, 'better'],
    ['gini', notANumber, 0.9, 'changed'],
    ['loss', notANumber, notANumber, 'same'],
    ['loss', 1, infinity, 'worse'],
    ['loss', infinity, 1, 'better'],
    ['loss', minusInfinity, 1, 'worse'],
    ['loss', minusInfinity, infinity, 'worse'],
    ['loss', infinity, infinity, 'same'],
    ['accuracy', 0.5, infinity, 'better'],
  ]
  for (const [name, old, current, state] of table)
    t.equal(stateOf(name, old, current), state, `${name} ${old} ${current}`)
})

t.test(
  'differences are null where they are no number, and relative ones where they say nothing',
  async (t) => {
    const table: [number, number, number | null, number | null][] = [
      [2, 3, 1, 0.5],
      [-2, -3, -1, -0.5],
      [0, 3, 3, null],
      [2, -2, -4, null],
      [2, 0, -2, -1],
      [2, 2, 0, 0],
      [0, 0, 0, 0],
      [1, infinity, null, null],
      [infinity, infinity, null, null],
      [1, notANumber, null, null],
      [-1e308, 1e308, null, null],
      [5e-324, 1, 1, null],
    ]
    for (const [old, current, difference, relative] of table) {
      const [result] = compareOne({ x: old }, { x: current }).results
      t.strictSame([result?.difference, result?.relative], [difference, relative], `${old} ${current}`)
    }
  },
)

t.test('a model is what its results are', async (t) => {
  const old = { accuracy: 0.9, loss: 0.2, gini: 0.4 }
  const table: [Values, string][] = [
    [{ accuracy: 0.8, loss: 0.3, gini: 0.4 }, 'worse'],
    [{ accuracy: 0.8, loss: 0.2, gini: 0.4 }, 'worse'],
    [{ accuracy: 0.8, loss: 0.1, gini: 0.4 }, 'mixed'],
    [{ accuracy: 0.95, loss: 0.2, gini: 0.9 }, 'better'],
    [{ accuracy: 0.95, gini: 0.4 }, 'mixed'],
    [{ accuracy: 0.8, gini: 0.4 }, 'worse'],
    [{ accuracy: 0.9, gini: 0.4 }, 'changed'],
    [{ accuracy: 0.9, loss: 0.2, gini: 0.5 }, 'changed'],
    [{ accuracy: 0.9, loss: 0.2, gini: 0.4, auc: 0.5 }, 'changed'],
    [{ accuracy: 0.9, loss: 0.2, gini: notANumber }, 'worse'],
    [old, 'same'],
    [{}, 'changed'],
  ]
  for (const [current, state] of table)
    t.equal(compareOne(old, current).state, state, JSON.stringify(current))
})

t.test(
  'results on the training data do not decide, unless there are no others or they turn into NaN',
  async (t) => {
    const old = { accuracy: 0.9, train_loss: 0.2 }
    t.equal(compareOne(old, { accuracy: 0.8, train_loss: 0.1 }).state, 'worse')
    t.equal(compareOne(old, { accuracy: 0.95, train_loss: 0.3 }).state, 'better')
    t.equal(compareOne(old, { accuracy: 0.9, train_loss: 0.3 }).state, 'changed')
    t.equal(compareOne(old, { accuracy: 0.95, train_loss: notANumber }).state, 'mixed')
    t.equal(compareOne({ train_loss: 0.2 }, { train_loss: 0.3 }).state, 'worse')
  },
)

t.test('a model without a baseline is new, with all its results', async (t) => {
  const { rows, counts } = compareAll([model({ results: { accuracy: 0.9, loss: notANumber } })], [])

  t.equal(rows[0]?.state, 'new')
  t.same(
    rows[0]?.results.map(({ state, old }) => [state, old]),
    [
      ['new', null],
      ['new', null],
    ],
  )
  t.equal(counts.new, 1)
})

t.test('what the baseline has and nobody sent is missing only if its job ran here and ended', async (t) => {
  const before = [
    baseline([mainModel({ name: 'a', job: { name: 'train a' } })]),
    baseline([mainModel({ name: 'b', job: { name: 'train b' } })]),
  ]

  const { rows, counts } = compareAll([], before, ['train a', 'lint'])

  t.strictSame(
    rows.map(({ name, state, models }) => [name, state, models.length]),
    [
      ['a', 'missing', 0],
      ['b', 'not_run', 0],
    ],
  )
  t.strictSame([counts.missing, counts.not_run], [1, 1])
  t.match(rows[0]?.results[0], { old: 0.9, new: null, difference: null, relative: null, state: 'missing' })
})

t.test('repeats are averaged, each result over those that have it', async (t) => {
  const before = baseline(
    [1, 2, 3].map((n) => mainModel({ repeat: String(n), results: { accuracy: n / 10 } })),
  )
  const here = [0.49, 0.51].map((accuracy, n) =>
    model({ repeat: String(n), results: n ? { accuracy, loss: 1 } : { accuracy } }),
  )

  const [row] = compareAll(here, [before]).rows
  const [accuracy, loss] = row?.results ?? []

  t.match(accuracy, { oldRepeats: 3, newRepeats: 2, new: 0.5, state: 'better' })
  t.ok(Math.abs((accuracy?.old ?? 0) - 0.2) < 1e-15)
  t.ok(Math.abs((accuracy?.newError ?? 0) - 0.01) < 1e-15)
  t.match(loss, { new: 1, newRepeats: 1, oldRepeats: 0, state: 'new' })
})

t.test('a mean of finite numbers is finite, and one NaN makes it NaN', async (t) => {
  t.equal(compareAll(repeats([1.5e308, 1.5e308]), []).rows[0]?.results[0]?.new, 1.5e308)
  t.ok(Number.isNaN(compareAll(repeats([1, notANumber]), []).rows[0]?.results[0]?.new))
  t.equal(compareAll(repeats([1, infinity]), []).rows[0]?.results[0]?.new, infinity)
})

t.test('trials change no mean, and of a search the best stands for the model', async (t) => {
  const here = [model({ results: { accuracy: 0.9 } }), model({ trial: '1', results: { accuracy: 0.1 } })]
  const searched = [0.7, 0.8, 0.6].map((accuracy, n) =>
    model({ name: 'searched', trial: String(n), results: { accuracy } }),
  )

  const { rows } = compareAll([...here, ...searched], [])

  t.strictSame(
    rows.map(({ name, results, search }) => [name, results[0]?.new, search?.chosen]),
    [
      ['searched', 0.8, '1'],
      ['tree', 0.9, null],
    ],
  )
})

t.test('a search of which no trial can be chosen is missing', async (t) => {
  const failed = [1, 2].map((n) => model({ trial: String(n), results: { accuracy: notANumber } }))

  t.match(compareAll(failed, []).rows, [{ state: 'missing', models: [], search: { trials: 2, failed: 2 } }])
})

t.test('what differs by no more than the tolerance is the same, whatever binary fractions say', async (t) => {
  const table: [string, number, number, string][] = [
    ['1pp', 0.93, 0.92, 'same'],
    ['1pp', 0.93, 0.94, 'same'],
    ['1pp', 0.93, 0.9199, 'worse'],
    ['0.01', 0.93, 0.92, 'same'],
    ['0', 0.93, 0.92, 'worse'],
    ['1pp', 0.93, notANumber, 'worse'],
  ]
  for (const [tolerance, old, current, state] of table) {
    const { rows } = compare({
      candidates: [model({ results: { accuracy: current } })],
      baselines: [baseline([mainModel({ results: { accuracy: old } })])],
      endedJobs: new Set(),
      rules: createRuleBook(readRules(`results: {accuracy: {tolerance: ${tolerance}}}`).rules ?? noRules),
    })
    t.equal(rows[0]?.state, state, `${old} to ${current} with ${tolerance}`)
  }
})

t.test('one training beside one is held against the history of the target branch', async (t) => {
  const values = [0.9, 0.92, 0.89, 0.91, 0.9, 0.93, 0.9, 0.91, 0.9]
  const history = values.map((accuracy, n) => ({
    commit: String(n),
    repeats: 1,
    results: new Map([['accuracy', accuracy]]),
  }))
  const stateAt = (accuracy: number, points = history) =>
    compare({
      candidates: [model({ results: { accuracy } })],
      baselines: [baseline([mainModel({ results: { accuracy: 0.9 } })])],
      endedJobs: new Set(),
      rules,
      history: new Map([[identityOf(model()), points]]),
    }).rows[0]

  t.match(stateAt(0.88), { state: 'noise', results: [{ noise: { kind: 'history', historyCount: 9 } }] })
  t.equal(stateAt(0.7)?.state, 'worse')
  t.equal(stateAt(0.88, history.slice(0, 7))?.state, 'worse', 'too few trainings tell nothing')
})

t.test('of what is worse the largest loss comes first, and what is NaN before it', async (t) => {
  const pairs: [string, number, number][] = [
    ['a', 0.9, 0.89],
    ['b', 0.9, 0.5],
    ['c', 0.9, notANumber],
    ['d', 0.9, 0.95],
    ['e', 0.9, 0.89],
  ]
  const here = pairs.map(([name, , accuracy]) => model({ name, results: { accuracy } }))
  const before = pairs.map(([name, accuracy]) => baseline([mainModel({ name, results: { accuracy } })]))

  t.strictSame(
    compareAll(here, before).rows.map(({ name }) => name),
    ['c', 'b', 'a', 'e', 'd'],
  )
})

t.test('columns that the rules name come first, in their order', async (t) => {
  const book = createRuleBook(readRules('note: {columns: [loss, gini]}').rules ?? noRules)
  const candidates = [model({ results: { accuracy: 1, gini: 1, loss: 1 } })]

  const { columns } = compare({ candidates, baselines: [], endedJobs: new Set(), rules: book })

  t.strictSame(
    columns.map(({ name, place }) => [name, place]),
    [
      ['loss', 0],
      ['gini', 1],
      ['accuracy', 2],
    ],
  )
})

t.test('percent is for fractions whose values all lie between 0 and 1, in every row alike', async (t) => {
  t.strictSame(percentOf(0, 1), [true, true])
  t.strictSame(percentOf(0.5, notANumber), [true, true])
  t.strictSame(percentOf(0.5, 1.01), [false, false])
  t.strictSame(percentOf(93.3, 0.5), [false, false])
  t.equal(compareOne({ accuracy: 93 }, { accuracy: 0.94 }).results[0]?.percent, false)
  t.equal(compareOne({ loss: 0.1 }, { loss: 0.2 }).results[0]?.percent, false)
})

t.test('another digest makes the numbers not comparable, an unknown one says nothing', async (t) => {
  t.match(withDigests('x', 'y'), { datasetChanged: true, state: 'changed', results: [{ state: 'changed' }] })
  t.match(withDigests('x', 'y', notANumber), { datasetChanged: true, state: 'worse' })
  t.match(withDigests('x', 'y', 0.9), { datasetChanged: true, state: 'changed' })
  t.match(withDigests('x', 'x'), { datasetChanged: false, state: 'worse' })
  t.match(withDigests(null, 'y'), { datasetChanged: false, state: 'worse' })
  t.match(withDigests('x', null), { datasetChanged: false, state: 'worse' })
})

t.test('settings are compared between repeats of the same label', async (t) => {
  const before = baseline(['1', '2'].map((seed) => mainModel({ repeat: seed, parameters: { seed, lr: 1 } })))
  const here = ['2', '3'].map((seed) => model({ repeat: seed, parameters: { seed, lr: 2 } }))

  const [row] = compareAll(here, [before]).rows

  t.strictSame(
    row?.settings.map(({ path }) => path),
    ['lr'],
  )
  t.equal(row?.settingsChanged, 1)
})

t.test('rows stand worst first, then by dataset and name, whatever the order of the input', async (t) => {
  const names: [string, string, number][] = [
    ['iris', 'b', 0.8],
    ['iris', 'B', 0.8],
    ['Iris', 'z', 0.8],
    ['iris', 'ä', 0.95],
    ['iris', 'a', 0.9],
    ['iris', 'c', 0.95],
  ]
  const here = names.map(([dataset, name, accuracy]) => model({ dataset, name, results: { accuracy } }))
  const before = names.map(([dataset, name]) =>
    baseline([mainModel({ dataset, name, results: { accuracy: 0.9 } })]),
  )

  const forward = compareAll([...here, model({ name: 'fresh' })], before)
  const backward = compareAll([model({ name: 'fresh' }), ...here.toReversed()], before.toReversed())

  t.strictSame(
    forward.rows.map(({ state, dataset, name }) => `${state} ${dataset} ${name}`),
    [
      'worse Iris z',
      'worse iris B',
      'worse iris b',
      'better iris c',
      'better iris ä',
      'new iris fresh',
      'same iris a',
    ],
  )
  t.strictSame(forward, backward)
})

t.test('the counts are those of the rows', async (t) => {
  const here = [
    model({ name: 'a', results: { accuracy: 0.1 } }),
    model({ name: 'b' }),
    model({ name: 'new' }),
  ]
  const before = ['a', 'b', 'gone'].map((name) => baseline([mainModel({ name })]))

  const { counts, rows } = compareAll(here, before)

  t.strictSame(counts, {
    worse: 1,
    missing: 0,
    mixed: 0,
    better: 0,
    changed: 0,
    new: 1,
    noise: 0,
    same: 1,
    not_run: 1,
  })
  t.equal(rows.length, 4)
})

t.test('a name that is sent twice counts with its last value', async (t) => {
  const twice = { ...model(), results: [1, 2].map((v) => ({ k: 'x', v })) }

  t.equal(compareAll([twice], []).rows[0]?.results[0]?.new, 2)
})

t.test('names may be anything', async (t) => {
  const strange = ['__proto__', 'constructor', '', '\0', 'a.b', '$x', '\ud800']
  const results = strange.map((k) => ({ k, v: 1 }))
  const here = strange.map((name) => ({ ...model({ name, dataset: name }), results }))

  const { rows, columns } = compareAll(here, [])

  t.equal(rows.length, strange.length)
  t.equal(columns.length, strange.length)
  for (const row of rows) t.equal(row.results.length, strange.length)
})

t.test('since the last push only what both heads have and what differs is told, worst first', async (t) => {
  const before = [baseline([mainModel({ name: 'a' })])]
  const last = compareAll(
    [model({ name: 'a', results: { accuracy: 0.8, loss: 0.3, old: 1 } }), model({ name: 'gone' })],
    before,
  )
  const now = compareAll(
    [model({ name: 'a', results: { accuracy: 0.85, loss: 0.4, added: 1 } }), model({ name: 'added' })],
    before,
  )

  const changes = compareWithLastPush(last, now)

  t.strictSame(
    changes.map(({ name, result }) => [name, result.name, result.old, result.new, result.state]),
    [
      ['a', 'loss', 0.3, 0.4, 'worse'],
      ['a', 'accuracy', 0.8, 0.85, 'better'],
    ],
  )
  t.same(compareWithLastPush(now, now), [])
})
