import type { ComparedResult } from '../../domain/comparison.js'
import { isRounded, readShown, type ShownNumber } from './exact-decimals.js'

const NUMBER = String.raw`[+−]?[\d.,]+(?:e−?\d+)?`
const VALUE = String.raw`(?:${NUMBER}|NaN \(not a number\)|infinity|minus infinity)(?: ± ${NUMBER})?`
const WORDS = ' worse| better| within noise| new| best'
const UNIT = String.raw`(%|(?!${WORDS}) [A-Za-z/]+)?`
const WORD = `(${WORDS})?`
const ALONE = new RegExp(`^(${VALUE})${UNIT}${WORD}$`)
const GONE = new RegExp(`^(${VALUE})${UNIT} → none$`)
const CHANGE = new RegExp(`^(${VALUE})(%)? → (${VALUE})${UNIT}(?: \\((${NUMBER}(?: pp)?)\\))?${WORD}$`)

/** What a cell of results says is otherwise than the result: empty where all is true. */
export function falseInCell(text: string, result: ComparedResult, unitInHead: boolean): string[] {
  const wrong = (what: string) => [`${what}: ${text} for ${JSON.stringify(result)}`]
  const unit = unitInHead && !result.percent ? undefined : unitOf(result)
  const [, gone, goneUnit] = GONE.exec(text) ?? []
  if (gone !== undefined) {
    if (result.new !== null || !hasUnit(goneUnit, unit, result.old)) return wrong('gone')
    return falseInValue(gone, result.old, result.oldError, result)
  }
  const [, old, oldUnit, now, changeUnit, difference, word] = CHANGE.exec(text) ?? []
  if (old !== undefined && now !== undefined) {
    // Each side has its own where they do not share one.
    const isEnded =
      hasUnit(changeUnit, unit, result.new) && (oldUnit === undefined || !Number.isFinite(result.new))
    if (!isEnded || (word !== undefined && ` ${wordOf(result)}` !== word)) return wrong('words')
    return [
      ...falseInValue(old, result.old, result.oldError, result),
      ...falseInValue(now, result.new, result.newError, result),
      ...falseInDifference(difference ?? '', result),
    ]
  }
  const [, alone, aloneUnit] = ALONE.exec(text) ?? []
  const value = result.new ?? result.old
  if (alone === undefined || !hasUnit(aloneUnit, unit, value)) return wrong('cell')
  const isFair = result.old === null || result.state === 'same' || result.state === 'not_run'
  if (!isFair) return wrong('hides a change')
  return falseInValue(alone, value, result.new === null ? result.oldError : result.newError, result)
}

function unitOf({ percent, unit }: ComparedResult): string | undefined {
  return percent ? '%' : unit === null ? undefined : ` ${unit}`
}

function wordOf({ state }: ComparedResult): string {
  return state === 'noise' ? 'within noise' : state
}

/** What is no finite number has no percent sign. */
function hasUnit(shown: string | undefined, unit: string | undefined, value: number | null): boolean {
  return shown === unit || (unit === '%' && shown === undefined && !Number.isFinite(value))
}

type Form = Pick<ComparedResult, 'percent' | 'digits'> &
  Partial<Pick<ComparedResult, 'oldError' | 'newError'>>

/** One side with its standard error, without its unit. */
export function falseInValue(text: string, value: number | null, error: number | null, form: Form): string[] {
  const wrong = (what: string) => [`${what}: ${text} for ${value} ± ${error} ${JSON.stringify(form)}`]
  if (value === null) return text === '–' ? [] : wrong('nothing')
  const [number = '', spread] = text.split(' ± ')
  const hasError = error !== null && error > 0
  if (hasError !== (spread !== undefined)) return wrong('error')
  if (Number.isNaN(value)) return number === 'NaN (not a number)' ? [] : wrong('NaN')
  if (!Number.isFinite(value))
    return number === (value > 0 ? 'infinity' : 'minus infinity') ? [] : wrong('inf')
  const scale = form.percent ? 100 : 1
  const shown = readShown(number)
  const slack = form.percent ? 2n ** 51n : 0n
  if (shown === null || !isRounded(shown, { value, scale, slack })) return wrong('value')
  if ((shown.digits === 0n) !== (value === 0)) return wrong('zero')
  if (!hasFairDigits(shown, form)) return wrong('digits')
  if (!hasError || spread === undefined) return []
  const shownError = readShown(spread)
  const isError =
    shownError !== null &&
    isRounded(shownError, { value: error, scale, slack: 2n ** 51n }) &&
    shownError.digits > 0n
  return isError ? [] : wrong('standard error')
}

/** As many as the rules say, but for what they would make zero; else none that mean nothing. */
function hasFairDigits(shown: ShownNumber, { percent, digits, oldError, newError }: Form): boolean {
  const { decimals, significant, isExponent } = shown
  const isTiny = significant === 1 && shown.digits !== 0n
  if (digits !== null)
    return isExponent || decimals === digits || (isTiny && decimals > digits) || shown.digits === 0n
  const hasError = Boolean(oldError) || Boolean(newError)
  return hasError || significant <= 7 || decimals <= (percent ? 1 : 0)
}

/** With its sign, in percentage points for percent; none where there is no difference to tell. */
export function falseInDifference(text: string, { difference, percent }: ComparedResult): string[] {
  const wrong = [`difference: ${text} for ${difference} ${percent}`]
  if (difference === null || difference === 0) return text === '' ? [] : wrong
  const [number = '', points] = text.split(' ')
  return (points === 'pp') === percent && isSigned(number, difference, percent ? 100 : 1) ? [] : wrong
}

export function falseInRelative(text: string, { relative }: ComparedResult): string[] {
  const wrong = [`relative: ${text} for ${relative}`]
  if (relative === null || relative === 0) return text === '' ? [] : wrong
  return text.endsWith('%') && isSigned(text.slice(0, -1), relative, 100) ? [] : wrong
}

/** A difference is rid of what binary fractions add to it: ten digits of it count. */
function isSigned(text: string, value: number, scale: 1 | 100): boolean {
  const shown = readShown(text)
  if (shown === null || shown.digits === 0n || !text.startsWith(value < 0 ? '−' : '+')) return false
  return isRounded(shown, { value, scale, slack: 10n ** 9n })
}
