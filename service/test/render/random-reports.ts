import type { BaselinePool } from '../../domain/baseline.js'
import type { Model } from '../../domain/model.js'
import type { FailedJob, NoteInput } from '../../render/note-input.js'
import { baseSha, mainModel, model, type ModelFacts } from '../domain/models.js'
import { type Case, noteInput, type Past } from './cases.js'
import { hostileNames, randomNumbers } from './hostile-names.js'
import { type Dice, diceOf, randomRules, randomValue, resultNames } from './random-rules.js'

export interface RandomReport {
  input: NoteInput
  /** The same, in another order wherever the order has no meaning. */
  shuffled: NoteInput
}

export interface RandomForm {
  seed: number
  mostModels: number
  /** Names that want to be something else, wherever somebody may write. */
  isHostile?: boolean
}

const hostile = hostileNames(1000, 7)

/** A report of any kind there is, the same for the same seed. */
export function randomReport({ seed, mostModels, isHostile = false }: RandomForm): RandomReport {
  const dice = diceOf(seed, isHostile ? (fallback) => dice.pick(hostile).slice(0, 200) || fallback : String)
  const one = randomCase(dice, mostModels)
  const told = tellOf(dice, isHostile)
  return { input: told(noteInput(one)), shuffled: told(noteInput(shuffledCase(one, seed))) }
}

function randomCase(dice: Dice, mostModels: number): Case {
  const { chance, whole, name, pick } = dice
  const names = resultNames.map(name)
  const subjects = Array.from({ length: whole(mostModels + 1) }, (_, index) => subjectOf(dice, index))
  const before: Model[] = []
  const here: Model[] = []
  const isEqual = chance(0.1)
  for (const [index, subject] of subjects.entries()) {
    const old = randomResults(dice, names)
    const current = isEqual ? old : changedResults(dice, old, names)
    if (chance(0.85)) before.push(...trained(dice, mainModel, { ...subject, results: old }, index))
    if (chance(0.85)) here.push(...trained(dice, model, { ...subject, results: current }, index))
  }
  const jobs = [...new Set(before.map(({ job }) => job.name))]
  const state = chance(0.3) ? 'running' : 'finished'
  const half = Math.floor(before.length / 2)
  return {
    here,
    pools: poolsOf(dice, before, half),
    endedJobs: state === 'running' ? [] : jobs.filter(() => chance(0.5)),
    previous: chance(0.3) ? here.map((one) => ({ ...one, results: before[0]?.results ?? [] })) : undefined,
    rules: chance(0.75) ? randomRules(dice, subjects, names) : undefined,
    editedRules: chance(0.25) ? randomRules(dice, subjects, names) : undefined,
    accepts: chance(0.3) ? ({ key }) => key < 'Y' : undefined,
    history: subjects.filter(() => chance(0.3)).map((subject) => pastOf(dice, subject, names)),
    exclusions: chance(0.2) ? [exclusionOf(dice)] : [],
    isFork: chance(0.08),
    drawsCharts: chance(0.3),
    pipeline: {
      state,
      jobsReported: whole(5),
      jobsTotal: pick([null, 5]),
      failedJobs: jobs.filter(() => chance(0.1)).map((job) => failedJob(dice, job)),
      silentJobs: jobs.filter(() => chance(0.1)),
    },
  } as Case
}

interface Subject {
  name: string
  dataset: string
  datasetDigest: string | null
  testSize: number | null
  job: { name: string; url: string | null }
}

function subjectOf({ chance, name, pick, whole }: Dice, index: number): Subject {
  const folder = pick(['', '', 'fraud/', 'fraud/eu/', 'rank-er/'])
  return {
    name: name(`${folder}m${index}`),
    dataset: name(`d${chance(0.6) ? 0 : whole(3)}`),
    datasetDigest: chance(0.1) ? 'sha256:aa' : null,
    testSize: pick([null, null, 30, 10_000]),
    job: {
      name: name(`job ${index % 4}`),
      url: pick([null, `https://git.example.com/research/iris/-/jobs/${index}`]),
    },
  }
}

function randomResults(dice: Dice, names: readonly string[]): Record<string, number> {
  const present = names.filter(() => dice.chance(0.6))
  return Object.fromEntries(
    present.map((name) => [name, randomValue(dice, resultNames[names.indexOf(name)])]),
  )
}

function changedResults(dice: Dice, old: Record<string, number>, names: readonly string[]) {
  const { chance, next } = dice
  const kept = Object.entries(old).filter(() => chance(0.95))
  const moved = kept.map(([name, value]): [string, number] => {
    if (chance(0.45)) return [name, value]
    if (chance(0.15)) return [name, randomValue(dice, resultNames[names.indexOf(name)])]
    return [name, value * (1 + (next() - 0.5) * 10 ** -dice.whole(14))]
  })
  const added = names.filter(() => chance(0.03)).map((name): [string, number] => [name, next()])
  return Object.fromEntries([...moved, ...added])
}

/** One model, some repeats of it, a search or an older try besides. */
function trained(dice: Dice, side: (facts: ModelFacts) => Model, facts: ModelFacts, index: number): Model[] {
  const { chance, next, whole, name } = dice
  const kind = next()
  const count = kind < 0.7 ? 1 : 2 + whole(4)
  const isSearch = kind > 0.9
  return Array.from({ length: count }, (_, at) => {
    const results = Object.entries(facts.results ?? {}).map(([key, value]): [string, number] => [
      key,
      at === 0 ? value : chance(0.03) ? randomValue(dice, key) : value * (1 + (next() - 0.5) / 50),
    ])
    const label = name(`${at + 1}`).slice(0, 30) + (at === 0 ? '' : String(at))
    return side({
      ...facts,
      id: JSON.stringify([facts.dataset, facts.name, at]),
      repeat: count > 1 && !isSearch ? label : null,
      trial: isSearch ? label : null,
      chosen: isSearch && at === 1 && chance(0.5),
      ...(chance(0.03) ? { origin: 'fork:99:812' } : {}),
      results: Object.fromEntries(results),
      hyperparameters: chance(0.5) ? { [name('lr')]: whole(3) / 10, [name('opt')]: name('adam') } : {},
      parameters: chance(0.3) ? { [name('data')]: { [name('rows')]: [whole(2), name('x')] } } : {},
      curves: chance(0.2)
        ? [{ name: name('loss'), count: whole(9), min: -next(), max: 1 / next(), last: next() }]
        : [],
      job: { ...facts.job, id: 1000 + index * 10 + at },
    })
  })
}

function poolsOf({ chance }: Dice, before: Model[], half: number): BaselinePool[] {
  const base = { reason: 'merge_base', commit: baseSha, commitsBehind: 2, carriedFrom: null } as const
  if (chance(0.6)) return [{ ...base, models: before }]
  const ancestor = { reason: 'ancestor', commit: '0123abc'.padEnd(40, 'd'), commitsBehind: 9 } as const
  return [
    { ...base, models: before.slice(0, half) },
    { ...ancestor, carriedFrom: chance(0.5) ? { mrIid: 12 } : null, models: before.slice(half) },
  ]
}

function pastOf(dice: Dice, { name, dataset }: Subject, names: readonly string[]): Past {
  const length = dice.whole(14)
  const values = () => Array.from({ length }, () => (dice.chance(0.03) ? Number.NaN : dice.next()))
  return { name, dataset, results: Object.fromEntries(names.slice(0, 3).map((one) => [one, values()])) }
}

function failedJob({ name, pick }: Dice, job: string): FailedJob {
  const url = `https://git.example.com/research/iris/-/jobs/${job}`
  return { name: job, status: pick(['failed', 'canceled', name('failed')]), url }
}

function exclusionOf({ name, pick }: Dice): NoteInput['exclusions'][number] {
  return {
    dataset: name('d0'),
    name: name('m1'),
    side: pick(['here', 'baseline']),
    commit: name('4f2a91c'),
    username: name('sam'),
    reason: name('wrong split'),
  }
}

/** What a case cannot say: people's names and reasons, branches, paths. */
function tellOf({ name, chance }: Dice, isHostile: boolean): (input: NoteInput) => NoteInput {
  if (!isHostile) return (input) => input
  const people = { username: name('maya'), reason: name('why') }
  const [branch, sha, path, commit] = [name('main'), name('9bc01d2'), name('.mlmm.yml'), name('4f2a91c')]
  const isOddPlace = chance(0.5)
  return (input) => {
    const broken = input.verdict.broken.map((one) => ({
      ...one,
      acceptance: one.acceptance === null ? null : { ...one.acceptance, ...people },
    }))
    const told = { ...input, verdict: { ...input.verdict, broken } }
    if (!isOddPlace) return told
    return { ...told, targetBranch: branch, headSha: sha, rules: { ...told.rules, path, commit } }
  }
}

function shuffledCase(one: Case, seed: number): Case {
  const next = randomNumbers(seed + 1)
  const shuffled = <T>(items: readonly T[]): T[] =>
    items
      .map((item) => ({ item, at: next() }))
      .sort((a, b) => a.at - b.at)
      .map(({ item }) => item)
  const models = (all: readonly Model[]) =>
    shuffled(all).map((each) => ({ ...each, results: shuffled(each.results) }))
  return {
    ...one,
    here: models(one.here),
    pools: one.pools?.map((pool) => ({ ...pool, models: models(pool.models) })),
    endedJobs: shuffled(one.endedJobs ?? []),
    previous: one.previous === undefined ? undefined : models(one.previous),
    history: shuffled(one.history ?? []),
  } as Case
}
