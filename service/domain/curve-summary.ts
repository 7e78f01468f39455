import type { Curve, CurveSummary } from './model.js'

/** What is known of a curve without its points. NaN counts as the last value only. */
export function summariseCurve({ name, values }: Curve): CurveSummary {
  let min = Number.POSITIVE_INFINITY
  let max = Number.NEGATIVE_INFINITY
  for (const value of values) {
    if (value < min) min = value
    if (value > max) max = value
  }
  const isAllNaN = min > max
  return {
    name,
    count: values.length,
    min: isAllNaN ? Number.NaN : min,
    max: isAllNaN ? Number.NaN : max,
    last: values.at(-1) ?? Number.NaN,
  }
}
