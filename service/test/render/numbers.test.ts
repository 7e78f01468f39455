import t from 'tap'
import { figureOf, figures, figuresApart } from '../../render/numbers.js'
import { randomNumbers } from './hostile-names.js'

const { NaN: notANumber, POSITIVE_INFINITY: infinity, NEGATIVE_INFINITY: minusInfinity } = Number

/** As a sentence: `old → new (difference) relative`. */
function shown(old: number, current: number, percent = false): string {
  const gap = current - old
  const difference = Number.isFinite(gap) ? gap : null
  const relative = difference === null || old === 0 ? null : difference / Math.abs(old)
  const text = figures({ old, new: current, difference, relative, percent })
  return [`${text.old} → ${text.new}`, text.difference && `(${text.difference})`, text.relative]
    .filter(Boolean)
    .join(' ')
    .replaceAll('\u00a0', ' ')
}

t.test('old, new and difference have the same digits, and as many as the difference needs', async (t) => {
  const table: [number, number, string][] = [
    [0.21, 0.241, '0.210 → 0.241 (+0.031) +15%'],
    [0.302, 0.31, '0.302 → 0.310 (+0.008) +2.6%'],
    [0.13, 0.11, '0.130 → 0.110 (−0.020) −15%'],
    [0.095, 0.095, '0.095 → 0.095'],
    [0.0952, 0.0952, '0.0952 → 0.0952'],
    [0.12344, 0.12346, '0.12344 → 0.12346 (+0.00002) +0.02%'],
    [0.5, 0.5 + 1e-11, '0.500 → 0.500 (+1.0e−11) +2.0e−9%'],
    [12.31, 11.08, '12.3 → 11.1 (−1.2) −10.0%'],
    [123.4, 125.6, '123.4 → 125.6 (+2.2) +1.8%'],
    [123.4, 123.5, '123.4 → 123.5 (+0.1) +0.08%'],
    [1234.5, 1236.7, '1235 → 1237 (+2) +0.2%'],
    [123456, 123457, '123,456 → 123,457 (+1) +0.0008%'],
    [150, 151, '150 → 151 (+1) +0.7%'],
    [5, 5.5, '5.00 → 5.50 (+0.50) +10%'],
    [0, 0.003, '0.000 → 0.003 (+0.003)'],
    [0.4, -0.2, '0.400 → −0.200 (−0.600) −150%'],
    [-0.2, -0.25, '−0.200 → −0.250 (−0.050) −25%'],
    [0, 0, '0 → 0'],
    [0, -0, '0 → 0'],
  ]
  for (const [old, current, text] of table) t.equal(shown(old, current), text)
})

t.test('percent results differ by percentage points', async (t) => {
  const table: [number, number, string][] = [
    [0.9333, 0.9133, '93.3 → 91.3% (−2.0 pp) −2.1%'],
    [0.888, 0.899, '88.8 → 89.9% (+1.1 pp) +1.2%'],
    [0.934, 0.933, '93.4 → 93.3% (−0.1 pp) −0.1%'],
    [0.9333, 0.9338, '93.33 → 93.38% (+0.05 pp) +0.05%'],
    [0.972, 0.972, '97.2 → 97.2%'],
    [0, 1, '0.0 → 100.0% (+100.0 pp)'],
    [0.5, 0.5000001, '50.00000 → 50.00001% (+0.00001 pp) +0.00002%'.replace('0.00002', '2.0e−5')],
    [0.29, 0.28, '29.0 → 28.0% (−1.0 pp) −3.4%'],
    [0.5, notANumber, '50.0% → NaN (not a number)'],
    [notANumber, 0.5, 'NaN (not a number) → 50.0%'],
  ]
  for (const [old, current, text] of table) t.equal(shown(old, current, true), text)
})

t.test('tiny and huge values have exponents, what is no number has words', async (t) => {
  const table: [number, number, string][] = [
    [1.2e-7, 3.4e-7, '1.20e−7 → 3.40e−7 (+2.2e−7) +183%'],
    [1e-9, 0.5, '1.00e−9 → 0.500 (+0.500) +5.0e10%'],
    [0, 1e-20, '0 → 1.00e−20 (+1.0e−20)'],
    [1e300, 2e300, '1.00e300 → 2.00e300 (+1.0e300) +100%'],
    [5e-324, 0, '4.94e−324 → 0 (−4.9e−324) −100%'],
    [12345678, 12345679, '12,345,678 → 12,345,679 (+1) +8.1e−6%'],
    [1.7e308, -1.7e308, '1.70e308 → −1.70e308'],
    [0.2, infinity, '0.200 → infinity'],
    [minusInfinity, 0.2, 'minus infinity → 0.200'],
    [infinity, notANumber, 'infinity → NaN (not a number)'],
  ]
  for (const [old, current, text] of table) t.equal(shown(old, current), text)
})

t.test('one value alone has three digits', async (t) => {
  const table: [number, boolean, string][] = [
    [0.9333, true, '93.3%'],
    [0.2104, false, '0.210'],
    [200, false, '200'],
    [1.0986, false, '1.10'],
    [notANumber, false, 'NaN (not a number)'],
  ]
  for (const [value, percent, text] of table) t.equal(figureOf(value, percent), text)
})

t.test(
  'the rules say unit and digits, and a difference that they would hide is seen all the same',
  async (t) => {
    const ms = { percent: false, unit: 'ms', digits: 1, relative: null }
    const table: [number, number, string][] = [
      [12.31, 11.08, '12.3 → 11.1 ms (−1.2)'],
      [12.31, 12.33, '12.3 → 12.3 ms (+0.02)'],
      [12.31, 12.310001, '12.3 → 12.3 ms (+1.0e−6)'],
      [1234567.25, 1234568.5, '1,234,567.3 → 1,234,568.5 ms (+1.3)'],
      [0.01, 0.02, '0.01 → 0.02 ms (+0.01)'],
      [0.098, 0.196, '0.1 → 0.2 ms (+0.1)'],
      [0.0098, 0.0196, '0.01 → 0.02 ms (+0.01)'],
      [1e300, 2e300, '1.00e300 → 2.00e300 ms (+1.0e300)'],
      [1, notANumber, '1.0 ms → NaN (not a number)'],
    ]
    for (const [old, current, text] of table) {
      const difference = Number.isNaN(current) ? null : Number((current - old).toPrecision(8))
      const said = figures({ ...ms, old, new: current, difference })
      const amount = said.difference === null ? '' : ` (${said.difference})`
      t.equal(`${said.old} → ${said.new}${amount}`.replaceAll('\u00a0', ' '), text)
    }
    t.equal(figures({ ...ms, percent: true, old: null, new: 0.93, difference: null }).new, '93.0%')
    t.equal(figureOf(3, { percent: false, unit: 'a\u0000@all |', digits: 0 }), '3\u00a0a␀@all |')
  },
)

t.test('with repeats there are as many digits as the standard error leaves', async (t) => {
  const table: [number, number, number | null, number | null, string][] = [
    [0.9306, 0.941, 0.0012, 0.0017, '93.06% ± 0.12 94.10% ± 0.17 +1.04 pp'],
    [0.9306, 0.941, 0.004, 0.006, '93.1% ± 0.4 94.1% ± 0.6 +1.0 pp'],
    [0.9306, 0.941, 0.04, 0.06, '93% ± 4 94% ± 6 +1 pp'],
    [0.9306, 0.941, null, 0.006, '93.1% 94.1% ± 0.6 +1.0 pp'],
    [0.9306, 0.941, 0, 0, '93.1% 94.1% +1.0 pp'],
    [0.93, 2.03, 3e24, null, '9.3e1% ± 3.0e26 2.0e2% +1.1e2 pp'],
  ]
  for (const [old, current, oldError, newError, text] of table) {
    const result = { old, new: current, oldError, newError, difference: current - old, relative: null }
    const said = figuresApart({ ...result, percent: true })
    const sides = [said.old, said.new].map((side) => side?.replace(/(.*)(\u00a0±.*)%/, '$1%$2'))
    t.equal([...sides, said.difference].join(' ').replaceAll('\u00a0', ' '), text)
  }
})

t.test(
  'any two numbers: what is shown is what is stored at the digits shown, and a difference is seen',
  async (t) => {
    const next = randomNumbers(7)
    const wrong: string[] = []
    for (let round = 0; round < 20_000; round++) {
      const old = (next() - 0.3) * 10 ** Math.floor(next() * 12 - 6)
      const current =
        next() < 0.3
          ? (next() - 0.3) * 10 ** Math.floor(next() * 12 - 6)
          : old * (1 + (next() - 0.5) * 10 ** -Math.floor(next() * 8))
      const text = figures({ old, new: current, difference: current - old, relative: null, percent: false })
      const fine =
        isRounded(text.old, old) &&
        isRounded(text.new, current) &&
        isRounded(text.difference, current - old) &&
        (current === old || /[1-9]/.test(text.difference ?? ''))
      if (!fine) wrong.push(`${old} ${current}: ${JSON.stringify(text)}`)
    }
    t.strictSame(wrong, [])
  },
)

/** Whether `text` is `value` rounded to the digits that `text` has. */
function isRounded(text: string | null, value: number): boolean {
  const plain = (text ?? '0').replaceAll(',', '').replaceAll('−', '-')
  const [mantissa = '', exponent = '0'] = plain.split('e')
  const step = 10 ** (Number(exponent) - (mantissa.split('.')[1]?.length ?? 0))
  return Math.abs(Number(plain) - value) <= step * 0.500001
}
