import type { ComparedResult } from '../domain/comparison.js'

/** Formatted values of one result: old and new with the same digits. Null where that side has none. */
export interface FigureText {
  /** Without the unit where `new` carries it too (`93.3 → 91.3%`). */
  old: string | null
  new: string | null
  /** Signed, with `pp` for percent; null where there is none to tell. */
  difference: string | null
  /** Signed percent of the old value; null where that says nothing. */
  relative: string | null
}

type Shown = Pick<ComparedResult, 'old' | 'new' | 'difference' | 'relative' | 'percent'>

const MINUS = '\u2212'
const NO_BREAK = '\u00a0'
/** More significant digits than this mean nothing to a reader; a smaller difference is written with an exponent. */
const MAX_SIGNIFICANT = 7
const LARGE = 1e7
const SMALL = 1e-4
/** Whole numbers (counts, bytes) stay whole up to here. */
const LARGE_WHOLE = 1e12

/** `null` digits after the point: written with an exponent and `significant` digits. */
interface Digits {
  decimals: number | null
  significant: number
}

/** Old, new and signed difference, with digits enough to see a real difference and no more. */
export function figures({ old, new: current, difference, relative, percent }: Shown): FigureText {
  const scale = percent ? 100 : 1
  const values = [old, current].filter((value) => value !== null).map((value) => value * scale)
  const change = difference === null ? 0 : Number((difference * scale).toPrecision(10))
  const digits = digitsFor(values, Math.abs(change), percent)
  const unit = percent ? '%' : ''
  const write = (value: number) => writeValue(value * scale, digits) + (Number.isFinite(value) ? unit : '')
  const sharesUnit = percent && values.length === 2 && values.every(Number.isFinite)
  return {
    old: old === null ? null : sharesUnit ? writeValue(old * scale, digits) : write(old),
    new: current === null ? null : write(current),
    difference: change === 0 ? null : writeDifference(change, digits) + (percent ? `${NO_BREAK}pp` : ''),
    relative: relative === null || relative === 0 ? null : writeRelative(relative * 100),
  }
}

/** One value alone, as `figures` would write it. */
export function figureOf(value: number, percent = false): string {
  return figures({ old: null, new: value, difference: null, relative: null, percent }).new ?? ''
}

/** Three significant digits (one decimal for percent), more where the difference would vanish. */
function digitsFor(values: number[], gap: number, percent: boolean): Digits {
  const finite = values.filter(Number.isFinite)
  const largest = Math.max(0, ...finite.map(Math.abs))
  if (largest === 0) return { decimals: percent ? 1 : 0, significant: 3 }
  const magnitude = magnitudeOf(largest)
  const needed = gap === 0 ? 0 : -magnitudeOf(gap)
  const significant = gap === 0 ? 3 : Math.min(MAX_SIGNIFICANT, Math.max(3, magnitude + needed + 1))
  if (!percent && largest < LARGE_WHOLE && finite.every(Number.isInteger)) return { decimals: 0, significant }
  if (largest >= LARGE || largest < SMALL) return { decimals: null, significant }
  const usual = percent ? 1 : Math.max(0, 2 - magnitude)
  const most = Math.max(usual, MAX_SIGNIFICANT - 1 - magnitude)
  const decimals = Math.max(0, Math.min(Math.max(usual, needed), most))
  return { decimals: withoutZeros(decimals, finite), significant }
}

/** `0.095`, not `0.0950`: beyond three decimals none ends in zeros on all sides. */
function withoutZeros(decimals: number, values: number[]): number {
  let kept = decimals
  while (
    kept > 3 &&
    values.every((value) => value.toFixed(decimals).endsWith('0'.repeat(decimals - kept + 1)))
  )
    kept--
  return kept
}

/** Power of ten of the first digit, exact also where a logarithm is not. */
function magnitudeOf(value: number): number {
  const magnitude = Math.floor(Math.log10(value))
  if (10 ** magnitude > value) return magnitude - 1
  return 10 ** (magnitude + 1) <= value ? magnitude + 1 : magnitude
}

function writeValue(value: number, { decimals, significant }: Digits): string {
  if (Number.isNaN(value)) return 'NaN (not a number)'
  if (!Number.isFinite(value)) return value > 0 ? 'infinity' : 'minus infinity'
  if (value === 0) return (0).toFixed(decimals ?? 0)
  if (decimals === null || Number(value.toFixed(decimals)) === 0) return writeExponent(value, significant)
  return (value < 0 ? MINUS : '') + group(Math.abs(value).toFixed(decimals))
}

function writeDifference(change: number, { decimals }: Digits): string {
  const sign = change < 0 ? MINUS : '+'
  const amount = Math.abs(change)
  if (decimals === null || Number(amount.toFixed(decimals)) === 0) return sign + writeExponent(amount, 2)
  return sign + group(amount.toFixed(decimals))
}

function writeRelative(change: number): string {
  const sign = change < 0 ? MINUS : '+'
  const amount = Math.abs(change)
  if (amount >= LARGE || amount < SMALL) return `${sign}${writeExponent(amount, 2)}%`
  const decimals = amount >= 10 ? 0 : Math.max(1, -magnitudeOf(amount))
  return `${sign}${group(amount.toFixed(decimals))}%`
}

function writeExponent(value: number, significant: number): string {
  return value
    .toExponential(significant - 1)
    .replace('e+', 'e')
    .replaceAll('-', MINUS)
}

/** Commas from five digits on: `1234`, `12,345`. */
function group(digits: string): string {
  if (digits.length < 5) return digits
  const [whole = '', ...rest] = digits.split('.')
  if (whole.length < 5) return digits
  return [whole.replace(/\B(?=(\d{3})+$)/g, ','), ...rest].join('.')
}
