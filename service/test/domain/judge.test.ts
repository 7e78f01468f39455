import t from 'tap'
import { compare } from '../../domain/compare.js'
import { type ExcludedModel, judge } from '../../domain/judge.js'
import type { Model } from '../../domain/model.js'
import { createRuleBook } from '../../domain/rule-book.js'
import type { Acceptance, Verdict } from '../../domain/verdict.js'
import { readRules } from '../../ingest/rules-file.js'
import { baseline, mainModel, model, type ModelFacts } from './models.js'

interface Case {
  rules: string
  here: Model[]
  before?: Model[]
  endedJobs?: string[]
  acceptances?: Acceptance[]
  isFinal?: boolean
  excluded?: ExcludedModel[]
}

function verdictOf({
  rules,
  here,
  before = [],
  endedJobs = [],
  acceptances = [],
  isFinal = true,
  excluded = [],
}: Case): Verdict {
  const read = readRules(rules)
  if (read.rules === null) throw new Error(JSON.stringify(read.problems))
  const book = createRuleBook(read.rules)
  const baselines = before.map((one) => baseline([one]))
  const comparison = compare({ candidates: here, baselines, endedJobs: new Set(endedJobs), rules: book })
  return judge({ comparison, rules: book, acceptances, isFinal, excluded })
}

type Values = Record<string, number>

function pair(old: Values, current: Values, facts: ModelFacts = {}) {
  return { before: [mainModel({ ...facts, results: old })], here: [model({ ...facts, results: current })] }
}

function brokenOf(verdict: Verdict): string[] {
  return verdict.broken.map(({ level, kind, name, result }) => [level, kind, name, result?.name].join(' '))
}

function repeats(make: typeof model, values: number[]): Model[] {
  return values.map((accuracy, n) => make({ repeat: String(n), results: { accuracy } }))
}

const { NaN: notANumber, POSITIVE_INFINITY: infinity } = Number

t.test('a result may get worse by what its rule says and no more', async (t) => {
  const table: [string, number, number, Verdict['state']][] = [
    ['accuracy: {fail: {worse_by: 1pp}}', 0.933, 0.923, 'pass'],
    ['accuracy: {fail: {worse_by: 1pp}}', 0.933, 0.9229, 'fail'],
    ['accuracy: {fail: {worse_by: 1pp}}', 0.923, 0.99, 'pass'],
    ['accuracy: {warn: {worse_by: 1pp}}', 0.933, 0.9, 'warn'],
    ['accuracy: {warn: {worse_by: 1pp}, fail: {worse_by: 5pp}}', 0.933, 0.9, 'warn'],
    ['accuracy: {warn: {worse_by: 1pp}, fail: {worse_by: 5pp}}', 0.933, 0.8, 'fail'],
    ['loss: {fail: {worse_by: 5%}}', 2, 2.1, 'pass'],
    ['loss: {fail: {worse_by: 5%}}', 2, 2.11, 'fail'],
    ['loss: {fail: {worse_by: 5%}}', -2, -1.95, 'pass'],
    ['loss: {fail: {worse_by: 0.1}}', 2, 2.2, 'fail'],
    ['loss: {fail: {worse_by: 0.1}}', 2, notANumber, 'fail'],
    ['loss: {fail: {worse_by: 0.1}}', notANumber, 2, 'pass'],
    ['loss: {fail: {worse_by: 0.1}}', notANumber, notANumber, 'pass'],
    ['loss: {fail: {worse_by: 0.1}}', 2, infinity, 'fail'],
    ['loss: {fail: {worse_by: 5%}}', 0, 1e-9, 'fail'],
    ['auc: {fail: {worse_by: 5%}}', infinity, 0.5, 'fail'],
    ['accuracy: {fail: {worse_by: 0% of baseline}}', infinity, 0.5, 'fail'],
    ['accuracy: {fail: {worse_by: 5% of baseline}}', infinity, infinity, 'pass'],
    ['accuracy: {fail: {below: 90%}}', 0.95, 0.9, 'pass'],
    ['accuracy: {fail: {below: 90%}}', 0.8, 0.8999, 'fail'],
    ['accuracy: {fail: {below: 90%}}', 0.95, notANumber, 'fail'],
    ['loss: {fail: {above: 40}}', 50, 40, 'pass'],
    ['loss: {fail: {above: 40}}', 10, 40.1, 'fail'],
    ['loss: {fail: {above: 40}}', 10, notANumber, 'fail'],
  ]
  for (const [rule, old, current, state] of table) {
    const name = rule.split(':')[0] ?? ''

    const verdict = verdictOf({ rules: `results:\n  ${rule}`, ...pair({ [name]: old }, { [name]: current }) })

    t.equal(verdict.state, state, `${rule}, ${old} to ${current}`)
    t.equal(verdict.applied, 1)
  }
})

t.test('a model with values beyond 1 does not take the percentage points from the others', async (t) => {
  const rules = 'results: {accuracy: {fail: {worse_by: 1pp}}}'
  const { before, here } = pair({ accuracy: 0.9 }, { accuracy: 0.5 })
  const other = model({ name: 'other', results: { accuracy: 91.3 } })
  const isBeyond = pair({ accuracy: 0.9 }, { accuracy: 50 })

  t.strictSame(brokenOf(verdictOf({ rules, before, here: [...here, other] })), [
    'fail worse_by tree accuracy',
  ])
  t.strictSame(brokenOf(verdictOf({ rules, ...isBeyond })), ['warn not_applicable tree accuracy'])
})

t.test('without a rule nothing is broken and no gate is set', async (t) => {
  t.strictSame(verdictOf({ rules: '{}', ...pair({ accuracy: 0.9 }, { accuracy: 0.1 }) }), {
    state: 'pass',
    broken: [],
    applied: 0,
  })
})

t.test('a limit holds without a baseline, a difference does not', async (t) => {
  const rules = 'results: {accuracy: {fail: {worse_by: 1pp, below: 90%}}}'

  t.strictSame(brokenOf(verdictOf({ rules, here: [model({ results: { accuracy: 0.8 } })] })), [
    'fail below tree accuracy',
  ])
})

t.test('on other data only limits are judged', async (t) => {
  const rules = 'results: {accuracy: {fail: {worse_by: 1pp, below: 50%}}}'
  const before = [mainModel({ results: { accuracy: 0.9 }, datasetDigest: 'a' })]
  const here = [model({ results: { accuracy: 0.4 }, datasetDigest: 'b' })]

  t.strictSame(brokenOf(verdictOf({ rules, before, here })), ['fail below tree accuracy'])
})

t.test('a difference within the noise warns where it would have failed', async (t) => {
  const before = repeats(mainModel, [0.95, 0.85, 0.9])
  const here = repeats(model, [0.84, 0.92, 0.86])
  const read = readRules('results: {accuracy: {fail: {worse_by: 1pp}, warn: {worse_by: 0.5pp}}}').rules
  if (read === null) throw new Error('rules expected')
  const rules = createRuleBook(read)
  const comparison = compare({ candidates: here, baselines: [baseline(before)], endedJobs: new Set(), rules })

  const verdict = judge({ comparison, rules, acceptances: [], isFinal: true })

  t.match(verdict, { state: 'warn', broken: [{ kind: 'worse_by', level: 'warn', withinNoise: true }] })
  t.equal(verdict.broken.length, 1)
})

t.test('percentage points of what is no fraction say so', async (t) => {
  const rules = 'results: {gini: {better: higher, fail: {worse_by: 1pp}}}'

  t.strictSame(brokenOf(verdictOf({ rules, ...pair({ gini: 93 }, { gini: 12 }) })), [
    'warn not_applicable tree gini',
  ])
})

t.test('a required model must report, once every job has ended', async (t) => {
  const rules = 'required: [{model: tree, dataset: wine}]'
  const here = [model({ dataset: 'iris' })]
  const job = mainModel({ dataset: 'wine' }).job.name

  t.strictSame(brokenOf(verdictOf({ rules, here })), ['fail required tree '])
  t.equal(verdictOf({ rules, here, isFinal: false }).state, 'pass')
  t.equal(verdictOf({ rules, here: [model({ dataset: 'wine' })] }).state, 'pass')
  const before = [mainModel({ dataset: 'wine' })]
  t.equal(verdictOf({ rules, here, before }).state, 'pass', 'not run here, the target branch has it')
  t.strictSame(brokenOf(verdictOf({ rules, here, before, endedJobs: [job] })), ['fail required tree '])
})

t.test('what its job did not send is as bad as the rules say', async (t) => {
  const before = [mainModel({})]
  const endedJobs = [mainModel({}).job.name]
  const of = (missing: string) => verdictOf({ rules: `missing: ${missing}`, here: [], before, endedJobs })

  t.strictSame(brokenOf(of('fail')), ['fail missing tree '])
  t.strictSame(brokenOf(of('warn')), ['warn missing tree '])
  t.strictSame(brokenOf(of('pass')), [])
})

t.test('a judged result that is gone counts as missing', async (t) => {
  const rules = 'missing: fail\nresults: {accuracy: {fail: {below: 90%}}}'

  t.strictSame(brokenOf(verdictOf({ rules, ...pair({ accuracy: 0.95, loss: 1 }, { loss: 1 }) })), [
    'fail missing tree accuracy',
  ])
})

t.test('a model without a baseline is as bad as the rules say', async (t) => {
  t.strictSame(brokenOf(verdictOf({ rules: 'no_baseline: fail', here: [model()] })), [
    'fail no_baseline tree ',
  ])
  t.equal(verdictOf({ rules: 'no_baseline: pass', here: [model()] }).state, 'pass')
})

t.test('overrides change and switch off rules for some models', async (t) => {
  const rules = [
    'results: {accuracy: {fail: {below: 90%}}}',
    'overrides:',
    '  - {models: experiments/*, gate: off}',
    '  - {models: fraud/*, results: {accuracy: {fail: {below: 50%}}}}',
  ].join('\n')
  const at = (name: string, accuracy: number) =>
    verdictOf({ rules, here: [model({ name, results: { accuracy } })] })

  t.equal(at('tree', 0.8).state, 'fail')
  t.equal(at('experiments/tree', 0.1).state, 'pass')
  t.equal(at('fraud/tree', 0.6).state, 'pass')
  t.equal(at('fraud/tree', 0.4).state, 'fail')
})

t.test('an accepted rule counts as passed, and no other with it', async (t) => {
  const rules = 'results: {accuracy: {fail: {below: 90%}}, loss: {fail: {above: 1}}}'
  const here = [model({ results: { accuracy: 0.8, loss: 2 } })]
  const [first] = verdictOf({ rules, here }).broken
  const acceptance = { headSha: 'x', username: 'maya', reason: 'new data', at: new Date(0) }
  const accepted = (keys: string[]) => verdictOf({ rules, here, acceptances: [{ ...acceptance, keys }] })

  t.match(accepted([first?.key ?? '']), { state: 'fail', broken: [{ acceptance: null }, { acceptance: {} }] })
  const all = verdictOf({ rules, here }).broken.map(({ key }) => key)
  t.match(accepted(all), { state: 'pass', broken: [{ acceptance: { username: 'maya' } }, {}] })
})

t.test('what is accepted is a value beside a limit: a later try or a stricter rule is not', async (t) => {
  const rules = 'results: {accuracy: {fail: {below: 90%}}}'
  const here = [model({ results: { accuracy: 0.88 } })]
  const keys = verdictOf({ rules, here }).broken.map(({ key }) => key)
  const acceptances = [{ keys, headSha: 'x', username: 'maya', reason: 'new data', at: new Date(0) }]

  t.equal(verdictOf({ rules, here, acceptances }).state, 'pass')
  const worse = [model({ results: { accuracy: 0.2 } })]
  t.equal(verdictOf({ rules, here: worse, acceptances }).state, 'fail')
  t.equal(verdictOf({ rules: rules.replace('90%', '95%'), here, acceptances }).state, 'fail')
})

t.test('a model that was taken out fails where it had rules to keep', async (t) => {
  const rules = [
    'results: {accuracy: {fail: {below: 90%}}, loss: {warn: {above: 1}}}',
    'overrides: [{models: toy, gate: off}]',
  ].join('\n')
  const without = (name: string, results: string[]) =>
    brokenOf(verdictOf({ rules, here: [], excluded: [{ name, dataset: 'iris', results }] }))

  t.strictSame(without('tree', ['accuracy', 'loss']), ['fail excluded tree '])
  t.strictSame(without('tree', ['loss']), ['warn excluded tree '])
  t.strictSame(without('tree', ['gini']), [])
  t.strictSame(without('toy', ['accuracy']), [])
})

t.test('on other data there is nothing to compare with', async (t) => {
  const before = [mainModel({ results: { accuracy: 0.9 }, datasetDigest: 'a' })]
  const here = [model({ results: { accuracy: 0.2 }, datasetDigest: 'b' })]

  t.strictSame(brokenOf(verdictOf({ rules: 'no_baseline: fail', before, here })), ['fail no_baseline tree '])
})

t.test('fails come before warnings, in the order of the rows', async (t) => {
  const rules = 'results: {accuracy: {warn: {below: 95%}, fail: {below: 90%}}}'
  const here = [0.94, 0.8, 0.93, 0.7].map((accuracy, n) => model({ name: `m${n}`, results: { accuracy } }))

  t.strictSame(brokenOf(verdictOf({ rules, here })), [
    'fail below m1 accuracy',
    'fail below m3 accuracy',
    'warn below m0 accuracy',
    'warn below m2 accuracy',
  ])
})
