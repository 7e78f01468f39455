/** Below this a convergent of the continued fraction would divide by zero. */
const TINY = 1e-300
const PRECISION = 1e-13
/** Some 20 are taken as a rule, and not 1,000 at a million degrees of freedom. */
const MOST_TERMS = 10_000
/** More count as a million: the distribution is the normal one to six digits by then. */
const MOST_DEGREES = 1e6

/**
 * How likely it is that a variable with Student's t distribution is at least as far from zero as `t`: the regularised
 * incomplete beta function I_x(df/2, 1/2) at x = df / (df + t²). Exact to 1e-10; 1 at zero, 0 at infinity, NaN
 * where `t` is NaN or `degreesOfFreedom` is not positive.
 */
export function twoSidedP(t: number, degreesOfFreedom: number): number {
  if (Number.isNaN(t) || !(degreesOfFreedom > 0)) return Number.NaN
  const df = Math.min(degreesOfFreedom, MOST_DEGREES)
  const ratio = (t / df) * t
  if (ratio === 0) return 1
  if (ratio === Number.POSITIVE_INFINITY) return 0
  const a = df / 2
  const x = 1 / (1 + ratio)
  const y = ratio / (1 + ratio)
  // x^a · y^(1/2) / B(a, 1/2), with the logarithm of x taken where it does not cancel.
  const front = Math.exp(-a * Math.log1p(ratio)) * Math.sqrt(y / Math.PI) * gammaRatio(a)
  if (x < (a + 1) / (a + 2.5)) return Math.min(1, (front * betaFraction(x, a, 0.5)) / a)
  return Math.max(0, 1 - 2 * front * betaFraction(y, 0.5, a))
}

/** Of Γ(a + 1/2) / Γ(a) / √a in powers of 1/a, the highest first. */
const GAMMA_RATIO = [
  39325 / 2 ** 25,
  869 / 2 ** 22,
  -399 / 2 ** 18,
  -21 / 2 ** 15,
  5 / 2 ** 10,
  1 / 2 ** 7,
  -1 / 8,
  1,
]

/** Γ(a + 1/2) / Γ(a): its series for large a, after steps up to where that holds. */
function gammaRatio(a: number): number {
  let below = 1
  let at = a
  for (; at < 16; at++) below *= at / (at + 0.5)
  let series = 0
  for (const coefficient of GAMMA_RATIO) series = series / at + coefficient
  return below * Math.sqrt(at) * series
}

/** The continued fraction of the incomplete beta function, by Lentz's method. Converges fast for x < (a+1)/(a+b+2). */
function betaFraction(x: number, a: number, b: number): number {
  let c = 1
  let d = reciprocal(1 - ((a + b) * x) / (a + 1))
  let value = d
  for (let m = 1; m <= MOST_TERMS; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m))
    d = reciprocal(1 + even * d)
    c = awayFromZero(1 + even / c)
    value *= d * c
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1))
    d = reciprocal(1 + odd * d)
    c = awayFromZero(1 + odd / c)
    value *= d * c
    if (Math.abs(d * c - 1) < PRECISION) break
  }
  return value
}

function reciprocal(value: number): number {
  return 1 / awayFromZero(value)
}

function awayFromZero(value: number): number {
  return Math.abs(value) < TINY ? TINY : value
}
