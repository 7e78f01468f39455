import { figureOf } from './numbers.js'

/** A line chart as numbers and path data; `views/partials/chart.hbs` draws it. Lengths are in the chart's own units. */
export interface ChartView {
  label: string
  width: number
  height: number
  left: number
  right: number
  top: number
  bottom: number
  xTicks: TickView[]
  yTicks: TickView[]
  /** Path data; a gap wherever a value is not finite. */
  path: string
  /** Points with gaps on both sides, which no line would show. */
  dots: { x: string; y: string }[]
}

interface TickView {
  at: string
  text: string
}

export interface ChartInput {
  name: string
  steps: Float64Array
  values: Float64Array
}

const WIDTH = 360
const HEIGHT = 180
const LEFT = 56
const RIGHT = WIDTH - 12
const TOP = 10
const BOTTOM = HEIGHT - 24

/** Null where no value is finite. */
export function lineChart({ name, steps, values }: ChartInput): ChartView | null {
  const points = thin(sorted(steps, values))
  const finite = points.filter(({ y }) => Number.isFinite(y))
  if (finite.length === 0) return null
  const x = scaleOf(extent(finite.map((point) => point.x)), LEFT, RIGHT)
  const y = scaleOf(extent(finite.map((point) => point.y)), BOTTOM, TOP)
  return {
    label: labelOf(name, values, finite),
    width: WIDTH,
    height: HEIGHT,
    left: LEFT,
    right: RIGHT,
    top: TOP,
    bottom: BOTTOM,
    xTicks: ticksOf(x, 5),
    yTicks: ticksOf(y, 4),
    ...draw(points, x, y),
  }
}

interface Point {
  x: number
  y: number
}

function sorted(steps: Float64Array, values: Float64Array): Point[] {
  const points = Array.from(steps, (step, index) => ({ x: step, y: values[index] ?? Number.NaN }))
  const isSorted = points.every(({ x }, index) => index === 0 || x >= (points[index - 1]?.x ?? x))
  return isSorted ? points : points.sort((a, b) => a.x - b.x)
}

const BUCKETS = 150

/** First, lowest, highest and last of every bucket, and one gap where it has one: nothing that the eye would see is lost. */
function thin(points: Point[]): Point[] {
  if (points.length <= 4 * BUCKETS) return points
  const kept: Point[] = []
  for (let bucket = 0; bucket < BUCKETS; bucket++) {
    const from = Math.floor((bucket * points.length) / BUCKETS)
    const to = Math.floor(((bucket + 1) * points.length) / BUCKETS)
    kept.push(...outline(points, from, to))
  }
  return kept
}

function outline(points: Point[], from: number, to: number): Point[] {
  const marks = new Set([from, to - 1])
  let [low, high, gap] = [-1, -1, -1]
  for (let index = from; index < to; index++) {
    const y = points[index]?.y ?? Number.NaN
    if (!Number.isFinite(y)) gap = index
    else {
      if (low === -1 || y < (points[low]?.y ?? y)) low = index
      if (high === -1 || y > (points[high]?.y ?? y)) high = index
    }
  }
  for (const index of [low, high, gap]) if (index !== -1) marks.add(index)
  return [...marks].sort((a, b) => a - b).flatMap((index) => points[index] ?? [])
}

interface Scale {
  min: number
  max: number
  from: number
  to: number
}

function extent(values: readonly number[]): [number, number] {
  return values.reduce<[number, number]>(
    ([min, max], value) => [Math.min(min, value), Math.max(max, value)],
    [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
  )
}

/** A constant gets room on both sides. */
function scaleOf([min, max]: [number, number], from: number, to: number): Scale {
  if (min !== max) return { min, max, from, to }
  const room = Math.abs(min) / 2 || 1
  return { min: min - room, max: max + room, from, to }
}

function place(value: number, { min, max, from, to }: Scale): string {
  const range = max - min
  // The distance of two finite numbers may be infinite; in halves it is not.
  const part = Number.isFinite(range) ? (value - min) / range : (value / 2 - min / 2) / (max / 2 - min / 2)
  return (from + part * (to - from)).toFixed(1).replace(/\.0$/, '')
}

/** Round numbers at about `wanted` places. */
function ticksOf(scale: Scale, wanted: number): TickView[] {
  const { min, max } = scale
  const range = max - min
  const step = roundStep(range / wanted)
  if (!Number.isFinite(range) || step === 0) return [min, max].map((value) => tick(value, scale, null))
  const decimals = Math.max(0, -Math.floor(Math.log10(step) + 1e-9))
  const ticks: TickView[] = []
  for (let number = Math.ceil(min / step - 1e-9); number * step <= max + step * 1e-9; number++) {
    ticks.push(tick(number * step, scale, decimals))
    if (ticks.length > 2 * wanted + 2) break
  }
  return ticks
}

function roundStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough))
  const digit = rough / power
  return power * (digit <= 1 ? 1 : digit <= 2 ? 2 : digit <= 5 ? 5 : 10)
}

function tick(value: number, scale: Scale, decimals: number | null): TickView {
  const amount = Math.max(Math.abs(scale.min), Math.abs(scale.max))
  const isPlain = decimals !== null && decimals <= 5 && amount < 1e6
  const text = isPlain ? value.toFixed(decimals).replace(/^-/, '\u2212') : figureOf(value)
  return { at: place(value, scale), text: /^\u22120(\.0+)?$/.test(text) ? text.slice(1) : text }
}

function draw(points: Point[], x: Scale, y: Scale): Pick<ChartView, 'path' | 'dots'> {
  const parts: string[] = []
  const dots: ChartView['dots'] = []
  const isAt = (index: number) => Number.isFinite(points[index]?.y)
  for (const [index, point] of points.entries()) {
    if (!isAt(index)) continue
    const at = { x: place(point.x, x), y: place(point.y, y) }
    const isStart = !isAt(index - 1)
    if (isStart && !isAt(index + 1)) dots.push(at)
    else parts.push(`${isStart ? 'M' : 'L'}${at.x} ${at.y}`)
  }
  return { path: parts.join(''), dots }
}

function labelOf(name: string, values: Float64Array, finite: readonly Point[]): string {
  const [first, last] = [finite[0]?.y ?? 0, finite.at(-1)?.y ?? 0]
  return `Line chart of ${name} over ${values.length} points, from ${figureOf(first)} to ${figureOf(last)}`
}
