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
  let above = 1
  let below = 1
  let at = a
  for (; at < 16; at++) {
    above *= at
    below *= at + 0.5
  }
  let series = 0
  for (const coefficient of GAMMA_RATIO) series = series / at + coefficient
  return (above / below) * Math.sqrt(at) * series
}

/** The continued fraction of the incomplete beta function, by its convergents: `top / bottom`, scaled so that `bottom`
 * stays 1. Converges fast for x < (a+1)/(a+b+2). */
function betaFraction(x: number, a: number, b: number): number {
  let top = 1 / (1 - ((a + b) * x) / (a + 1))
  let lastTop = top
  let lastBottom = top
  for (let m = 1; m <= MOST_TERMS; m++) {
    const at = a + 2 * m
    const even = (m * (b - m) * x) / ((at - 1) * at)
    const odd = (-(a + m) * (a + b + m) * x) / (at * (at + 1))
    const evenTop = top + even * lastTop
    const evenBottom = 1 + even * lastBottom
    const scale = 1 / (evenBottom + odd)
    const before = top
    top = (evenTop + odd * top) * scale
    lastTop = evenTop * scale
    lastBottom = evenBottom * scale
    if (Math.abs(top - before) < PRECISION * Math.abs(top)) break
  }
  return top
}
