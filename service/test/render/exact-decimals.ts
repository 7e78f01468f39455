/** A shown number: `digits` ÷ 10^`decimals`, negative decimals for exponents. */
export interface ShownNumber {
  digits: bigint
  decimals: number
  /** Digits of the number as written, without leading zeros. */
  significant: number
  isExponent: boolean
}

const PLAIN = /^[+−]?(\d{1,4}|\d{1,3}(?:,\d{3})+)(?:\.(\d+))?$/
const EXPONENT = /^[+−]?(\d)(?:\.(\d+))?e(−?\d+)$/

/** Null for what no note may hold: misplaced commas, two signs, a mantissa of ten. */
export function readShown(text: string): ShownNumber | null {
  const [, whole, part = '', power] = PLAIN.exec(text) ?? EXPONENT.exec(text) ?? []
  if (whole === undefined) return null
  const digits = whole.replaceAll(',', '') + part
  if (whole.includes(',') && whole.length < 6) return null
  return {
    digits: BigInt(digits) * (text.startsWith('−') ? -1n : 1n),
    decimals: part.length - Number((power ?? '0').replace('−', '-')),
    significant: digits.replace(/^0+/, '').length,
    isExponent: power !== undefined,
  }
}

export interface Stored {
  value: number
  /** 100 for percent. */
  scale: 1 | 100
  /** The service's own arithmetic may be off by one part in so many; 0 for none. */
  slack: bigint
}

/**
 * Whether a number is shown as it is stored: no other number of as many decimals is nearer to the exact binary value,
 * and of two that are equally near it is the one farther from zero. In integers alone.
 */
export function isRounded({ digits, decimals }: ShownNumber, { value, scale, slack }: Stored): boolean {
  const { top, bottom } = fractionOf(value)
  const [up, down] = decimals < 0 ? [10n ** BigInt(-decimals), 1n] : [1n, 10n ** BigInt(decimals)]
  const shown = digits * up * bottom
  const stored = top * BigInt(scale) * down
  const error = 2n * absolute(shown - stored)
  const half = up * bottom
  if (slack > 0n) return (error - half) * slack <= 2n * absolute(stored)
  return error < half || (error === half && absolute(shown) > absolute(stored))
}

function absolute(number: bigint): bigint {
  return number < 0n ? -number : number
}

function fractionOf(value: number): { top: bigint; bottom: bigint } {
  let [top, bottom] = [value, 1n]
  while (!Number.isInteger(top)) [top, bottom] = [top * 2, bottom * 2n]
  return { top: BigInt(top), bottom }
}
