import t from 'tap'
import type { Amount, Gate, ResultRule, Rules } from '../../domain/rules.js'
import { readRules } from '../../ingest/rules-file.js'

const blank: Rules = {
  results: [],
  overrides: [],
  required: [],
  noBaseline: 'pass',
  missing: 'warn',
  note: { columns: null, when: 'always', groupBy: null },
}

function rule(pattern: string, line: number, says: Partial<ResultRule>): ResultRule {
  const nothing = {
    better: null,
    format: null,
    unit: null,
    digits: null,
    tolerance: null,
    warn: null,
    fail: null,
  }
  return { ...nothing, pattern, line, ...says }
}

function gate(says: Partial<Gate>): Gate {
  return { worseBy: null, below: null, above: null, ...says }
}

const points = (value: number, text: string): Amount => ({ kind: 'points', value, text })
const relative = (value: number, text: string): Amount => ({ kind: 'relative', value, text })
const absolute = (value: number, text: string): Amount => ({ kind: 'absolute', value, text })

t.test('the tiny example', async (t) => {
  const read = readRules('results:\n  accuracy: {fail: {worse_by: 1pp}}\n')

  const fail = gate({ worseBy: points(0.01, '1pp') })
  t.strictSame(read, { rules: { ...blank, results: [rule('accuracy', 2, { fail })] }, problems: [] })
})

t.test('the usual example', async (t) => {
  const read = readRules(`results:
  accuracy: {better: higher, format: percent, tolerance: 0.2pp, fail: {worse_by: 1pp, below: 90%}}
  loss:     {better: lower, tolerance: 1%, warn: {worse_by: 5%}}
  "*_ms":   {better: lower, unit: ms, digits: 1, fail: {above: 40}}
note: {columns: [accuracy, loss], when: always}   # or: changed
no_baseline: pass                                 # or: warn, fail
`)

  t.strictSame(read.rules, {
    ...blank,
    results: [
      rule('accuracy', 2, {
        better: 'higher',
        format: 'percent',
        tolerance: points(0.002, '0.2pp'),
        fail: gate({ worseBy: points(0.01, '1pp'), below: { value: 0.9, text: '90%' } }),
      }),
      rule('loss', 3, {
        better: 'lower',
        tolerance: relative(0.01, '1%'),
        warn: gate({ worseBy: relative(0.05, '5%') }),
      }),
      rule('*_ms', 4, {
        better: 'lower',
        unit: 'ms',
        digits: 1,
        fail: gate({ above: { value: 40, text: '40' } }),
      }),
    ],
    note: { columns: ['accuracy', 'loss'], columnsLine: 5, when: 'always', groupBy: null },
  })
})

t.test('the monorepo example', async (t) => {
  const read = readRules(`results:
  auc: {better: higher, fail: {worse_by: 0.005}}
overrides:
  - {models: fraud/*, results: {auc: {fail: {below: 0.92}}}}
  - models: ranker/*
    datasets: [prod, prod-eu]
    results: {ndcg@10: {better: higher, fail: {worse_by: 1%}}}
  - {models: experiments/*, gate: off}
required: [{model: fraud/xgb, dataset: prod}]
note: {group_by: folder}                          # folders that did not run: one line
`)

  const ndcg = rule('ndcg@10', 7, { better: 'higher', fail: gate({ worseBy: relative(0.01, '1%') }) })
  const auc = rule('auc', 4, { fail: gate({ below: { value: 0.92, text: '0.92' } }) })
  t.strictSame(read.rules, {
    ...blank,
    results: [rule('auc', 2, { better: 'higher', fail: gate({ worseBy: absolute(0.005, '0.005') }) })],
    overrides: [
      { models: ['fraud/*'], datasets: [], gateOff: false, results: [auc], line: 4 },
      { models: ['ranker/*'], datasets: ['prod', 'prod-eu'], gateOff: false, results: [ndcg], line: 5 },
      { models: ['experiments/*'], datasets: [], gateOff: true, results: [], line: 8 },
    ],
    required: [{ model: 'fraud/xgb', dataset: 'prod', line: 9 }],
    note: { columns: null, when: 'always', groupBy: 'folder' },
  })
})

t.test('other spellings of the same', async (t) => {
  const wanted = readRules('results: {auc: {better: higher}, loss: {better: lower}}').rules

  t.strictSame(readRules('metrics: {auc: {better: max}, loss: {better: min}}').rules, wanted)
  t.strictSame(
    readRules('{"results": {"auc": {"better": "higher"}, "loss": {"better": "lower"}}}').rules,
    wanted,
  )
  t.strictSame(readRules('results:\r\n  auc: {better: higher}\r\n').rules?.results[0]?.line, 2)
  t.strictSame(readRules('\ufeffresults: {auc: {better: higher}, loss: {better: lower}}').rules, wanted)
  t.equal(readRules('overrides: [{gate: false}]').rules?.overrides[0]?.gateOff, true)
  t.equal(readRules('required: [{model: tree}]').rules?.required[0]?.dataset, 'default')
  t.equal(readRules('overrides: [{metrics: {auc: {digits: 2}}}]').rules?.overrides[0]?.results[0]?.digits, 2)
})

t.test('an alias stands for what it names', async (t) => {
  const { rules } = readRules('results:\n  auc: &strict {fail: {worse_by: 0.01}}\n  gini: *strict\n')

  t.strictSame(rules?.results[1], { ...rules?.results[0], pattern: 'gini', line: 3 })
})

t.test('a file that says nothing has no rules', async (t) => {
  for (const text of ['', '\n\n', '# nothing yet\n', '---\n', '\ufeff', '~'])
    t.strictSame(readRules(text), { rules: blank, problems: [] }, JSON.stringify(text))
})

t.test('names are kept as they are written', async (t) => {
  const names = ['1.0', 'true', 'constructor', 'toString', 'hasOwnProperty', 'ndcg@10', 'a.b', 'é']
  const { rules } = readRules(`results:\n${names.map((name) => `  ${name}: {}\n`).join('')}`)

  t.strictSame(
    rules?.results.map(({ pattern }) => pattern),
    names,
  )
})

const amounts: [string, Amount][] = [
  ['0', absolute(0, '0')],
  ['0.01', absolute(0.01, '0.01')],
  ['"0.01"', absolute(0.01, '0.01')],
  ['1e-7', absolute(1e-7, '1e-7')],
  ['.5', absolute(0.5, '0.5')],
  ['1.1pp', points(0.011, '1.1pp')],
  ['0.2%', relative(0.002, '0.2%')],
  ['1% of baseline', relative(0.01, '1% of baseline')],
]

t.test('differences are read without rounding', async (t) => {
  for (const [written, wanted] of amounts) {
    const { rules } = readRules(`results: {gini: {tolerance: ${written}, fail: {worse_by: ${written}}}}`)
    t.strictSame(rules?.results[0]?.tolerance, wanted, written)
    t.strictSame(rules?.results[0]?.fail?.worseBy, wanted, written)
  }
})

t.test('values may be negative, and a percentage is a value', async (t) => {
  const limits: [string, number][] = [
    ['-0.5', -0.5],
    ['99.9%', 0.999],
    ['-5%', -0.05],
    ['"40"', 40],
  ]
  for (const [written, value] of limits) {
    const { rules } = readRules(`results: {r2: {fail: {below: ${written}}}}`)
    t.equal(rules?.results[0]?.fail?.below?.value, value, written)
  }
})
