import { randomNumbers } from './hostile-names.js'

/** Random choices from one seed. */
export interface Dice {
  /** From 0 to 1. */
  next(): number
  chance(part: number): boolean
  /** Below `limit`. */
  whole(limit: number): number
  pick<T>(items: readonly T[]): T
  /** A name that somebody outside gives, by default the usual one. */
  name(usual: string): string
}

export function diceOf(seed: number, name: (usual: string) => string): Dice {
  const next = randomNumbers(seed)
  const whole = (limit: number) => Math.floor(next() * limit)
  return {
    next,
    whole,
    name,
    chance: (part) => next() < part,
    pick: <T>(items: readonly T[]) => items[whole(items.length)] as T,
  }
}

export const resultNames = ['accuracy', 'loss', 'f1', 'gini', 'latency_ms', 'size', 'train_loss', 'auc']
const special = [
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  0,
  -0,
  1,
  1e300,
  -1e300,
  5e-324,
]

/** Mostly what the result of that name may be, sometimes anything. */
export function randomValue({ next, chance, whole, pick }: Dice, usual: string | undefined): number {
  if (chance(0.06)) return pick(special)
  if (chance(0.08)) return (chance(0.5) ? 1 : -1) * next() * 10 ** (whole(40) - 20)
  // Halves in binary, which lie between two decimals.
  if (chance(0.1)) return whole(64) / 32
  if (usual === 'size') return whole(200_000_000)
  if (usual === 'latency_ms') return next() * 60
  return chance(0.3) ? whole(1000) / 1000 : next()
}

/** The text of a rules file, which is read as any other: some have mistakes. */
export function randomRules(dice: Dice, subjects: readonly Subject[], names: readonly string[]): string {
  const { chance, pick, name } = dice
  const block = () =>
    Object.fromEntries(names.filter(() => chance(0.5)).map((one) => [one, randomRule(dice)]))
  const [subject] = subjects
  const override = {
    models: pick(['fraud/*', '*1', name('m2')]),
    results: { ...block(), gini: randomRule(dice) },
  }
  const rules = {
    results: { ...block(), ...(chance(0.2) ? { [name('*ss')]: randomRule(dice) } : {}) },
    ...(chance(0.3) ? { overrides: [override, { models: name('m3'), gate: 'off' }] } : {}),
    ...(chance(0.3) && subject
      ? { required: [requiredOf(subject), { model: name('gone'), dataset: 'd0' }] }
      : {}),
    no_baseline: pick(['pass', 'warn', 'fail']),
    missing: pick(['pass', 'warn', 'fail']),
    note: {
      ...(chance(0.3) ? { columns: names.filter(() => chance(0.5)).slice(0, 6) } : {}),
      ...(chance(0.3) ? { group_by: 'folder' } : {}),
    },
    ...(chance(0.05) ? { [name('reslts')]: {} } : {}),
  }
  return JSON.stringify(rules)
}

interface Subject {
  name: string
  dataset: string
}

function requiredOf({ name, dataset }: Subject) {
  return { model: name, dataset }
}

function randomRule({ chance, pick, whole, name }: Dice): Record<string, unknown> {
  const amount = () => pick([0, 0.01, 0.5, '5%', '1% of baseline', '0.001'])
  const gate = () => ({
    ...(chance(0.7) ? { worse_by: amount() } : {}),
    ...(chance(0.4) ? { below: pick([0.2, '-1', '40%']) } : {}),
    ...(chance(0.3) ? { above: pick([40, 0.9]) } : { above: 1e3 }),
  })
  return {
    format: 'number',
    ...(chance(0.4) ? { better: pick(['higher', 'lower']) } : {}),
    ...(chance(0.3) ? { unit: name(pick(['ms', 'B', 'km/h'])).slice(0, 20) } : {}),
    ...(chance(0.3) ? { digits: whole(7) } : {}),
    ...(chance(0.4) ? { tolerance: amount() } : {}),
    ...(chance(0.4) ? { warn: gate() } : {}),
    ...(chance(0.4) ? { fail: gate() } : {}),
    ...(chance(0.25)
      ? { format: 'percent', unit: undefined, tolerance: '0.2pp', warn: { worse_by: '1pp' } }
      : {}),
  }
}
