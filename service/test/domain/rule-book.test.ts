import t from 'tap'
import { createRuleBook } from '../../domain/rule-book.js'
import type { EffectiveRule, RuleBook } from '../../domain/rules.js'
import { readRules } from '../../ingest/rules-file.js'

function bookOf(text: string): RuleBook {
  const { rules, problems } = readRules(text)
  if (rules === null) throw new Error(JSON.stringify(problems))
  return createRuleBook(rules)
}

function ruleOf(book: RuleBook, result: string, name = 'tree', dataset = 'iris'): EffectiveRule {
  return book.rulesOf({ name, dataset }).ruleFor(result)
}

/** `fail` as `1pp/90%/-`. */
function failOf(book: RuleBook, result: string, name?: string, dataset?: string): string {
  const { fail } = ruleOf(book, result, name, dataset)
  return [fail?.worseBy, fail?.below, fail?.above].map((part) => part?.text ?? '-').join('/')
}

t.test('without rules, names say the direction', async (t) => {
  const book = bookOf('')

  t.strictSame(ruleOf(book, 'val_accuracy'), {
    direction: 'higher',
    directionFrom: 'name',
    tolerance: null,
    warn: null,
    fail: null,
  })
  t.match(ruleOf(book, 'gini'), { direction: 'unknown', directionFrom: 'nobody' })
  t.strictSame(book.formatOf('accuracy'), { percent: null, unit: null, digits: null })
  t.equal(book.rulesOf({ name: 'tree', dataset: 'iris' }).gateOff, false)
})

t.test('rules say the direction, against the name too', async (t) => {
  const book = bookOf('results: {gini: {better: higher}, loss: {better: max}, auc: {digits: 2}}')

  t.match(ruleOf(book, 'gini'), { direction: 'higher', directionFrom: 'rules' })
  t.match(ruleOf(book, 'loss'), { direction: 'higher', directionFrom: 'rules' })
  t.match(ruleOf(book, 'auc'), { direction: 'higher', directionFrom: 'name' })
})

t.test('one entry holds: its own name, else the last pattern that matches', async (t) => {
  const book = bookOf(`results:
  p99_ms: {fail: {above: 1}}
  "*": {unit: x, fail: {above: 2}}
  "*_ms": {fail: {above: 3}}
`)

  t.equal(failOf(book, 'p99_ms'), '-/-/1')
  t.equal(failOf(book, 'p50_ms'), '-/-/3')
  t.equal(failOf(book, 'test/p50_ms'), '-/-/3')
  t.equal(failOf(book, 'other'), '-/-/2')
  t.equal(book.formatOf('other').unit, 'x')
  t.equal(book.formatOf('p50_ms').unit, null)
})

t.test('overrides win over results, later ones over earlier ones, key by key', async (t) => {
  const book = bookOf(`results:
  auc: {better: higher, tolerance: 0.001, fail: {worse_by: 0.005}}
overrides:
  - {models: fraud/*, results: {auc: {fail: {below: 0.92}}}}
  - {models: fraud/*, datasets: [prod, prod-*], results: {"*": {fail: {below: 0.95, above: 0.99}}}}
  - {models: [fraud/old, ranker], datasets: prod, results: {auc: {fail: {worse_by: 0.02}, tolerance: 0.01}}}
`)

  t.equal(failOf(book, 'auc'), '0.005/-/-')
  t.equal(failOf(book, 'auc', 'fraud/xgb'), '0.005/0.92/-')
  t.equal(failOf(book, 'auc', 'fraud/a/b', 'prod-eu'), '0.005/0.95/0.99')
  t.equal(failOf(book, 'auc', 'fraud/old', 'prod'), '0.02/0.95/0.99')
  t.equal(failOf(book, 'auc', 'ranker', 'prod'), '0.02/-/-')
  t.equal(failOf(book, 'other', 'fraud/xgb', 'prod'), '-/0.95/0.99')
  t.equal(ruleOf(book, 'auc', 'ranker', 'prod').tolerance?.value, 0.01)
  t.equal(ruleOf(book, 'auc', 'fraud/xgb', 'prod').tolerance?.value, 0.001)
  t.equal(failOf(book, 'auc', 'fraud', 'prod'), '0.005/-/-')
})

t.test('a gate that is off stays off', async (t) => {
  const book = bookOf(`overrides:
  - {models: experiments/*, gate: off}
  - {models: experiments/*, results: {auc: {fail: {below: 0.9}}}}
  - {datasets: toy, gate: off}
`)

  t.equal(book.rulesOf({ name: 'experiments/a', dataset: 'iris' }).gateOff, true)
  t.equal(book.rulesOf({ name: 'tree', dataset: 'toy' }).gateOff, true)
  t.equal(book.rulesOf({ name: 'tree', dataset: 'iris' }).gateOff, false)
})

t.test(
  'a result is written alike everywhere: results first, then the first override that says',
  async (t) => {
    const book = bookOf(`results:
  gini: {digits: 4}
overrides:
  - {models: a, results: {gini: {format: number, digits: 1}, p99_ms: {unit: ms}}}
  - {models: b, results: {gini: {format: percent}, p99_ms: {unit: s, digits: 0}}}
`)

    t.strictSame(book.formatOf('gini'), { percent: false, unit: null, digits: 4 })
    t.strictSame(book.formatOf('p99_ms'), { percent: null, unit: 'ms', digits: 0 })
  },
)

t.test('an answer is the same the second time, for more names than are remembered', async (t) => {
  const book = bookOf('overrides: [{models: "m*7", results: {auc: {fail: {below: 0.5}}}}]')
  const names = Array.from({ length: 12_000 }, (_, index) => `m${index}`)

  const first = names.map((name) => failOf(book, 'auc', name))
  const second = names.map((name) => failOf(book, 'auc', name))

  t.strictSame(second, first)
  t.equal(first.filter((text) => text === '-/0.5/-').length, 1_200)
})

t.test('500 models of 10 results take well under a millisecond', async (t) => {
  const overrides = Array.from(
    { length: 100 },
    (_, i) => `  - {models: m${i}*, results: {loss: {digits: 2}}}\n`,
  )
  const book = bookOf(`results: {"*_ms": {digits: 1}}\noverrides:\n${overrides.join('')}`)
  const round = () => {
    const from = performance.now()
    for (let i = 0; i < 500; i++)
      for (let j = 0; j < 10; j++) book.rulesOf({ name: `m${i}`, dataset: 'd' }).ruleFor(`r${j}`)
    return performance.now() - from
  }

  const best = Math.min(...Array.from({ length: 50 }, round))

  t.ok(best < 5, `${best} ms; a shared machine may take several times what it should`)
})
