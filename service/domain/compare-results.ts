import type { ComparedResult, HistoryPoint, ResultColumn, ResultState } from './comparison.js'
import type { Direction } from './directions.js'
import type { Model } from './model.js'
import {
  compareRepeats,
  compareWithHistory,
  HISTORY_NEEDED,
  isWithinNoise,
  type Noise,
  sampleWorth,
  spreadOf,
} from './noise.js'
import { meansOf, resultsOf, valuesByResult } from './repeats.js'
import type { Amount, EffectiveRule } from './rules.js'

/** Differences below this part of the values come from the order of additions, not from the model. */
const ROUNDING = 1e-12

/** One side of a row: the mean of each result, and over which values. */
export interface Side {
  means: ReadonlyMap<string, number>
  /** Null for a side without repeats, whose mean is the value. */
  values: ReadonlyMap<string, number[]> | null
}

export const NOTHING: Side = { means: new Map(), values: null }

export function sideOf(models: readonly Pick<Model, 'results'>[]): Side {
  const [only] = models
  if (only === undefined) return NOTHING
  if (models.length === 1) return { means: resultsOf(only), values: null }
  const values = valuesByResult(models)
  return { means: meansOf(values), values }
}

export interface Pair {
  old: Side
  current: Side
}

export interface How {
  columns: ReadonlyMap<string, ResultColumn>
  /** False where the two sides were trained or tested on other data. */
  comparable: boolean
  ruleFor(result: string): Pick<EffectiveRule, 'direction' | 'tolerance'>
  history: readonly HistoryPoint[]
  /** How many samples the results here were measured on; null where that is not known. */
  testSize: number | null
}

/** Every result that either side has, best known first. */
export function compareResults(pair: Pair, how: How): ComparedResult[] {
  return columnsOf(pair, how.columns).map((column) => compareResult(column, pair, how))
}

/** The columns of both sides in their order. Models of one job usually send the same results, in the same order. */
function columnsOf({ old, current }: Pair, columns: ReadonlyMap<string, ResultColumn>): ResultColumn[] {
  const found: ResultColumn[] = []
  let isSorted = true
  const add = (name: string) => {
    const column = columns.get(name)
    if (column === undefined) return
    if (column.place < (found.at(-1)?.place ?? 0)) isSorted = false
    found.push(column)
  }
  for (const name of current.means.keys()) add(name)
  for (const name of old.means.keys()) if (!current.means.has(name)) add(name)
  return isSorted ? found : found.sort((a, b) => a.place - b.place)
}

function compareResult(column: ResultColumn, pair: Pair, how: How): ComparedResult {
  const { name, percent, unit, digits, training, fraction } = column
  const [before, now] = [pair.old.means.get(name), pair.current.means.get(name)]
  const rule = how.ruleFor(name)
  const { difference, relative } = differenceOf(before, now)
  const tolerance = before === undefined ? null : amountIn(rule.tolerance, before)
  const noise = how.comparable && difference !== 0 ? noiseOf(name, pair, how.history) : null
  const direction = how.comparable ? rule.direction : 'unknown'
  return {
    name,
    direction: rule.direction,
    percent,
    unit,
    digits,
    training,
    old: before ?? null,
    new: now ?? null,
    oldRepeats: countOf(pair.old, name),
    newRepeats: countOf(pair.current, name),
    oldError: errorOf(pair.old, name),
    newError: errorOf(pair.current, name),
    difference,
    relative,
    tolerance,
    noise,
    sampleWorth: (percent || fraction) && how.testSize !== null ? sampleWorth(how.testSize) : null,
    state: stateOfResult({ old: before, current: now, direction, tolerance, noise }),
  }
}

/** What the rules allow, in stored units beside this baseline; null for no amount. */
export function amountIn(amount: Amount | null, baseline: number): number | null {
  if (amount === null) return null
  return amount.kind === 'relative' ? amount.value * Math.abs(baseline) : amount.value
}

function countOf({ means, values }: Side, name: string): number {
  return values?.get(name)?.length ?? (means.has(name) ? 1 : 0)
}

function errorOf({ values }: Side, name: string): number | null {
  const all = values?.get(name)
  return all === undefined || all.length < 2 ? null : (spreadOf(all)?.standardError ?? null)
}

function noiseOf(name: string, { old, current }: Pair, history: readonly HistoryPoint[]): Noise | null {
  if (old.values === null && current.values === null && history.length < HISTORY_NEEDED) return null
  const [before, now] = [valuesOf(old, name), valuesOf(current, name)]
  if (before.length > 1 && now.length > 1) return compareRepeats(before, now)
  const [first] = before
  const [value] = now
  if (first === undefined || value === undefined || before.length + now.length > 2) return null
  const earlier = history.flatMap(({ repeats, results }) => (repeats === 1 ? (results.get(name) ?? []) : []))
  return compareWithHistory({ old: first, current: value, history: earlier })
}

function valuesOf({ means, values }: Side, name: string): readonly number[] {
  const only = means.get(name)
  return values?.get(name) ?? (only === undefined ? [] : [only])
}

export interface Judged {
  old: number | undefined
  current: number | undefined
  direction: Direction
  tolerance: number | null
  noise: Noise | null
}

/** Turning into NaN is worse whatever the direction. */
export function stateOfResult({ old, current, direction, tolerance, noise }: Judged): ResultState {
  if (old === undefined) return 'new'
  if (current === undefined) return 'missing'
  if (isSameNumber(old, current) || isWithin(tolerance, old, current)) return 'same'
  if (Number.isNaN(current)) return 'worse'
  if (noise !== null && isWithinNoise(noise)) return 'noise'
  if (direction === 'unknown') return 'changed'
  if (Number.isNaN(old)) return 'better'
  return current > old === (direction === 'higher') ? 'better' : 'worse'
}

function isWithin(tolerance: number | null, old: number, current: number): boolean {
  const difference = Math.abs(current - old)
  return tolerance !== null && difference <= Number.MAX_VALUE && !exceeds(difference, tolerance, old, current)
}

/** Whether the amount between two values is more than a limit by more than rounding: 93.3 − 92.3 is 1, whatever binary
 * fractions say. */
export function exceeds(amount: number, limit: number, one: number, other: number): boolean {
  return amount > limit + ROUNDING * Math.max(sizeOf(one), sizeOf(other))
}

function sizeOf(value: number): number {
  return Number.isFinite(value) ? Math.abs(value) : 0
}

function isSameNumber(a: number, b: number): boolean {
  if (a === b || (Number.isNaN(a) && Number.isNaN(b))) return true
  if (!Number.isFinite(a) || !Number.isFinite(b)) return false
  return Math.abs(a - b) <= ROUNDING * Math.max(Math.abs(a), Math.abs(b))
}

export function differenceOf(
  old: number | undefined,
  current: number | undefined,
): Pick<ComparedResult, 'difference' | 'relative'> {
  if (old === undefined || current === undefined) return { difference: null, relative: null }
  if (isSameNumber(old, current) && Number.isFinite(old)) return { difference: 0, relative: 0 }
  const difference = current - old
  if (!Number.isFinite(difference)) return { difference: null, relative: null }
  const relative = difference / Math.abs(old)
  const says = Number.isFinite(relative) && Math.sign(old) * Math.sign(current) >= 0
  return { difference, relative: says ? relative : null }
}
