import type { BaselineReason } from './baseline.js'
import type {
  ComparedModel,
  ComparedResult,
  Comparison,
  ModelState,
  ResultColumn,
  Search,
} from './comparison.js'
import { jsonText } from './json-text.js'
import type { Json, Model } from './model.js'
import type { ShownResult } from './result-columns.js'
import type { SettingChange } from './settings.js'

/** Where one side of a row comes from; `repeat` is the label of one of its repeats. */
export interface ComparedSide {
  commit: string
  repeat: string | null
  repeats: number
  /** That reported it; absent in rows of older versions. */
  job?: { id: number; name: string }
}

/** One setting that differs; values as JSON, shortened. Null where that side does not have it. */
export interface ComparedSetting extends Pick<SettingChange, 'kind' | 'path'> {
  old: string | null
  new: string | null
}

export interface ComparedBaseline extends ComparedSide {
  reason: BaselineReason
  commitsBehind: number | null
  /** The merge request that it was carried over from; absent in rows of older versions. */
  carriedFrom?: { mrIid: number } | null
}

export interface ComparedRow {
  dataset: string
  name: string
  state: ModelState
  /** Null where it was not trained here. */
  here: (ComparedSide & { isFork: boolean }) | null
  baseline: ComparedBaseline | null
  results: ComparedResult[]
  settings: ComparedSetting[]
  /** How many there are; `results` and `settings` may hold fewer. */
  resultsTotal: number
  settingsTotal: number
  datasetChanged: boolean
  /** Absent in rows of older versions, and where there was none. */
  search?: Search
}

/** A comparison without its models: what is kept of it for its page. */
export interface ComparedTable {
  /** The results that matter most. */
  columns: ShownResult[]
  rows: ComparedRow[]
  rowsTotal: number
}

/** The head's newest pipeline, as it stood when it was judged. */
export interface ComparedPipeline {
  id: number
  state: 'running' | 'finished'
  jobsReported: number
  /** Null where nobody knew. */
  jobsTotal: number | null
  failedJobs: { name: string; status: string; url: string }[]
}

/** What one stored comparison may take, far below what a document of MongoDB may (16 MB). */
const MAX_BYTES = 6 * 1024 * 1024
const RESULT_BYTES = 450
const SETTING_BYTES = 100
const MAX_SETTINGS = 30
const MAX_VALUE = 200

/** The rows of a comparison, the worst first, as many as `maxBytes` take. */
export function toComparedTable(
  { rows }: Comparison,
  columns: readonly ResultColumn[],
  maxBytes = MAX_BYTES,
): ComparedTable {
  const budget = { left: maxBytes }
  const kept: ComparedRow[] = []
  for (const row of rows) {
    if (budget.left <= 0) break
    kept.push(toRow(row, budget))
  }
  return {
    columns: columns.map(({ name, direction, percent }) => ({ name, direction, percent })),
    rows: kept,
    rowsTotal: rows.length,
  }
}

interface Budget {
  left: number
}

function toRow(row: ComparedModel, budget: Budget): ComparedRow {
  const { dataset, name, state, models, baseline, datasetChanged, search } = row
  budget.left -= RESULT_BYTES + sizeOf(dataset) + sizeOf(name)
  const [model] = models
  return {
    dataset,
    name,
    state,
    here: model === undefined ? null : { ...toSide(models), isFork: model.origin.startsWith('fork:') },
    baseline: baseline && {
      ...toSide(baseline.models),
      commit: baseline.commit,
      reason: baseline.reason,
      commitsBehind: baseline.commitsBehind,
      carriedFrom: baseline.carriedFrom,
    },
    results: fitting(row.results, budget, ({ name }) => RESULT_BYTES + sizeOf(name)),
    settings: fitting(
      row.settings.slice(0, MAX_SETTINGS).map(toSetting),
      budget,
      ({ path, old, new: current }) =>
        SETTING_BYTES + sizeOf(path) + sizeOf(old ?? '') + sizeOf(current ?? ''),
    ),
    resultsTotal: row.results.length,
    settingsTotal: row.settingsChanged,
    datasetChanged,
    ...(search !== null && { search }),
  }
}

function toSide(models: readonly Model[]): ComparedSide {
  const [model] = models
  const { commit = '', repeat = null, job } = model ?? {}
  return { commit, repeat, repeats: models.length, ...(job && { job: { id: job.id, name: job.name } }) }
}

function toSetting({ kind, path, change, old, new: current }: SettingChange): ComparedSetting {
  return {
    kind,
    path: path.slice(0, 4 * MAX_VALUE),
    old: change === 'added' ? null : shortJson(old),
    new: change === 'removed' ? null : shortJson(current),
  }
}

function shortJson(value: Json): string {
  const text = jsonText(value)
  return text.length <= MAX_VALUE ? text : `${text.slice(0, MAX_VALUE)}…`
}

function fitting<T>(items: readonly T[], budget: Budget, bytesOf: (item: T) => number): T[] {
  const kept: T[] = []
  for (const item of items) {
    if (budget.left <= 0) break
    budget.left -= bytesOf(item)
    kept.push(item)
  }
  return kept
}

function sizeOf(text: string): number {
  return 3 * text.length
}
