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
    '  better  tree      iris  accuracy 93.3 → 96.7% (+3.3 pp)         loss 0.130 → 0.110 (−0.020)',
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
