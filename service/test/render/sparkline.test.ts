import t from 'tap'
import type { ComparedModel } from '../../domain/comparison.js'
import { sparkline, trendOf } from '../../render/sparkline.js'
import { mainModel, model } from '../domain/models.js'
import { noteInput } from './cases.js'

interface Drawn {
  earlier: number[]
  here: number
  rules?: string
}

function rowOf({ earlier, here, rules }: Drawn): ComparedModel {
  const old = earlier.at(-1) ?? here
  const { comparison } = noteInput({
    before: [mainModel({ results: { accuracy: old } })],
    here: [model({ results: { accuracy: here } })],
    history: [{ name: 'tree', results: { accuracy: earlier } }],
    ...(rules === undefined ? {} : { rules }),
  })
  const [row] = comparison.rows
  if (row === undefined) throw new Error('one model makes one row')
  return row
}

function drawn(one: Drawn): string | null {
  const trend = trendOf(rowOf(one), { name: 'accuracy' })
  return trend === null ? null : sparkline(trend).source
}

t.test(
  'a trend is at most eight earlier values and the one here, from the lowest to the highest',
  async (t) => {
    t.equal(drawn({ earlier: [0.1, 0.2, 0.3], here: 0.4 }), '▁▃▆█')
    t.equal(drawn({ earlier: [0.9, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8], here: 0.1 })?.length, 9)
    t.equal(drawn({ earlier: [0.1, 0.2], here: 0.4 }), null)
  },
)

t.test(
  'its height is three times the tolerance at least, so that noise does not look like drama',
  async (t) => {
    const rules = 'results: {accuracy: {format: percent, tolerance: 1pp}}'

    t.equal(drawn({ earlier: [0.5, 0.501, 0.5], here: 0.501, rules }), '▄▅▄▅')
    t.equal(drawn({ earlier: [0.5, 0.52, 0.5], here: 0.53, rules }), '▁▆▁█')
  },
)

t.test('without a tolerance it is one percent of the value at least', async (t) => {
  t.equal(drawn({ earlier: [0.5, 0.5001, 0.5], here: 0.5001 }), '▄▅▄▅')
  t.equal(drawn({ earlier: [0.5, 0.5, 0.5], here: 0.5 }), '▅▅▅▅')
})

t.test('where the noise is known it is three of its standard errors at least', async (t) => {
  const earlier = [0.5, 0.52, 0.49, 0.51, 0.5, 0.52, 0.48, 0.5]
  const here = 0.51
  const [result] = rowOf({ earlier, here }).results
  const trend = trendOf(rowOf({ earlier, here }), { name: 'accuracy' })

  const height = (trend?.axis?.to ?? 0) - (trend?.axis?.from ?? 0)
  t.ok(result?.noise)
  t.ok(Math.abs(height - 3 * (result?.noise?.standardError ?? 0)) < 1e-12)
})

t.test('what is no finite number is a gap, and the rest is drawn around it', async (t) => {
  const earlier = [0.1, Number.NaN, 0.4, Number.NEGATIVE_INFINITY]

  t.equal(drawn({ earlier, here: Number.POSITIVE_INFINITY }), '▁·█··')
  t.equal(drawn({ earlier: [Number.NaN, Number.NaN, Number.NaN], here: Number.NaN }), '····')
  t.equal(drawn({ earlier: [-1.7e308, 0, 1.7e308], here: 0 }), '▁▅█▅')
  t.equal(drawn({ earlier: [0, 0, 0], here: 0 }), '▅▅▅▅')
})
