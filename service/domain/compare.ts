import { type Baseline, type BaselinePool, chooseBaselines, identityOf } from './baseline.js'
import { compareResults, type How, NOTHING, type Pair, sideOf } from './compare-results.js'
import {
  type ComparedModel,
  type ComparedResult,
  type Comparison,
  type HistoryPoint,
  MODEL_STATES,
  type ModelState,
  type ResultColumn,
  type ResultState,
} from './comparison.js'
import { isOtherData } from './dataset-change.js'
import { describeResult } from './directions.js'
import type { Model } from './model.js'
import { byCodeUnits, byNumber } from './order.js'
import type { ModelRules, RuleBook } from './rules.js'
import { compareSettings, type SettingChange } from './settings.js'
import { chooseTrials, type TrialChoice } from './trials.js'

export interface CompareInput {
  /** The models of the merge request's head. Older tries are left out here, and of a search all but the chosen trial. */
  candidates: readonly Model[]
  baselines: readonly Baseline[]
  /** Names of the jobs that ran here and ended (not skipped, not manual): what their baseline has and they did not send
   * is missing; what other jobs would send is not run. */
  endedJobs: ReadonlySet<string>
  rules: RuleBook
  /** By `identityOf`, the target branch's last trainings, the oldest first. */
  history?: ReadonlyMap<string, readonly HistoryPoint[]>
}

/** What the comparison of one model needs to know. */
interface Context {
  columns: ReadonlyMap<string, ResultColumn>
  endedJobs: ReadonlySet<string>
  rules: RuleBook
  history: readonly HistoryPoint[]
}

/** Compares what was trained at a head with its baselines. Whatever the order of its input, the answer is the same. */
export function compare(input: CompareInput): Comparison {
  const {
    candidates,
    baselines,
    endedJobs,
    rules,
    history = new Map<string, readonly HistoryPoint[]>(),
  } = input
  const here = chosenModels(candidates, rules)
  const before = new Map(baselines.map((baseline) => [identityOf(baseline), baseline]))
  const columns = listColumns(modelsOf(here, before), rules)
  const contextOf = (key: string): Context => {
    return { columns, endedJobs, rules, history: history.get(key) ?? [] }
  }
  const rows: ComparedModel[] = []
  for (const [key, choice] of here) rows.push(compareModel(choice, before.get(key) ?? null, contextOf(key)))
  for (const [key, baseline] of before) {
    if (!here.has(key)) rows.push(absentModel(baseline, contextOf(key)))
  }
  sortRows(rows)
  return { rows, counts: countStates(rows), columns: [...columns.values()] }
}

/** What candidates are compared with: of a search the trial that stands for its model, as it does here. */
export function baselinesFor(
  candidates: readonly Model[],
  pools: readonly BaselinePool[],
  rules: RuleBook,
): Baseline[] {
  const groupsOf = (models: readonly Model[]) =>
    new Map([...chosenModels(models, rules)].map(([key, choice]) => [key, choice.models]))
  return chooseBaselines({ candidates, pools, groupsOf })
}

/** What stands for each dataset and name, by `identityOf`. */
function chosenModels(models: readonly Model[], rules: RuleBook): Map<string, TrialChoice> {
  return chooseTrials(models, { firstColumn: (trials) => firstColumn(trials, rules) })
}

function modelsOf(here: Map<string, TrialChoice>, before: Map<string, Baseline>): Model[] {
  return [...here.values(), ...before.values()].flatMap(({ models }) => models)
}

const STATE_PLACES = Object.fromEntries(MODEL_STATES.map((state, place) => [state, place])) as Record<
  ModelState,
  number
>

/** Worst first: by state, and of what is worse the largest loss first. Then by dataset and name. */
function sortRows(rows: ComparedModel[]): ComparedModel[] {
  const losses = new Map(rows.map((row) => [row, largestLoss(row)]))
  const lossOf = (row: ComparedModel) => losses.get(row) ?? 0
  return rows.sort(
    (a, b) =>
      STATE_PLACES[a.state] - STATE_PLACES[b.state] ||
      byNumber(lossOf(b), lossOf(a)) ||
      byCodeUnits(a.dataset, b.dataset) ||
      byCodeUnits(a.name, b.name),
  )
}

/** Relative to its baseline, the largest of the results that are worse; infinite for what has become NaN. */
function largestLoss({ results, state }: ComparedModel): number {
  if (state !== 'worse' && state !== 'mixed') return 0
  const isSeen = results.some(({ state: of, training }) => of === 'worse' && !training)
  let largest = 0
  for (const { state: of, training, relative, new: value } of results) {
    if (of !== 'worse' || (training && isSeen && !Number.isNaN(value))) continue
    largest = Math.max(largest, relative === null ? Number.POSITIVE_INFINITY : Math.abs(relative))
  }
  return largest
}

function countStates(rows: ComparedModel[]): Record<ModelState, number> {
  const counts = {
    worse: 0,
    missing: 0,
    mixed: 0,
    better: 0,
    changed: 0,
    new: 0,
    noise: 0,
    same: 0,
    not_run: 0,
  }
  for (const row of rows) counts[row.state]++
  return counts
}

/** One kind per result name, so that a name is shown alike in every row. */
function listColumns(models: readonly Model[], rules: RuleBook): Map<string, ResultColumn> {
  const names = new Set<string>()
  const beyondOne = new Set<string>()
  for (const { results } of models) {
    for (const { k, v } of results) {
      names.add(k)
      if (Number.isFinite(v) && (v < 0 || v > 1)) beyondOne.add(k)
    }
  }
  const allModels = rules.rulesOf({ name: '', dataset: '' })
  const columns = [...names].map((name) =>
    columnOf(name, { isBeyondOne: beyondOne.has(name), rules, allModels }),
  )
  const wanted = new Map(rules.rules.note.columns?.map((name, place) => [name, place]))
  const placeOf = ({ name }: { name: string }) => wanted.get(name) ?? wanted.size
  columns.sort(
    (a, b) =>
      placeOf(a) - placeOf(b) ||
      Number(a.training) - Number(b.training) ||
      a.rank - b.rank ||
      byCodeUnits(a.name, b.name),
  )
  return new Map(
    columns.map((column, place) => [column.name, { ...column, isNamed: wanted.has(column.name), place }]),
  )
}

/** The result that comes first in a note of these models, of those whose direction is known. */
function firstColumn(
  models: readonly Model[],
  rules: RuleBook,
): { name: string; direction: 'higher' | 'lower' } | null {
  for (const { name, direction } of listColumns(models, rules).values()) {
    if (direction !== 'unknown') return { name, direction }
  }
  return null
}

interface ColumnContext {
  isBeyondOne: boolean
  rules: RuleBook
  /** What holds for a model that no override is about. */
  allModels: ModelRules
}

function columnOf(
  name: string,
  { isBeyondOne, rules, allModels }: ColumnContext,
): Omit<ResultColumn, 'place' | 'isNamed'> {
  const kind = describeResult(name)
  const { percent, unit, digits } = rules.formatOf(name)
  const { direction, directionFrom } = allModels.ruleFor(name)
  const isPercent = percent ?? (unit === null && kind.fraction && !isBeyondOne)
  return { ...kind, name, direction, directionFrom, percent: isPercent, unit, digits }
}

function compareModel(choice: TrialChoice, baseline: Baseline | null, context: Context): ComparedModel {
  const { dataset, name, models, search } = choice
  const datasetChanged = baseline !== null && isOtherData(baseline.models, models)
  const pair = { old: sideOf(baseline?.models ?? []), current: sideOf(models) }
  const { changes, total } = settingsBetween(baseline?.models ?? [], models)
  const identity = { dataset, name }
  const results = resultsOf({ pair, identity, models, comparable: !datasetChanged }, context)
  return {
    dataset,
    name,
    state: stateOfModel({ models, baseline, results, datasetChanged }),
    models,
    baseline,
    results,
    settings: changes,
    settingsChanged: total,
    datasetChanged,
    history: context.history,
    search,
  }
}

function absentModel(baseline: Baseline, context: Context): ComparedModel {
  const { dataset, name, models } = baseline
  const state = models.some((model) => context.endedJobs.has(model.job.name)) ? 'missing' : 'not_run'
  const pair = { old: sideOf(models), current: NOTHING }
  const identity = { dataset, name }
  const results = resultsOf({ pair, identity, models: [], comparable: true }, context).map(
    (result) => ({ ...result, state }) as const,
  )
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
    history: context.history,
    search: null,
  }
}

interface RowResults {
  pair: Pair
  identity: { dataset: string; name: string }
  models: readonly Model[]
  comparable: boolean
}

function resultsOf({ pair, identity, models, comparable }: RowResults, context: Context): ComparedResult[] {
  const how: How = {
    columns: context.columns,
    comparable,
    ruleFor: context.rules.rulesOf(identity).ruleFor,
    history: context.history,
    testSize: smallestTestSize(models),
  }
  return compareResults(pair, how)
}

function smallestTestSize(models: readonly Model[]): number | null {
  const sizes = models.flatMap(({ testSize }) => (testSize === null ? [] : [testSize]))
  return sizes.length === 0 ? null : Math.min(...sizes)
}

type Row = Pick<ComparedModel, 'models' | 'baseline' | 'results' | 'datasetChanged'>

/**
 * Some worse, none better is worse; a result that is gone keeps a model from being plainly better or the same. Results
 * on the training data decide only where there are no others, or by turning into NaN: a lower training loss beside a
 * higher validation loss is nothing good.
 */
function stateOfModel({ models, baseline, results, datasetChanged }: Row): ModelState {
  // A search of which no trial can be chosen.
  if (models.length === 0) return 'missing'
  if (baseline === null) return 'new'
  const states = new Set<ResultState>()
  const onlyTraining = results.every(({ training }) => training)
  for (const { state, training, new: value } of results) {
    if (onlyTraining || !training || Number.isNaN(value)) states.add(state)
  }
  if (states.has('worse')) return states.has('better') ? 'mixed' : 'worse'
  if (states.has('better')) return states.has('missing') ? 'mixed' : 'better'
  if (datasetChanged || results.some(({ state }) => state !== 'same' && state !== 'noise')) return 'changed'
  return states.has('noise') ? 'noise' : 'same'
}

/** Repeats differ in their seeds alone, so one of each side is compared: of the same label where there is one. */
function settingsBetween(old: Model[], current: Model[]): { changes: SettingChange[]; total: number } {
  const shared = current.find((model) => old.some(({ repeat }) => repeat === model.repeat)) ?? current[0]
  const before = old.find(({ repeat }) => repeat === shared?.repeat) ?? old[0]
  if (shared === undefined || before === undefined) return { changes: [], total: 0 }
  return compareSettings(before, shared)
}
