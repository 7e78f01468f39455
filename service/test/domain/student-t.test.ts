import t from 'tap'
import { twoSidedP } from '../../domain/student-t.js'

function isNear(actual: number, wanted: number, accuracy = 1e-10): boolean {
  return Math.abs(actual - wanted) <= accuracy
}

t.test('the quantiles of the tables, to ten digits', async (t) => {
  for (const [degrees, quantile, p] of [
    [1, 12.706204736174705, 0.05],
    [2, 4.302652729749464, 0.05],
    [2.5, 3.574654842003683, 0.05],
    [3, 3.1824463052837095, 0.05],
    [4, 2.7764451051977943, 0.05],
    [5, 2.5705818356363155, 0.05],
    [7, 3.499483297350494, 0.01],
    [10, 2.228138851986275, 0.05],
    [10, 4.586893858702636, 0.001],
    [11.3, 2.193876896339163, 0.05],
    [20, 1.7247182429207872, 0.1],
    [30, 2.042272456301238, 0.05],
    [60, 2.3901194726249133, 0.02],
    [120, 1.979930405082441, 0.05],
    [1000, 1.9623390808264085, 0.05],
    [1e6, 1.959966356814107, 0.05],
  ] as const) {
    t.ok(isNear(twoSidedP(quantile, degrees), p), `${degrees} degrees of freedom: ${p}`)
    t.equal(twoSidedP(-quantile, degrees), twoSidedP(quantile, degrees))
  }
})

t.test('one, two and four degrees of freedom agree with their closed forms', async (t) => {
  for (const value of [1e-8, 1e-3, 0.1, 0.5, 0.9, 1, 1.1, 1.7, 2, 3, 5, 20]) {
    const half = value / Math.sqrt(4 + value ** 2)
    t.ok(isNear(twoSidedP(value, 1), 1 - (2 / Math.PI) * Math.atan(value)), `1: ${value}`)
    t.ok(isNear(twoSidedP(value, 2), 1 - value / Math.sqrt(2 + value ** 2)), `2: ${value}`)
    t.ok(isNear(twoSidedP(value, 4), 1 - half * (1 + 2 / (4 + value ** 2))), `4: ${value}`)
  }
})

t.test('tiny and huge values and degrees of freedom', async (t) => {
  t.equal(twoSidedP(0, 3), 1)
  t.equal(twoSidedP(1e-200, 5), 1)
  t.equal(twoSidedP(Number.POSITIVE_INFINITY, 3), 0)
  t.equal(twoSidedP(1e200, 3), 0)
  t.ok(isNear(twoSidedP(1e5, 5) / 1.898033447078865e-24, 1), 'far out')
  t.ok(isNear(twoSidedP(30, 2.5) / 0.0002910647091573954, 1), 'far out, few degrees')
  t.ok(isNear(twoSidedP(1e-3, 0.01), 0.9999006883677535), 'hardly any degrees')
  t.ok(isNear(twoSidedP(1e-9, 3), 0.9999999992648948), 'hardly any distance')
  t.ok(isNear(twoSidedP(1.2, 1e6), 0.2301396247317246), 'a million degrees')
  t.ok(isNear(twoSidedP(1.959963984540054, Number.POSITIVE_INFINITY), 0.05, 1e-6), 'the normal curve')
})

t.test('p falls as the value grows, also where the way of computing changes', async (t) => {
  for (const degrees of [0.3, 1, 2.9, 8, 38, 500]) {
    const values = Array.from({ length: 8000 }, (_, index) => twoSidedP(index / 1000, degrees))
    const rising = values.findIndex((p, index) => index > 0 && !(p < (values[index - 1] ?? 0)))
    t.equal(rising, -1, `${degrees} degrees of freedom`)
  }
})

t.test('what is no number of degrees of freedom has no answer', async (t) => {
  for (const [value, degrees] of [
    [Number.NaN, 3],
    [1, 0],
    [1, -1],
    [1, Number.NaN],
  ] as const) {
    t.ok(Number.isNaN(twoSidedP(value, degrees)), `${value}, ${degrees}`)
  }
})
