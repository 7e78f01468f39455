import t from 'tap'
import { type KnownNames, unmatchedPatterns } from '../../domain/rule-matches.js'
import { readRules } from '../../ingest/rules-file.js'

const known: KnownNames = {
  results: ['accuracy', 'loss', 'p99_ms'],
  models: [
    { name: 'fraud/xgb', dataset: 'prod' },
    { name: 'ranker/lambda', dataset: 'prod-eu' },
  ],
}

function unmatchedIn(text: string, names = known): string[] {
  const { rules, problems } = readRules(text)
  if (rules === null) throw new Error(JSON.stringify(problems))
  return unmatchedPatterns(rules, names).map(({ line, column, key, message, suggestion }) => {
    return `${line}:${column} ${key} | ${message} | ${suggestion ?? ''}`
  })
}

t.test('what matches is no problem, and neither is what is required', async (t) => {
  const text = `results: {accuracy: {}, "*_ms": {}, "*": {}, "*os*": {}}
overrides:
  - {models: fraud/*, datasets: prod, results: {loss: {}}}
  - {models: [ranker/lambda, "*"], datasets: prod-*, gate: off}
required: [{model: nobody}]
note: {columns: [accuracy]}
`

  t.strictSame(unmatchedIn(text), [])
})

t.test('each pattern that matches nothing, with the nearest name', async (t) => {
  const text = `results:
  acuracy: {}
  "*_mss": {}
  gini: {}
overrides:
  - models: [fruad/*, ranker/lambda, "*/xbg"]
    results: {los: {}}
  - {datasets: prd, gate: off}
note:
  columns: [accuracy, losss]
`

  t.strictSame(unmatchedIn(text), [
    '2:1 results.acuracy | acuracy matches no result that was reported | accuracy',
    '3:1 results.*_mss | *_mss matches no result that was reported | *_ms',
    '4:1 results.gini | gini matches no result that was reported | ',
    '6:1 overrides[0].models[0] | fruad/* matches no model that was reported | fraud/*',
    '6:1 overrides[0].models[2] | */xbg matches no model that was reported | */xgb',
    '7:1 overrides[0].results.los | los matches no result that was reported | loss',
    '8:1 overrides[1].datasets | prd matches no dataset that was reported | prod',
    '10:1 note.columns[1] | losss matches no result that was reported | loss',
  ])
})

t.test('where nothing was reported, nothing is said', async (t) => {
  const text = 'results: {gini: {}}\noverrides: [{models: x, datasets: y, gate: off}]\nnote: {columns: [z]}'

  t.strictSame(unmatchedIn(text, { results: [], models: [] }), [])
})

t.test('a column may be called like a pattern', async (t) => {
  t.strictSame(unmatchedIn('results: {"a*b": {}}', { results: ['a*b'], models: [] }), [])
})

t.test('a spelling is looked for twenty times at most, and not among all of many names', async (t) => {
  const text = `results:\n${Array.from({ length: 2_500 }, (_, n) => `  result_${n}x: {}`).join('\n')}`
  const { rules } = readRules(text)
  if (rules === null) throw new Error('rules expected')
  const results = Array.from({ length: 60_000 }, (_, n) => `result_${n}`)

  const problems = unmatchedPatterns(rules, { results, models: [] })

  t.equal(problems.length, 2_500)
  t.equal(problems.filter(({ suggestion }) => suggestion !== null).length, 20)
})
