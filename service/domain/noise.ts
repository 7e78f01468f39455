import { spreadOfHistory } from './history-spread.js'
import { twoSidedP } from './student-t.js'

/** Two sides differ by chance this often at most, and are called different all the same. */
export const NOISE_LEVEL = 0.05
/** So many earlier trainings of the target branch are needed to tell a difference from their spread. */
export const HISTORY_NEEDED = 8
/** Older ones tell of another model. What `spreadOfHistory` corrects by holds up to here. */
export const HISTORY_USED = 20

/** Smaller parts of a value come from the order of additions. */
const ROUNDING = 1e-12

/** How much of a difference chance explains. */
export interface Noise {
  /** `repeats`: Welch's test between both sides' repeats. `history`: the spread of the target branch's trainings. */
  kind: 'repeats' | 'history'
  /** Of the difference, in the result's own unit. */
  standardError: number
  degreesOfFreedom: number
  /** Two-sided: how likely a difference this large is where there is none. */
  p: number
  /** How many trainings of the target branch were used; 0 for `repeats`. */
  historyCount: number
}

/** Of several trainings that should give the same, in the result's own unit. */
export interface Spread {
  mean: number
  /** With n − 1. */
  standardDeviation: number
  /** Of the mean. */
  standardError: number
  count: number
}

/** Whether chance explains the difference at the level that this service uses. */
export function isWithinNoise({ p }: Noise): boolean {
  return p > NOISE_LEVEL
}

/** What one sample of the test data is worth in a result that is a fraction of them; null where there are none. */
export function sampleWorth(testSize: number): number | null {
  return testSize > 0 ? 1 / testSize : null
}

/** Mean and spread of at least two finite values; null where there are fewer, or where they spread wider than a float
 * holds. */
export function spreadOf(values: readonly number[]): Spread | null {
  const [first] = values
  if (first === undefined || values.length < 2) return null
  const unit = unitOf(values)
  if (unit === null) return null
  const { mean, variance } = momentsOf(values, { unit, origin: first })
  const standardDeviation = Math.sqrt(variance) * unit
  if (!Number.isFinite(standardDeviation)) return null
  const count = values.length
  return {
    mean: (first / unit + mean) * unit,
    standardDeviation,
    standardError: standardDeviation / Math.sqrt(count),
    count,
  }
}

/**
 * Welch's t test between the repeats of both sides; null unless both have at least two values, all finite. Where the
 * repeats of each side are all alike, any difference is real. Where one side has few repeats and the other many, Welch's
 * degrees of freedom promise more than the few can say (false alarms at 12 % for 2 against 10), so they are at most
 * twice those of the smaller side, which is what they are at most for two sides of its size.
 */
export function compareRepeats(old: readonly number[], current: readonly number[]): Noise | null {
  const [origin] = old
  if (origin === undefined || old.length < 2 || current.length < 2) return null
  const unit = commonUnit(old, current)
  if (unit === null) return null
  const before = momentsOf(old, { unit, origin })
  const now = momentsOf(current, { unit, origin })
  const a = before.variance / old.length
  const b = now.variance / current.length
  const standardError = Math.sqrt(a + b)
  const share = standardError === 0 ? 1 / 2 : a / (a + b)
  const welch = 1 / (share ** 2 / (old.length - 1) + (1 - share) ** 2 / (current.length - 1))
  const degreesOfFreedom = Math.min(welch, 2 * (Math.min(old.length, current.length) - 1))
  const p = chanceOf(now.mean - before.mean, standardError, degreesOfFreedom)
  return { kind: 'repeats', standardError: standardError * unit, degreesOfFreedom, p, historyCount: 0 }
}

/** One result of one training on each side. */
export interface SingleTrainings {
  old: number
  current: number
  /** The same result of the target branch's trainings, oldest first; what is not finite is left out. */
  history: readonly number[]
}

/**
 * Holds the difference of two single trainings against how much those of the target branch differ from one to the next.
 * Null where a side is not finite or the history is too short. Where the history never varies, any difference is real.
 */
export function compareWithHistory({ old, current, history }: SingleTrainings): Noise | null {
  const used = history.filter(Number.isFinite).slice(-HISTORY_USED)
  if (used.length < HISTORY_NEEDED) return null
  const unit = commonUnit([old, current], used)
  if (unit === null) return null
  const scaled = unit === 1 ? used : used.map((value) => value / unit)
  const { standardError, degreesOfFreedom, swings } = spreadOfHistory(scaled)
  const difference = current / unit - old / unit
  const p = Math.max(
    chanceOf(difference, standardError, degreesOfFreedom),
    chanceOfSwing(difference, swings, used.length),
  )
  return {
    kind: 'history',
    standardError: standardError * unit,
    degreesOfFreedom,
    p,
    historyCount: used.length,
  }
}

function chanceOf(difference: number, standardError: number, degreesOfFreedom: number): number {
  if (difference === 0) return 1
  if (standardError === 0) return 0
  return twoSidedP(difference / standardError, degreesOfFreedom)
}

/** By counting: the difference is one more of those at least as large. */
function chanceOfSwing(difference: number, swings: readonly number[], historyCount: number): number {
  const size = Math.abs(difference) * (1 - ROUNDING)
  const large = swings.filter((swing) => swing >= size).length
  return large === 0 ? 0 : (large + 1) / (historyCount - 1)
}

/** A power of two to divide by, so that no square overflows or vanishes; null where a value is not finite. */
function unitOf(values: readonly number[]): number | null {
  let largest = 0
  for (const value of values) largest = Math.max(largest, Math.abs(value))
  if (!Number.isFinite(largest)) return null
  if (largest === 0 || (largest > 1e-130 && largest < 1e150)) return 1
  return 2 ** Math.floor(Math.log2(largest))
}

function commonUnit(some: readonly number[], others: readonly number[]): number | null {
  const [a, b] = [unitOf(some), unitOf(others)]
  return a === null || b === null ? null : Math.max(a, b)
}

interface Scale {
  unit: number
  /** Taken off first, so that a small spread far from zero keeps its digits. */
  origin: number
}

/** Of `(value - origin) / unit`. */
function momentsOf(values: readonly number[], { unit, origin }: Scale): { mean: number; variance: number } {
  let mean = 0
  let squares = 0
  let count = 0
  for (const value of values) {
    count++
    const shifted = value / unit - origin / unit
    const distance = shifted - mean
    mean += distance / count
    squares += distance * (shifted - mean)
  }
  return { mean, variance: squares / (count - 1) }
}
