import t from 'tap'
import { compareRules } from '../../domain/rule-changes.js'
import type { Rules } from '../../domain/rules.js'
import { readRules } from '../../ingest/rules-file.js'

function rulesOf(text: string): Rules {
  const { rules, problems } = readRules(text)
  if (rules === null) throw new Error(JSON.stringify(problems))
  return rules
}

const words = new Map([
  [true, 'weaker'],
  [false, 'stronger'],
])

/** `accuracy [models] fail.worse_by: 1pp → 3pp weaker` */
function changes(old: string, current: string): string[] {
  return compareRules(rulesOf(old), rulesOf(current)).map(
    ({ subject, scope, field, old, new: now, weaker }) => {
      const on = scope === null ? '' : ` [${scope.models.join()}|${scope.datasets.join()}]`
      return `${subject}${on} ${field}: ${old} → ${now} ${weaker === null ? '?' : words.get(weaker)}`
    },
  )
}

const fields: [string, string, string][] = [
  ['fail: {worse_by: 1pp}', 'fail: {worse_by: 3pp}', 'fail.worse_by: 1pp → 3pp weaker'],
  ['fail: {worse_by: 3pp}', 'fail: {worse_by: 1pp}', 'fail.worse_by: 3pp → 1pp stronger'],
  ['warn: {worse_by: 1pp}', 'warn: {worse_by: 0.1}', 'warn.worse_by: 1pp → 0.1 ?'],
  ['fail: {worse_by: 1%}', 'fail: {worse_by: 0}', 'fail.worse_by: 1% → 0 stronger'],
  ['fail: {below: 90%}', 'fail: {below: 0.8}', 'fail.below: 90% → 0.8 weaker'],
  ['fail: {below: 80%}', 'fail: {below: 90%}', 'fail.below: 80% → 90% stronger'],
  ['fail: {above: 40}', 'fail: {above: 50}', 'fail.above: 40 → 50 weaker'],
  ['fail: {above: 40}', 'fail: {above: 30}', 'fail.above: 40 → 30 stronger'],
  ['fail: {above: 40}', '', 'fail.above: 40 → null weaker'],
  ['', 'warn: {above: 40}', 'warn.above: null → 40 stronger'],
  ['tolerance: 1pp', 'tolerance: 2pp', 'tolerance: 1pp → 2pp weaker'],
  ['tolerance: 1pp', '', 'tolerance: 1pp → null stronger'],
  ['', 'tolerance: 1%', 'tolerance: null → 1% weaker'],
  ['tolerance: 1pp', 'tolerance: 1%', 'tolerance: 1pp → 1% ?'],
  ['better: higher', 'better: lower', 'better: higher → lower ?'],
  ['format: percent', 'format: number', 'format: percent → number ?'],
  ['unit: ms', 'unit: s', 'unit: ms → s ?'],
  ['digits: 1', '', 'digits: 1 → null ?'],
]

function giniFile(says: string): string {
  return `results: {gini: {${says}}}`
}

t.test('each key of a result', async (t) => {
  for (const [old, current, wanted] of fields) {
    t.strictSame(changes(giniFile(old), giniFile(current)), [`gini ${wanted}`], wanted)
  }
})

t.test('the same in other words is no change', async (t) => {
  const same: [string, string][] = [
    [
      'results: {a: {better: max, fail: {below: 90%}}}',
      'metrics:\n  a: {better: higher, fail: {below: 0.9}}',
    ],
    ['results: {a: {tolerance: 1%}}', 'results: {a: {tolerance: 1% of baseline}}'],
    ['results: {a: {}, b: {}}', 'results: {b: {}, a: {}}'],
    ['missing: warn', ''],
    ['required: [{model: a}, {model: b}]', 'required: [{model: b, dataset: default}, {model: a}]'],
    ['overrides: [{models: a, gate: off}]', 'overrides: [{models: [a], gate: false}]'],
  ]
  for (const [old, current] of same) t.strictSame(changes(old, current), [], current)
})

t.test('a limit that moves from fail to warn', async (t) => {
  t.strictSame(changes('results: {a: {fail: {below: 0.9}}}', 'results: {a: {warn: {below: 0.9}}}'), [
    'a warn.below: null → 0.9 stronger',
    'a fail.below: 0.9 → null weaker',
  ])
})

t.test('an entry that takes a name from a pattern takes its gate, too', async (t) => {
  const glob = 'results: {"*": {fail: {worse_by: 1pp}}}'
  const both = 'results: {"*": {fail: {worse_by: 1pp}}, gini: {better: higher}}'

  t.strictSame(changes(glob, both), ['gini better: null → higher ?', 'gini fail.worse_by: 1pp → null weaker'])
  t.strictSame(changes(both, glob), [
    'gini better: higher → null ?',
    'gini fail.worse_by: null → 1pp stronger',
  ])
})

t.test('patterns in another order are other rules', async (t) => {
  t.strictSame(changes('results: {"*": {}, "a*": {}}', 'results: {"a*": {}, "*": {}}'), [
    ' results.order: *, a* → a*, * ?',
  ])
})

t.test('overrides, with what they stand on', async (t) => {
  const base = 'results: {auc: {fail: {worse_by: 0.005}}}\n'
  const wide = `${base}overrides: [{models: fraud/*, results: {auc: {fail: {worse_by: 0.1}}}}]`
  const floor = `${base}overrides: [{models: fraud/*, results: {auc: {fail: {below: 0.9}}}}]`
  const off = `${base}overrides: [{models: fraud/*, datasets: [a, b], gate: off}]`

  t.strictSame(changes(base, wide), ['auc [fraud/*|] fail.worse_by: 0.005 → 0.1 weaker'])
  t.strictSame(changes(wide, base), ['auc [fraud/*|] fail.worse_by: 0.1 → 0.005 stronger'])
  t.strictSame(changes(base, floor), ['auc [fraud/*|] fail.below: null → 0.9 stronger'])
  t.strictSame(changes(base, off), [' [fraud/*|a,b] gate: null → off weaker'])
  t.strictSame(changes(off, base), [' [fraud/*|a,b] gate: off → null stronger'])
  t.strictSame(changes(wide, floor), [
    'auc [fraud/*|] fail.worse_by: 0.1 → 0.005 stronger',
    'auc [fraud/*|] fail.below: null → 0.9 stronger',
  ])
})

t.test('a rule that an override does not touch is told once', async (t) => {
  const override = 'overrides: [{models: x, results: {auc: {fail: {below: 0.9}}}}]'
  const old = `results: {auc: {fail: {worse_by: 0.1}}}\n${override}`
  const current = `results: {auc: {fail: {worse_by: 0.2}}}\n${override}`

  t.strictSame(changes(old, current), ['auc fail.worse_by: 0.1 → 0.2 weaker'])
})

t.test('overrides in another order are other rules', async (t) => {
  const a = '{models: a, results: {auc: {tolerance: 0.1}}}'
  const b = '{datasets: b, results: {auc: {tolerance: 0.2}}}'

  t.strictSame(changes(`overrides: [${a}, ${b}]`, `overrides: [${b}, ${a}]`), [
    ' overrides.order: a, * on b → * on b, a ?',
  ])
})

t.test('rules about whole models and about the note', async (t) => {
  const old = 'required: [{model: a}, {model: b, dataset: prod}]\nno_baseline: fail\nmissing: warn\n'
  const current =
    'required: [{model: a}, {model: c}]\nno_baseline: warn\nmissing: fail\nnote: {columns: [x, y], when: changed, group_by: folder}\n'

  t.strictSame(changes(old, current), [
    'c on default required: null → required stronger',
    'b on prod required: required → null weaker',
    ' no_baseline: fail → warn weaker',
    ' missing: warn → fail stronger',
    ' note.columns: null → x, y ?',
    ' note.when: always → changed ?',
    ' note.group_by: null → folder ?',
  ])
})
