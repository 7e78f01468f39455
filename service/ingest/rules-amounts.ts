import type { Amount, Limit } from '../domain/rules.js'
import { AMOUNT, LIMIT } from '../schemas/rules.js'

/** Divides in decimal, so that `1.1%` is 0.011 and not the double beside it. */
function hundredth(digits: string): number {
  return Number(`${digits}e-2`)
}

/** Takes what the schema lets pass. */
export function readAmount(written: string | number): Amount {
  const text = String(written)
  const [, digits = '', , unit] = typeof written === 'string' ? (AMOUNT.exec(written) ?? []) : []
  if (unit === 'pp') return { kind: 'points', value: hundredth(digits), text }
  if (unit !== undefined) return { kind: 'relative', value: hundredth(digits), text }
  return { kind: 'absolute', value: Number(written), text }
}

export function readLimit(written: string | number): Limit {
  const text = String(written)
  return { value: text.endsWith('%') ? hundredth(text.slice(0, -1)) : Number(written), text }
}

const SPELLINGS: [RegExp, string][] = [
  [/\s+/g, ''],
  [/^[-+±]/, ''],
  [/,/, '.'],
  [/(percentage|percent|%)-?points?$|p\.p\.?$|ppts?$|pps$|points?$/, 'pp'],
  [/percent$|pct$|percentage$|perc$|%rel(ative)?$/, '%'],
  [/%ofbaseline$/, '% of baseline'],
]

/** `1 pp`, `-1pp` and `1 percentage point` as `1pp`; null where nobody can tell what is meant. */
export function nearestAmount(written: string): string | null {
  const text = respell(written)
  return AMOUNT.test(text) ? text : null
}

/** `90 percent` as `90%`. */
export function nearestLimit(written: string): string | null {
  const text = respell(written)
  return LIMIT.test(text) ? text : null
}

function respell(written: string): string {
  const text = written.slice(0, 60).toLowerCase()
  return SPELLINGS.reduce((text, [from, to]) => text.replace(from, to), text)
}
