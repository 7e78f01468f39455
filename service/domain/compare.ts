import { type Baseline, groupRepeats, identityOf } from './baseline.js'
import { type Direction, describeResult, type ResultKind } from './directions.js'
import type { Model, Named } from './model.js'
import { byCodeUnits } from './order.js'
import { compareSettings, type SettingChange } from './settings.js'

/**
 * `changed`: it differs, and nobody can say whether that is good: direction unknown, or other data. `missing`: the
 * baseline has it, its job ran in this pipeline, ended and did not send it. `not_run`: its job did not.
 */
export type ResultState = 'worse' | 'missing' | 'better' | 'changed' | 'new' | 'same' | 'not_run'
/** `mixed`: some results better, others worse or gone. */
export type ModelState = ResultState | 'mixed'

/** Worst first: the order of the rows. */
export const MODEL_STATES = [
  'worse',
  'missing',
  'mixed',
  'better',
  'changed',
  'new',
  'same',
  'not_run',
] as const
MODEL_STATES satisfies readonly ModelState[]

export interface ComparedResult {
  name: string
  direction: Direction
  /** Show as percent, in every row alike. */
  percent: boolean
  /** Measured on the training data: judged, but it does not decide on the model. */
  training: boolean
  /** Means over the repeats; null where the side does not have it. */
  old: number | null
  new: number | null
  oldRepeats: number
  newRepeats: number
  /** new − old; null unless both are finite. */
  difference: number | null
  /** difference ÷ |old|; null where that says nothing (zero or infinite base, change of sign). */
  relative: number | null
  state: ResultState
}

/** All repeats of one dataset and model name here, beside those of the baseline. */
export interface ComparedModel {
  dataset: string
  name: string
  state: ModelState
  /** What was trained here, by repeat label; empty where it is missing or was not run. */
  models: Model[]
  baseline: Baseline | null
  /** Best known first. */
  results: ComparedResult[]
  settings: SettingChange[]
  /** How many settings differ; `settings` holds at most `MAX_SETTING_CHANGES`. */
  settingsChanged: number
  /** Both sides name their data by digest and the digests differ: the numbers are not comparable. */
  datasetChanged: boolean
}

export interface ResultColumn extends ResultKind {
  name: string
  percent: boolean
  /** Its index in `Comparison.columns`. */
  place: number
}

export interface Comparison {
  /** Worst first, then by dataset and name. */
  rows: ComparedModel[]
  counts: Record<ModelState, number>
  /** Every result name there is, best known first. */
  columns: ResultColumn[]
}

export interface CompareInput {
  /** The models of the merge request's head; trials and older tries are left out here. */
  candidates: readonly Model[]
  baselines: readonly Baseline[]
  /** Names of the jobs that ran here and ended (not skipped, not manual): what their baseline has and they did not send
   * is missing; what other jobs would send is not run. */
  endedJobs: ReadonlySet<string>
}

/** Differences below this part of the values come from the order of additions, not from the model. */
const ROUNDING = 1e-12

/** Compares what was trained at a head with its baselines. Whatever the order of its input, the answer is the same. */
export function compare({ candidates, baselines, endedJobs }: CompareInput): Comparison {
  const here = groupRepeats(candidates)
  const before = new Map(baselines.map((baseline) => [identityOf(baseline), baseline]))
  const columns = listColumns(here, before)
  const rows: ComparedModel[] = []
  for (const [key, models] of here) rows.push(compareModel(models, before.get(key) ?? null, columns))
  for (const [key, baseline] of before) {
    if (!here.has(key)) rows.push(absentModel(baseline, endedJobs, columns))
  }
  rows.sort(byStateThenName)
  return { rows, counts: countStates(rows), columns: [...columns.values()] }
}

function byStateThenName(a: ComparedModel, b: ComparedModel): number {
  const byState = MODEL_STATES.indexOf(a.state) - MODEL_STATES.indexOf(b.state)
  return byState || byCodeUnits(a.dataset, b.dataset) || byCodeUnits(a.name, b.name)
}

function countStates(rows: ComparedModel[]): Record<ModelState, number> {
  const counts = { worse: 0, missing: 0, mixed: 0, better: 0, changed: 0, new: 0, same: 0, not_run: 0 }
  for (const row of rows) counts[row.state]++
  return counts
}

/** One kind per result name, so that a name is shown alike in every row. */
function listColumns(here: Map<string, Model[]>, before: Map<string, Baseline>): Map<string, ResultColumn> {
  const models = [...here.values(), ...[...before.values()].map((baseline) => baseline.models)].flat()
  const names = new Set<string>()
  const beyondOne = new Set<string>()
  for (const { results } of models) {
    for (const { k, v } of results) {
      names.add(k)
      if (Number.isFinite(v) && (v < 0 || v > 1)) beyondOne.add(k)
    }
  }
  const columns = [...names].map((name) => {
    const kind = describeResult(name)
    return { ...kind, name, percent: kind.fraction && !beyondOne.has(name) }
  })
  columns.sort(
    (a, b) => Number(a.training) - Number(b.training) || a.rank - b.rank || byCodeUnits(a.name, b.name),
  )
  return new Map(columns.map((column, place) => [column.name, { ...column, place }]))
}

function compareModel(
  models: Model[],
  baseline: Baseline | null,
  columns: Map<string, ResultColumn>,
): ComparedModel {
  const datasetChanged = baseline !== null && isOtherData(baseline.models, models)
  const pair = { old: sideOf(baseline?.models ?? []), current: sideOf(models) }
  const results = compareResults(pair, { columns, comparable: !datasetChanged })
  const { changes, total } = settingsBetween(baseline?.models ?? [], models)
  return {
    dataset: models[0]?.dataset ?? '',
    name: models[0]?.name ?? '',
    state: baseline === null ? 'new' : stateOfModel(results, datasetChanged),
    models,
    baseline,
    results,
    settings: changes,
    settingsChanged: total,
    datasetChanged,
  }
}

function absentModel(
  baseline: Baseline,
  endedJobs: ReadonlySet<string>,
  columns: Map<string, ResultColumn>,
): ComparedModel {
  const state = baseline.models.some((model) => endedJobs.has(model.job.name)) ? 'missing' : 'not_run'
  const pair = { old: sideOf(baseline.models), current: NOTHING }
  const results = compareResults(pair, { columns, comparable: true }).map(
    (result) => ({ ...result, state }) as const,
  )
  const { dataset, name } = baseline
  return {
    dataset,
    name,
    state,
    models: [],
    baseline,
    results,
    settings: [],
    settingsChanged: 0,
    datasetChanged: false,
  }
}

/**
 * Some worse, none better is worse; a result that is gone keeps a model from being plainly better or the same. Results
 * on the training data decide only where there are no others, or by turning into NaN: a lower training loss beside a
 * higher validation loss is nothing good.
 */
function stateOfModel(results: ComparedResult[], datasetChanged: boolean): ModelState {
  const onlyTraining = results.every(({ training }) => training)
  const decides = ({ training, new: value }: ComparedResult) =>
    onlyTraining || !training || Number.isNaN(value)
  const has = (state: ResultState) => results.some((result) => result.state === state && decides(result))
  if (has('worse')) return has('better') ? 'mixed' : 'worse'
  if (has('better')) return has('missing') ? 'mixed' : 'better'
  return datasetChanged || results.some(({ state }) => state !== 'same') ? 'changed' : 'same'
}

/** One side of a row: the mean of each result, and over how many repeats. */
interface Side {
  means: Map<string, number>
  countOf(name: string): number
}

const NOTHING: Side = { means: new Map(), countOf: () => 0 }

function sideOf(models: readonly Model[]): Side {
  const [only] = models
  if (only === undefined) return NOTHING
  if (models.length === 1) return { means: lastOfEach(only.results), countOf: () => 1 }
  const values = new Map<string, number[]>()
  for (const model of models) {
    for (const [name, value] of lastOfEach(model.results)) {
      const all = values.get(name)
      if (all === undefined) values.set(name, [value])
      else all.push(value)
    }
  }
  const means = new Map([...values].map(([name, all]) => [name, mean(all)]))
  return { means, countOf: (name) => values.get(name)?.length ?? 0 }
}

function lastOfEach(results: Named<number>[]): Map<string, number> {
  const values = new Map<string, number>()
  for (const { k, v } of results) values.set(k, v)
  return values
}

/** Divides first where the sum would overflow, so that the mean of finite numbers is finite. */
function mean(values: number[]): number {
  const sum = values.reduce((total, value) => total + value, 0)
  if (Number.isFinite(sum) || !values.every(Number.isFinite)) return sum / values.length
  return values.reduce((total, value) => total + value / values.length, 0)
}

interface Pair {
  old: Side
  current: Side
}

interface How {
  columns: Map<string, ResultColumn>
  comparable: boolean
}

function compareResults({ old, current }: Pair, { columns, comparable }: How): ComparedResult[] {
  return columnsOf([...current.means.keys(), ...old.means.keys()], columns).map((column) => {
    const { name, direction, percent, training } = column
    const before = old.means.get(name)
    const now = current.means.get(name)
    const { difference, relative } = differenceOf(before, now)
    return {
      name,
      direction,
      percent,
      training,
      old: before ?? null,
      new: now ?? null,
      oldRepeats: before === undefined ? 0 : old.countOf(name),
      newRepeats: now === undefined ? 0 : current.countOf(name),
      difference,
      relative,
      state: stateOfResult(before, now, comparable ? direction : 'unknown'),
    }
  })
}

function columnsOf(names: readonly string[], columns: Map<string, ResultColumn>): ResultColumn[] {
  const found = new Set<ResultColumn>()
  for (const name of names) {
    const column = columns.get(name)
    if (column !== undefined) found.add(column)
  }
  return [...found].sort((a, b) => a.place - b.place)
}

/** Turning into NaN is worse whatever the direction. */
function stateOfResult(
  old: number | undefined,
  current: number | undefined,
  direction: Direction,
): ResultState {
  if (old === undefined) return 'new'
  if (current === undefined) return 'missing'
  if (isSameNumber(old, current)) return 'same'
  if (Number.isNaN(current)) return 'worse'
  if (direction === 'unknown') return 'changed'
  if (Number.isNaN(old)) return 'better'
  return current > old === (direction === 'higher') ? 'better' : 'worse'
}

function isSameNumber(a: number, b: number): boolean {
  if (a === b || (Number.isNaN(a) && Number.isNaN(b))) return true
  if (!Number.isFinite(a) || !Number.isFinite(b)) return false
  return Math.abs(a - b) <= ROUNDING * Math.max(Math.abs(a), Math.abs(b))
}

function differenceOf(
  old: number | undefined,
  current: number | undefined,
): Pick<ComparedResult, 'difference' | 'relative'> {
  if (old === undefined || current === undefined) return { difference: null, relative: null }
  if (isSameNumber(old, current) && Number.isFinite(old)) return { difference: 0, relative: 0 }
  const difference = current - old
  if (!Number.isFinite(difference)) return { difference: null, relative: null }
  const relative = difference / Math.abs(old)
  const says = Number.isFinite(relative) && Math.sign(old) * Math.sign(current) >= 0
  return { difference, relative: says ? relative : null }
}

function isOtherData(old: Model[], current: Model[]): boolean {
  const before = digests(old)
  const now = digests(current)
  if (before === null || now === null) return false
  return before !== now
}

/** All digests of the repeats as one string, null where any of them is not known. */
function digests(models: Model[]): string | null {
  const all = models.map((model) => model.datasetDigest)
  if (all.includes(null)) return null
  return JSON.stringify([...new Set(all)].sort())
}

/** Repeats differ in their seeds alone, so one of each side is compared: of the same label where there is one. */
function settingsBetween(old: Model[], current: Model[]): { changes: SettingChange[]; total: number } {
  const shared = current.find((model) => old.some(({ repeat }) => repeat === model.repeat)) ?? current[0]
  const before = old.find(({ repeat }) => repeat === shared?.repeat) ?? old[0]
  if (shared === undefined || before === undefined) return { changes: [], total: 0 }
  return compareSettings(before, shared)
}

/** One result of one model that differs from what the last push had. */
export interface PushChange {
  dataset: string
  name: string
  result: ComparedResult
}

/** What changed since the last push, worst first. Models that only one of the two has are not in it. */
export function compareWithLastPush(previous: Comparison, current: Comparison): PushChange[] {
  const before = new Map(previous.rows.map((row) => [identityOf(row), row]))
  const changes = current.rows.flatMap((row) => {
    const old = before.get(identityOf(row))
    return old === undefined ? [] : changesBetween(old, row)
  })
  return changes.sort((a, b) => pushOrder(a) - pushOrder(b))
}

function changesBetween(old: ComparedModel, row: ComparedModel): PushChange[] {
  const comparable = !isOtherData(old.models, row.models)
  const before = new Map(old.results.map((result) => [result.name, result]))
  return row.results.flatMap((result) => {
    const value = before.get(result.name)?.new ?? null
    if (value === null || result.new === null) return []
    const state = stateOfResult(value, result.new, comparable ? result.direction : 'unknown')
    if (state === 'same') return []
    const oldRepeats = before.get(result.name)?.newRepeats ?? 0
    const compared = { ...result, old: value, oldRepeats, ...differenceOf(value, result.new), state }
    return [{ dataset: row.dataset, name: row.name, result: compared }]
  })
}

function pushOrder({ result }: PushChange): number {
  return ['worse', 'better', 'changed'].indexOf(result.state)
}
