import t from 'tap'
import {
  compareRepeats,
  compareWithHistory,
  HISTORY_NEEDED,
  HISTORY_USED,
  isWithinNoise,
  type Noise,
  NOISE_LEVEL,
  sampleWorth,
  spreadOf,
} from '../../domain/noise.js'

const draws = 20_000
/** A rate that is NOISE_LEVEL comes out higher than this once in a thousand times. */
const mostAlarms = NOISE_LEVEL + 3 * Math.sqrt((NOISE_LEVEL * (1 - NOISE_LEVEL)) / draws)

function near(actual: number | undefined, wanted: number): boolean {
  return actual !== undefined && Math.abs(actual - wanted) <= 1e-10 * Math.max(1, Math.abs(wanted))
}

/** Uniform numbers in [0, 1), the same for the same seed (mulberry32). */
function random(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

function normal(seed: number): () => number {
  const uniform = random(seed)
  let spare: number | null = null
  return () => {
    if (spare !== null) {
      const value = spare
      spare = null
      return value
    }
    const radius = Math.sqrt(-2 * Math.log(1 - uniform()))
    const angle = 2 * Math.PI * uniform()
    spare = radius * Math.sin(angle)
    return radius * Math.cos(angle)
  }
}

function several(count: number, draw: (index: number) => number): number[] {
  return Array.from({ length: count }, (_, index) => draw(index))
}

/** How often a difference is called one. */
function alarmRate(compare: () => Noise | null): number {
  let alarms = 0
  for (let i = 0; i < draws; i++) {
    const noise = compare()
    if (noise === null) throw new Error('not comparable')
    if (!isWithinNoise(noise)) alarms++
  }
  return alarms / draws
}

t.test('the spread of several values, computed by hand', async (t) => {
  // mean (2 + 4 + 4 + 6) / 4 = 4; squares 4 + 0 + 0 + 4 = 8; 8 / (4 - 1); its root; that by √4
  t.same(spreadOf([2, 4, 4, 6]), {
    mean: 4,
    standardDeviation: Math.sqrt(8 / 3),
    standardError: Math.sqrt(8 / 3) / 2,
    count: 4,
  })
  t.same(spreadOf([5, 5]), { mean: 5, standardDeviation: 0, standardError: 0, count: 2 })
})

t.test('one value, none, or one that is not finite has no spread', async (t) => {
  for (const values of [[], [1], [1, Number.NaN], [1, Number.POSITIVE_INFINITY], [1e308, -1.7e308]]) {
    t.equal(spreadOf(values), null, String(values))
  }
})

t.test('far from zero, huge and tiny values keep their spread', async (t) => {
  for (const offset of [0, 1e9, -1e15]) {
    const spread = spreadOf([offset + 1, offset + 2, offset + 3])
    t.same([spread?.mean, spread?.standardDeviation], [offset + 2, 1], String(offset))
  }
  for (const unit of [1e300, 1.7e308 / 3, 1e-200, 5e-324]) {
    const spread = spreadOf([unit, 2 * unit, 3 * unit])
    t.ok(near((spread?.mean ?? 0) / unit, 2), `mean of ${unit}`)
    t.ok(near((spread?.standardDeviation ?? 0) / unit, 1), `deviation of ${unit}`)
  }
})

t.test("Welch's test of three repeats on both sides, computed by hand", async (t) => {
  const noise = compareRepeats([1, 2, 3], [5, 7, 9])

  // variances 1 and 4, by three: 1/3 and 4/3; standard error √(5/3)
  t.ok(near(noise?.standardError, Math.sqrt(5 / 3)))
  // (5/3)² / ((1/3)²/2 + (4/3)²/2) = (25/9) / (17/18) = 50/17
  t.ok(near(noise?.degreesOfFreedom, 50 / 17))
  // t = (7 - 2) / √(5/3) = √15
  t.ok(near(noise?.p, 0.0315622316256785))
  t.same([noise?.kind, noise?.historyCount], ['repeats', 0])
})

t.test('Welch’s test of the sleep data of Student (1908), as R prints it', async (t) => {
  const first = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0, 2]
  const second = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]

  const noise = compareRepeats(first, second)

  t.equal((1.58 / (noise?.standardError ?? 0)).toFixed(4), '1.8608')
  t.equal(noise?.degreesOfFreedom.toFixed(3), '17.776')
  t.equal(noise?.p.toFixed(5), '0.07939')
  t.ok(noise !== null && isWithinNoise(noise))
})

t.test('few repeats against many have no more degrees of freedom than the few allow', async (t) => {
  const noise = compareRepeats([1, 2, 3], [4, 6, 8, 10])

  // 1/3 and (20/3)/4 = 5/3: standard error √2, t = 5/√2; Welch: 4 / ((1/9)/2 + (25/9)/3) = 4.08; at most 2 · (3 - 1) = 4
  t.ok(near(noise?.standardError, Math.SQRT2))
  t.equal(noise?.degreesOfFreedom, 4)
  t.ok(near(noise?.p, 0.0241101105513909))
})

t.test('repeats that are all alike: any difference is real, none is none', async (t) => {
  t.equal(compareRepeats([0.9, 0.9], [0.9, 0.9])?.p, 1)
  t.equal(compareRepeats([0.9, 0.9], [0.8, 0.8, 0.8])?.p, 0)
  t.equal(compareRepeats([0.9, 0.9], [0.8, 0.8, 0.8])?.degreesOfFreedom, 2)
})

t.test('fewer than two repeats, and values that are not finite, cannot be compared', async (t) => {
  t.equal(compareRepeats([1], [1, 2]), null)
  t.equal(compareRepeats([1, 2], []), null)
  t.equal(compareRepeats([1, 2], [1, Number.NaN]), null)
  t.equal(compareRepeats([1, Number.NEGATIVE_INFINITY], [1, 2]), null)
})

t.test('repeats that are scaled or moved give the same p', async (t) => {
  const p = compareRepeats([1, 2, 3], [5, 7, 9])?.p
  for (const unit of [1e-300, 1e-20, 1e100, 1e307]) {
    const [old, current] = [
      [unit, 2 * unit, 3 * unit],
      [5 * unit, 7 * unit, 9 * unit],
    ]
    t.ok(near(compareRepeats(old, current)?.p, p ?? 0), String(unit))
  }
  t.equal(compareRepeats([1e15 + 1, 1e15 + 2, 1e15 + 3], [1e15 + 5, 1e15 + 7, 1e15 + 9])?.p, p)
  t.equal(compareRepeats([5, 7, 9], [1, 2, 3])?.p, p, 'the other way round')
})

t.test(
  'where there is no difference, repeats raise an alarm no more often than the level says',
  async (t) => {
    const draw = normal(4)
    for (const [old, current] of [
      [2, 2],
      [3, 3],
      [5, 5],
      [3, 5],
      [2, 5],
      [2, 10],
      [10, 3],
    ] as const) {
      const rate = alarmRate(() => compareRepeats(several(old, draw), several(current, draw)))
      t.ok(rate <= mostAlarms, `${old} against ${current}: ${rate}`)
    }
  },
)

t.test('a difference of three standard deviations is found by five repeats', async (t) => {
  const draw = normal(5)
  const rate = alarmRate(() =>
    compareRepeats(
      several(5, draw),
      several(5, () => 3 + draw()),
    ),
  )
  t.ok(rate > 0.95, String(rate))
})

t.test('the spread of a history, computed by hand', async (t) => {
  const noise = compareWithHistory({ old: 1, current: 4, history: [0, 1, 0, 2, 0, 1, 0, 1] })

  // squared steps 1 1 4 4 1 1 1, the largest of seven counting as the next: mean 13/7; corrected by 1 + 1.6/7 = 8.6/7
  t.ok(near(noise?.standardError, Math.sqrt((13 / 7) * (8.6 / 7))))
  // 2/3 · (7 - 1)
  t.equal(noise?.degreesOfFreedom, 4)
  t.ok(near(noise?.p, 0.117977200948075))
  t.same([noise?.kind, noise?.historyCount], ['history', 8])
})

t.test('a short history says nothing; of a long one the newest count', async (t) => {
  const short = several(HISTORY_NEEDED - 1, (index) => index % 2)
  t.equal(compareWithHistory({ old: 0, current: 1, history: short }), null)
  t.equal(compareWithHistory({ old: 0, current: 1, history: [...short, Number.NaN] }), null)
  t.equal(compareWithHistory({ old: 0, current: Number.NaN, history: [...short, 1] }), null)
  t.equal(compareWithHistory({ old: 0, current: 1, history: [...short, 1] })?.historyCount, HISTORY_NEEDED)
  const wild = several(50, (index) => (index % 2) * 1000)
  const calm = several(HISTORY_USED, (index) => index % 2)
  t.same(
    compareWithHistory({ old: 0, current: 5, history: [...wild, ...calm] }),
    compareWithHistory({ old: 0, current: 5, history: calm }),
  )
})

t.test('a history that never varies makes any difference real', async (t) => {
  const history = several(8, () => 0.9)
  t.equal(compareWithHistory({ old: 0.9, current: 0.8999, history })?.p, 0)
  t.equal(compareWithHistory({ old: 0.9, current: 0.9, history })?.p, 1)
})

t.test('improvements that stay are no noise, also where training is deterministic', async (t) => {
  const steps = several(20, (index) => (index < 6 ? 0.7 : index < 13 ? 0.8 : 0.9))
  t.equal(compareWithHistory({ old: 0.9, current: 0.89, history: steps })?.p, 0)
  const draw = normal(6)
  const calm = several(20, () => 0.9 + draw() / 1000)
  const grown = calm.map((value, index) => (index < 6 ? value - 0.5 : value))
  const [without, having] = [calm, grown].map((history) =>
    compareWithHistory({ old: 0.9, current: 0.89, history }),
  )
  t.ok((having?.standardError ?? 1) < 1.5 * (without?.standardError ?? 0))
})

t.test('where most trainings give the same, what went and came back is the noise', async (t) => {
  const history = several(20, (index) => (index === 7 ? 0.9 : 0.93))
  const noise = (current: number) => compareWithHistory({ old: 0.93, current, history })
  // One swing as large, and this one: 2 of 19.
  t.equal(noise(0.9)?.p, 2 / 19)
  t.ok((noise(0.87)?.p ?? 1) < NOISE_LEVEL)
})

t.test('a history that is scaled gives the same p', async (t) => {
  const history = [0, 1, 0, 2, 0, 1, 0, 1]
  for (const unit of [1e-300, 1e307]) {
    const scaled = history.map((value) => value * unit)
    t.ok(near(compareWithHistory({ old: unit, current: 4 * unit, history: scaled })?.p, 0.117977200948075))
  }
})

t.test('where there is no difference, a history of any length keeps the level', async (t) => {
  const draw = normal(7)
  for (let length = HISTORY_NEEDED; length <= HISTORY_USED; length++) {
    const rate = alarmRate(() => {
      const history = several(length, draw)
      return compareWithHistory({ old: draw(), current: draw(), history })
    })
    t.ok(rate <= mostAlarms && rate > 0.03, `${length} trainings: ${rate}`)
  }
})

t.test('steps, a drift and outliers in the history do not raise the rate', async (t) => {
  const draw = normal(8)
  const uniform = random(9)
  const histories: Record<string, (length: number) => number[]> = {
    'one step': (length) => {
      const at = Math.floor(uniform() * length)
      return several(length, (index) => draw() - (index < at ? 100 : 0))
    },
    'two steps': (length) => {
      const [a, b] = [Math.floor(uniform() * length), Math.floor(uniform() * length)]
      return several(length, (index) => draw() - (index < a ? 3 : 0) - (index < b ? 8 : 0))
    },
    'a drift': (length) => several(length, (index) => draw() - (length - 1 - index) / 2),
    'an outlier': (length) => {
      const at = Math.floor(uniform() * length)
      return several(length, (index) => draw() + (index === at ? 10 : 0))
    },
    'rounded values': (length) => several(length, () => Math.round(draw())),
  }
  for (const [what, historyOf] of Object.entries(histories)) {
    const value = what === 'rounded values' ? () => Math.round(draw()) : draw
    const rate = alarmRate(() => {
      const length = HISTORY_NEEDED + Math.floor(uniform() * (HISTORY_USED - HISTORY_NEEDED + 1))
      return compareWithHistory({ old: value(), current: value(), history: historyOf(length) })
    })
    t.ok(rate <= mostAlarms, `${what}: ${rate}`)
  }
})

t.test('the baseline may be the last of the history', async (t) => {
  const draw = normal(10)
  for (const length of [8, 12, 20]) {
    const rate = alarmRate(() => {
      const history = several(length, draw)
      return compareWithHistory({ old: history[length - 1] ?? 0, current: draw(), history })
    })
    t.ok(rate <= mostAlarms, `${length} trainings: ${rate}`)
  }
})

t.test(
  'a difference of six standard deviations is found by a history, also over an improvement',
  async (t) => {
    const draw = normal(11)
    const rateOver = (step: number) =>
      alarmRate(() => {
        const history = several(20, (index) => draw() - (index < 8 ? step : 0))
        return compareWithHistory({ old: draw(), current: draw() - 6, history })
      })
    const [plain, improved] = [rateOver(0), rateOver(50)]
    t.ok(plain > 0.95, String(plain))
    t.ok(improved > 0.9, String(improved))
  },
)

t.test('one sample of the test data is worth its part', async (t) => {
  t.equal(sampleWorth(30), 1 / 30)
  t.equal(sampleWorth(0), null)
})
