import type { ComparedModel, ComparedResult, ResultColumn } from '../domain/comparison.js'
import { join, type Markdown, nothing, own } from './markdown.js'

const BARS = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'] as const
/** In the place of what is no finite number. */
const GAP = '·'

const MOST_EARLIER = 8
/** Fewer say nothing about a trend. */
const LEAST_EARLIER = 3

/** The least that a full height stands for, so that noise does not look like drama. */
const SPAN_IN_TOLERANCES = 3
const SPAN_IN_STANDARD_ERRORS = 3
const SPAN_IN_VALUES = 0.01

/** One result on the target branch, the oldest first, and here at the end. */
export interface Trend {
  values: number[]
  /** Of the axis; the middle of the values is its middle. Null where no value is finite. */
  axis: { from: number; to: number } | null
}

interface TrendLimits {
  /** Of values before the one here. */
  least: number
  most: number
}

/** Null where the target branch has too few values, or the model none here. */
export function trendOf(
  row: ComparedModel,
  { name }: Pick<ResultColumn, 'name'>,
  { least, most }: TrendLimits = { least: LEAST_EARLIER, most: MOST_EARLIER },
): Trend | null {
  const result = row.results.find((one) => one.name === name)
  if (result?.new === undefined || result.new === null) return null
  const earlier = row.history.flatMap(({ results }) => results.get(name) ?? []).slice(-most)
  if (earlier.length < least) return null
  const values = [...earlier, result.new]
  return { values, axis: axisOf(values.filter(Number.isFinite), result) }
}

function axisOf(finite: readonly number[], { tolerance, noise }: ComparedResult): Trend['axis'] {
  if (finite.length === 0) return null
  const [low, high] = [Math.min(...finite), Math.max(...finite)]
  const least =
    tolerance !== null && tolerance > 0
      ? SPAN_IN_TOLERANCES * tolerance
      : noise !== null && noise.standardError > 0
        ? SPAN_IN_STANDARD_ERRORS * noise.standardError
        : SPAN_IN_VALUES * Math.max(Math.abs(low), Math.abs(high))
  const middle = low / 2 + high / 2
  const half = Math.max(high / 2 - low / 2, least / 2)
  return { from: middle - half, to: middle + half }
}

/** `▆▆▇▇▆▇▆▃` */
export function sparkline({ values, axis }: Trend): Markdown {
  return join(
    values.map((value) => own(barOf(value, axis))),
    nothing,
  )
}

function barOf(value: number, axis: Trend['axis']): (typeof BARS)[number] | typeof GAP {
  if (axis === null || !Number.isFinite(value)) return GAP
  const { from, to } = axis
  // In halves, as the distance of two finite numbers may be infinite.
  const part = to > from ? (value / 2 - from / 2) / (to / 2 - from / 2) : 0.5
  const level = Number.isFinite(part) ? Math.floor(part * BARS.length) : 0
  return BARS[Math.max(0, Math.min(BARS.length - 1, level))] ?? GAP
}
