import { type BranchNames, wasCalled } from './branch-names.js'
import type { Direction } from './directions.js'
import { groupBy } from './group.js'
import { byCodeUnits } from './order.js'
import { listShownResults, type ShownResult } from './result-columns.js'
import { type ListedModel, listTrainings, type Training } from './trainings.js'

/** One result of one model on one dataset. */
export interface OverviewCell {
  /** The best of all trainings; null where nobody knows which way is better, or none has it. */
  best: { value: number; training: Training } | null
  /** No other model of the dataset has a better best. */
  isTop: boolean
  /** Of the newest training on the default branch. */
  newest: number | null
}

export interface OverviewRow {
  name: string
  dataset: string
  /** The newest training on the default branch; null where there is none. */
  newest: Training | null
  /** Of any branch. */
  latest: Training
  trainings: number
  cells: OverviewCell[]
}

export interface DatasetOverview {
  dataset: string
  columns: ShownResult[]
  /** How many results there are beside the columns. */
  moreResults: number
  rows: OverviewRow[]
}

const MAX_COLUMNS = 3

/** Models by dataset, the best first. `models` come newest first. Forks are never the best. The newest is that of the
 * default branch; where there are no branches, of all. */
export function summarise(
  models: readonly ListedModel[],
  defaultBranch: BranchNames | null,
  newestOf: 'default branch' | 'all' = 'default branch',
): DatasetOverview[] {
  const isNewest = (model: ListedModel) => newestOf === 'all' || isOfBranch(model, defaultBranch)
  const byDataset = groupBy(listTrainings(models), ({ model }) => model.dataset)
  return [...byDataset]
    .map(([dataset, trainings]) => summariseDataset(dataset, trainings, isNewest))
    .sort((a, b) => byCodeUnits(a.dataset, b.dataset))
}

function summariseDataset(
  dataset: string,
  trainings: Training[],
  isNewest: (model: ListedModel) => boolean,
): DatasetOverview {
  const results = listShownResults(trainings.map(({ model }) => model.results))
  const columns = results.slice(0, MAX_COLUMNS)
  const rows = [...groupBy(trainings, ({ model }) => model.name).values()].flatMap((group) =>
    summariseModel(group, columns, isNewest),
  )
  for (const [index, { direction }] of columns.entries()) markTop(rows, index, direction)
  rows.sort((a, b) => byBest(a, b, columns) || byCodeUnits(a.name, b.name))
  return { dataset, columns, moreResults: results.length - columns.length, rows }
}

function summariseModel(
  trainings: Training[],
  columns: ShownResult[],
  isNewest: (model: ListedModel) => boolean,
): OverviewRow[] {
  const [latest] = trainings
  if (latest === undefined) return []
  const newest = trainings.find(({ model }) => isNewest(model)) ?? null
  const cells = columns.map(({ name, direction }) => ({
    best: bestOf(trainings, name, direction),
    isTop: false,
    newest: newest?.results.get(name) ?? null,
  }))
  const { name, dataset } = latest.model
  return [{ name, dataset, newest, latest, trainings: trainings.length, cells }]
}

function isOfBranch({ origin, pipeline, uploadedAt }: ListedModel, branch: BranchNames | null): boolean {
  if (branch === null || pipeline === null || pipeline.refType !== 'branch') return false
  if (!wasCalled(branch, pipeline.ref, uploadedAt)) return false
  return origin.startsWith('branch:') || origin.startsWith('schedule:')
}

function bestOf(trainings: readonly Training[], name: string, direction: Direction): OverviewCell['best'] {
  if (direction === 'unknown') return null
  let best: OverviewCell['best'] = null
  for (const training of trainings) {
    const value = training.results.get(name)
    if (value === undefined || Number.isNaN(value) || training.model.origin.startsWith('fork:')) continue
    if (best === null || isBetter(value, best.value, direction)) best = { value, training }
  }
  return best
}

function isBetter(a: number, b: number, direction: Direction): boolean {
  return direction === 'higher' ? a > b : a < b
}

/** Where there is no contest, nothing is marked. */
function markTop(rows: OverviewRow[], column: number, direction: Direction): void {
  const cells = rows.flatMap(({ cells }) => cells[column] ?? [])
  const values = cells.flatMap(({ best }) => best?.value ?? [])
  if (direction === 'unknown' || new Set(values).size < 2) return
  const top = values.reduce((best, value) => (isBetter(value, best, direction) ? value : best))
  for (const cell of cells) cell.isTop = cell.best?.value === top
}

function byBest(a: OverviewRow, b: OverviewRow, columns: readonly ShownResult[]): number {
  const at = columns.findIndex(({ direction }) => direction !== 'unknown')
  const [left, right] = [a.cells[at]?.best?.value, b.cells[at]?.best?.value]
  if (left === right) return 0
  if (left === undefined || right === undefined) return left === undefined ? 1 : -1
  return isBetter(left, right, columns[at]?.direction ?? 'unknown') ? -1 : 1
}
