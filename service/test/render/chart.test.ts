import t from 'tap'
import { lineChart } from '../../render/chart.js'

function chart(values: number[], steps = values.map((_value, index) => index)) {
  return lineChart({ name: 'loss', steps: Float64Array.from(steps), values: Float64Array.from(values) })
}

t.test('a line runs from the first point to the last, with round numbers at the axes', async (t) => {
  const drawn = chart([0, 50, 100])

  t.equal(drawn?.path, 'M56 156L202 83L348 10')
  t.same(
    drawn?.yTicks.map(({ text }) => text),
    ['0', '50', '100'],
  )
  t.same(
    drawn?.xTicks.map(({ text }) => text),
    ['0.0', '0.5', '1.0', '1.5', '2.0'],
  )
  t.equal(drawn?.label, 'Line chart of loss over 3 points, from 0 to 100')
})

t.test('values that are not finite leave a gap, and a point alone is a dot', async (t) => {
  const drawn = chart([1, 2, Number.NaN, 3, Number.POSITIVE_INFINITY, 4, 5])

  t.equal(drawn?.path.match(/M/g)?.length, 2)
  t.equal(drawn?.dots.length, 1)
})

t.test('there is no chart without a finite value', async (t) => {
  t.equal(chart([Number.NaN, Number.NEGATIVE_INFINITY]), null)
  t.equal(chart([]), null)
})

t.test('points are drawn by step, whatever order they came in', async (t) => {
  t.equal(chart([100, 0, 50], [2, 0, 1])?.path, chart([0, 50, 100])?.path)
})

t.test('a million points become a few hundred, and a spike and a gap among them stay', async (t) => {
  const values = Array.from({ length: 1_000_000 }, () => 1)
  values[654_321] = 7
  values[123_456] = Number.NaN

  const drawn = chart(values)

  const points = drawn?.path.match(/[ML]/g)?.length ?? 0
  t.ok(points < 900, `${points} points`)
  t.match(drawn?.path, /L\S+ 10L/, 'the spike reaches the top')
  t.equal(drawn?.path.match(/M/g)?.length, 2, 'one gap')
})

t.test('constant, tiny, huge and opposite values have finite places', async (t) => {
  const cases = [
    [5, 5],
    [0, 0],
    [1e-300, 2e-300],
    [1e300, 2e300],
    [-1.7e308, 1.7e308],
    [5e-324, 0],
  ]
  for (const values of cases) {
    const drawn = chart(values)
    const all = JSON.stringify(drawn)
    t.notMatch(all, /NaN|Infinity|null/, values.join(' '))
    t.ok((drawn?.yTicks.length ?? 0) > 0)
  }
})
