import t from 'tap'
import { renderLines } from '../../render/lines.js'
import { textWidth } from '../../render/text.js'
import { mainModel, model } from '../domain/models.js'
import { cases, noteInput } from './cases.js'

function linesOf(name: string): string[] {
  const one = cases[name]
  if (one === undefined) throw new Error(`no case ${name}`)
  return renderLines(noteInput(one))
}

const link = 'Full comparison: https://mlmm.example.com/research/iris/-/merge_requests/12'

t.test('a verdict, a line for each model in columns, the address', async (t) => {
  t.strictSame(linesOf('mixed'), [
    'Model results: 1 worse, 1 mixed, 1 better, 1 unchanged, compared with 4f2a91c on main',
    '  worse   logistic  iris  accuracy 93.3 → 91.3% (−2.0 pp)         loss 0.210 → 0.241 (+0.031)',
    '  mixed   tree      wine  accuracy 88.8 → 89.9% (+1.1 pp) better  loss 0.302 → 0.310 (+0.008) worse',
    '  better  tree      iris  accuracy 93.33 → 96.67% (+3.34 pp)      loss 0.130 → 0.110 (−0.020)',
    '  same    logistic  wine  accuracy 97.2%                          loss 0.095',
    link,
  ])
})

t.test(
  'a first report, a running pipeline, several commits and nothing at all have their words',
  async (t) => {
    t.strictSame(linesOf('first-report'), [
      'Model results: first report, 2 models, nothing to compare with yet',
      '  new  logistic  iris  accuracy 91.3%  loss 0.241',
      '  new  tree      iris  accuracy 96.7%  loss 0.110',
      link,
    ])
    t.match(
      linesOf('running-first-upload')[0],
      /^Model results so far: 1 worse, compared with 4f2a91c on main$/,
    )
    t.match(linesOf('several-baselines')[0], /, compared with 3 commits on main$/)
    t.strictSame(renderLines(noteInput({ here: [] })), ['Model results: none reported', link])
  },
)

t.test('what is missing, gone, new or no number is said in words', async (t) => {
  t.match(linesOf('missing')[2], /^  missing +logistic +wine +accuracy 97\.2% → none +loss 0\.095 → none$/)
  t.match(
    linesOf('results-gone-and-new')[1],
    /accuracy 93\.0 → 94\.0% \(\+1\.0 pp\) better +f1 90\.0% new +loss 0\.200 → none/,
  )
  t.match(linesOf('strange-numbers').join('\n'), /diverged +iris +loss 0\.210 → NaN \(not a number\)$/m)
})

t.test('what got worse is told although it is no column', async (t) => {
  t.match(linesOf('worse-outside-the-columns')[1], /fpr 4\.0 → 6\.0% \(\+2\.0 pp\) worse/)
})

t.test('wide characters keep the columns aligned', async (t) => {
  const here = ['数据', 'ab', 'e\u0301e\u0301'].map((name) => model({ name, results: { accuracy: 0.5 } }))

  const lines = renderLines(noteInput({ here })).slice(1, -1)

  const widths = lines.map((line) => textWidth(line.slice(0, line.indexOf('iris'))))
  t.equal(new Set(widths).size, 1)
})

t.test('many models are cut, the worst are told', async (t) => {
  const names = Array.from({ length: 50 }, (_, index) => `m${index}`)
  const here = names.map((name) => model({ name, results: { accuracy: name === 'm49' ? 0.1 : 0.9 } }))
  const before = names.map((name) => mainModel({ name }))

  const lines = renderLines(noteInput({ here, before }))

  t.equal(lines.length, 23)
  t.match(lines[1], /worse +m49/)
  t.equal(lines.at(-2), '  and 30 more models')
})

t.test('broken rules come first, each with what it allows and what is here', async (t) => {
  const rules = `results:
  accuracy: {format: percent, fail: {worse_by: 1pp}}
  loss: {unit: nats, warn: {above: 0.2}}
required: [{model: fraud, dataset: iris}]
`
  const names = { name: 'logistic', dataset: 'iris' }
  const story = {
    before: [mainModel({ ...names, results: { accuracy: 0.9333, loss: 0.21 } })],
    here: [model({ ...names, results: { accuracy: 0.9133, loss: 0.241 } })],
    rules,
  }

  t.strictSame(renderLines(noteInput(story)).slice(1, -1), [
    '  broken   fraud     iris  must report: no result',
    '  broken   logistic  iris  accuracy worse by at most 1pp: 93.3 → 91.3% (−2.0 pp)',
    '  warning  logistic  iris  loss at most 0.2 nats: 0.210 → 0.241 nats (+0.031)',
    '  worse    logistic  iris  accuracy 93.3 → 91.3% (−2.0 pp)  loss 0.210 → 0.241 nats (+0.031)',
  ])
  const accepted = renderLines(noteInput({ ...story, accepts: ({ kind }) => kind === 'worse_by' }))
  t.match(accepted.at(-3), /^ {2}accepted +logistic +iris +accuracy worse by at most 1pp: /)
})

t.test('repeats show their error, how many they are, and what is within noise', async (t) => {
  const values = [0.931, 0.928, 0.935, 0.93, 0.929]
  const before = values.map((accuracy, index) =>
    mainModel({ repeat: `${index}`, id: `m${index}`, results: { accuracy } }),
  )
  const here = values
    .slice(0, 3)
    .map((accuracy, index) =>
      model({ repeat: `${index}`, id: `h${index}`, results: { accuracy: accuracy + 0.001 } }),
    )

  const [, line] = renderLines(noteInput({ here, before }))

  t.equal(line, '  within noise  tree  iris  accuracy 93.1 ± 0.1 → 93.2 ± 0.2% (+0.2 pp, n 5 and 3)')
})

t.test('rules that cannot be read are said before the rows', async (t) => {
  const rules = 'results:\n  accuracy: {fial: {below: 90%}}\n'

  const [verdict, problem, row] = renderLines(noteInput({ here: [model()], before: [mainModel()], rules }))

  t.match(verdict, /^Model results: rules cannot be read, 1 unchanged/)
  t.match(
    problem,
    /^ {2}warning {2}\.mlmm\.yml:2:14: results\.accuracy\.fial: "fial" is not known here;.* Did you mean "fail"\?$/,
  )
  t.match(row, /^ {2}same/)
})

t.test('many broken rules are cut, and leave room for the models', async (t) => {
  const names = Array.from({ length: 30 }, (_, index) => `m${index}`)
  const here = names.map((name) => model({ name, results: { accuracy: 0.5 } }))
  const before = names.map((name) => mainModel({ name, results: { accuracy: 0.9 } }))
  const rules = 'results:\n  accuracy: {fail: {below: 0.8}}\n'

  const lines = renderLines(noteInput({ here, before, rules }))

  t.equal(lines.filter((line) => line.startsWith('  broken')).length, 10)
  t.ok(lines.includes('  and 20 more broken rules'))
  t.ok(lines.includes('  and 20 more models'))
  t.equal(lines.length, 24)
})
