import type { ComparedResult } from '../domain/comparison.js'
import { visibleText } from './text.js'

/** Formatted values of one result: old and new with the same digits. Null where that side has none. */
export interface FigureText {
  /** With its standard error where there are repeats; without the unit where `new` carries it too (`93.3 → 91.3%`). */
  old: string | null
  new: string | null
  /** Signed, with `pp` for percent; null where there is none to tell. */
  difference: string | null
  /** Signed percent of the old value; null where that says nothing. */
  relative: string | null
}

/** How the values of one result are written. */
export interface FigureForm {
  percent: boolean
  unit?: string | null
  digits?: number | null
}

type Shown = Pick<ComparedResult, 'old' | 'new' | 'difference' | 'relative'> &
  FigureForm &
  Partial<Pick<ComparedResult, 'oldError' | 'newError'>>

const MINUS = '\u2212'
const NO_BREAK = '\u00a0'
/** More significant digits than this mean nothing to a reader; a smaller difference is written with an exponent. */
const MAX_SIGNIFICANT = 7
const LARGE = 1e7
const SMALL = 1e-4
/** Whole numbers (counts, bytes) stay whole up to here. */
const LARGE_WHOLE = 1e12
/** From here on a float holds no fraction. */
const LARGEST_EXACT = 1e15
const MAX_UNIT_LENGTH = 12

/** `null` digits after the point: written with an exponent and `significant` digits. */
interface Digits {
  decimals: number | null
  significant: number
}

/** Old, new and signed difference, with digits enough to see a real difference and no more. */
export function figures(shown: Shown): FigureText {
  return write(shown, true, unitText(shown))
}

/** The same for columns of their own, so that each side has its unit. */
export function figuresApart(shown: Shown): FigureText {
  return write(shown, false, unitText(shown))
}

/** As `figures`, where the unit stands elsewhere: percent signs stay with their numbers. */
export function bareFigures(shown: Shown): FigureText {
  return write(shown, true, shown.percent ? '%' : '')
}

/** As `figuresApart`, in the same way. */
export function bareFiguresApart(shown: Shown): FigureText {
  return write(shown, false, shown.percent ? '%' : '')
}

function write(shown: Shown, sharesUnit: boolean, unit: string): FigureText {
  const { old, new: current, difference, relative, percent, oldError = null, newError = null } = shown
  const scale = percent ? 100 : 1
  const values = [old, current].filter((value) => value !== null).map((value) => value * scale)
  const errors = [oldError, newError].filter(isError).map((error) => error * scale)
  const change = difference === null ? 0 : Number((difference * scale).toPrecision(10))
  const digits = shownDigits(values, errors, { change, percent, digits: shown.digits ?? null })
  const isShared = sharesUnit && values.length === 2 && values.every(Number.isFinite)
  const side = (value: number | null, error: number | null, isBare: boolean) =>
    value === null
      ? null
      : writeValue(value * scale, digits) +
        (isError(error) ? `${NO_BREAK}±${NO_BREAK}${writeError(error * scale, digits)}` : '') +
        (isBare || !Number.isFinite(value) ? '' : unit)
  return {
    old: side(old, oldError, isShared),
    new: side(current, newError, false),
    difference: change === 0 ? null : writeDifference(change, digits) + (percent ? `${NO_BREAK}pp` : ''),
    relative: relative === null || relative === 0 ? null : writeRelative(relative * 100),
  }
}

function isError(error: number | null): error is number {
  return error !== null && Number.isFinite(error) && error > 0
}

/** What stands behind a value: `%`, or a blank and the unit. It may hold outside text, made visible and short. */
export function unitText({ percent, unit = null }: FigureForm): string {
  if (percent) return '%'
  const shown = unit === null ? '' : visibleText(unit, MAX_UNIT_LENGTH)
  return shown === '' ? '' : NO_BREAK + shown
}

interface Wanted {
  change: number
  percent: boolean
  /** As the rules say. */
  digits: number | null
}

/** As the rules say; else no digit that the standard error makes worthless; else as many as the difference needs. */
function shownDigits(values: number[], errors: number[], { change, percent, digits }: Wanted): Digits {
  const free = digitsFor(values, Math.abs(change), percent)
  const largest = Math.max(0, ...errors, ...values.filter(Number.isFinite).map(Math.abs))
  if (digits !== null) {
    return { decimals: largest < LARGEST_EXACT ? digits : null, significant: free.significant }
  }
  const error = Math.max(0, ...errors)
  if (error === 0) return addingUp(values, change, free)
  const decimals = decimalsOfError(error)
  const significant = Math.max(2, magnitudeOf(largest) + decimals + 1)
  if (largest >= LARGE || decimals > 10) return { decimals: null, significant: Math.min(7, significant) }
  return { decimals: Math.max(0, decimals), significant }
}

/** With one digit more where old, new and difference add up only then: 93.33 → 96.67 (+3.34), not 93.3 → 96.7 (+3.3). */
function addingUp(values: number[], change: number, digits: Digits): Digits {
  const { decimals } = digits
  const [old, current] = values
  if (decimals === null || old === undefined || current === undefined || change === 0) return digits
  const largest = Math.max(Math.abs(old), Math.abs(current))
  const isSeen = Number(Math.abs(change).toFixed(decimals)) > 0
  if (!isSeen || largest >= 10 ** (MAX_SIGNIFICANT - 1 - decimals)) return digits
  if (addsUp(old, current, change, decimals) || !addsUp(old, current, change, decimals + 1)) return digits
  return { ...digits, decimals: decimals + 1 }
}

function addsUp(old: number, current: number, change: number, decimals: number): boolean {
  const last = 10 ** decimals
  const shown = (value: number) => Math.round(Number(value.toFixed(decimals)) * last)
  return shown(old) + shown(change) === shown(current)
}

/** One digit of the error, two where it begins with 1: rounding that would change it too much. */
function decimalsOfError(error: number): number {
  const magnitude = magnitudeOf(Number(error.toPrecision(2)))
  return (error / 10 ** magnitude < 1.95 ? 1 : 0) - magnitude
}

function writeError(error: number, { decimals }: Digits): string {
  if (decimals === null || Number(error.toFixed(decimals)) === 0) return writeExponent(error, 2)
  return group(error.toFixed(decimals))
}

/** One value alone, as `figures` would write it. */
export function figureOf(value: number, form: boolean | FigureForm = false): string {
  const shown = typeof form === 'boolean' ? { percent: form } : form
  return figures({ old: null, new: value, difference: null, relative: null, ...shown }).new ?? ''
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
  const amount = Math.abs(value)
  const text = decimals === null ? '' : amount.toFixed(decimals)
  const isSeen = Number(text) > 0
  if (!isSeen && (decimals === null || amount < SMALL)) return writeExponent(value, significant)
  return (value < 0 ? MINUS : '') + group(isSeen ? text : writeOneDigit(amount))
}

/** A difference that the digits of the values would round away has one digit of its own. */
function writeDifference(change: number, { decimals }: Digits): string {
  const sign = change < 0 ? MINUS : '+'
  const amount = Math.abs(change)
  const text = decimals === null ? '' : amount.toFixed(decimals)
  if (Number(text) > 0) return sign + group(text)
  if (decimals === null || amount < SMALL) return sign + writeExponent(amount, 2)
  return sign + group(writeOneDigit(amount))
}

function writeRelative(change: number): string {
  const sign = change < 0 ? MINUS : '+'
  const amount = Math.abs(change)
  if (amount >= LARGE || amount < SMALL) return `${sign}${writeExponent(amount, 2)}%`
  if (amount < 0.1) return `${sign}${writeOneDigit(amount)}%`
  return `${sign}${group(amount.toFixed(amount >= 10 ? 0 : 1))}%`
}

/** Of less than one: `0.1` for 0.098. */
function writeOneDigit(amount: number): string {
  return amount.toFixed(-magnitudeOf(Number(amount.toPrecision(1))))
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
