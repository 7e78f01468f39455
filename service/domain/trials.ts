import { choosePerIdentity, identityOf } from './baseline.js'
import type { Search } from './comparison.js'
import type { Direction } from './directions.js'
import { groupBy } from './group.js'
import type { Model } from './model.js'
import { byCodeUnits, byNumber } from './order.js'
import { mean } from './repeats.js'

/** The result that people look at first, which says what trial is best. */
export interface FirstColumn {
  name: string
  direction: Direction
}

export interface TrialRules {
  /** Asked once for each search, with its trials. */
  firstColumn: (trials: readonly Model[]) => FirstColumn | null
}

/** What stands for one dataset and model name. */
export interface TrialChoice {
  dataset: string
  name: string
  /** Its repeats in the order of their labels; empty where no trial of a search could be chosen. */
  models: Model[]
  /** Null where there are no trials. */
  search: Search | null
}

/**
 * What counts of each dataset and model name, by `identityOf`: of every try the newest, and of a search the model that
 * was reported without a trial label, else the trial that a job named (of several the newest job's), else the best by
 * the first column. Where no direction is known, none can be chosen.
 */
export function chooseTrials(models: readonly Model[], rules: TrialRules): Map<string, TrialChoice> {
  const choices = new Map<string, TrialChoice>()
  for (const [key, group] of groupBy(choosePerIdentity(models), identityOf)) {
    const [first] = group
    if (first === undefined) continue
    const choice = group.every(({ trial }) => trial === null)
      ? { models: group, search: null }
      : chooseOfSearch(group, rules)
    choice.models.sort((a, b) => byCodeUnits(a.repeat ?? '', b.repeat ?? ''))
    choices.set(key, { dataset: first.dataset, name: first.name, ...choice })
  }
  return choices
}

function chooseOfSearch(
  group: readonly Model[],
  { firstColumn }: TrialRules,
): { models: Model[]; search: Search } {
  const labelled = group.filter(({ trial }) => trial !== null)
  const column = firstColumn(labelled)
  const trials = [...groupBy(labelled, ({ trial }) => trial)].map(([label, repeats]) => ({
    label: label ?? '',
    repeats,
    value: column === null ? Number.NaN : valueOf(repeats, column.name),
  }))
  const figures = summarise(trials, column)
  const reported = group.filter(({ trial }) => trial === null)
  if (reported.length > 0) return { models: reported, search: { ...figures, chosen: null, by: 'report' } }
  const { chosen, by } = chooseTrial(trials, column)
  return { models: chosen?.repeats ?? [], search: { ...figures, chosen: chosen?.label ?? null, by } }
}

interface Trial {
  label: string
  repeats: Model[]
  /** Of the first column, the mean over the repeats; NaN where it failed. */
  value: number
}

/** NaN where no repeat has it. */
function valueOf(repeats: readonly Model[], name: string): number {
  return mean(repeats.flatMap(({ results }) => results.findLast(({ k }) => k === name)?.v ?? []))
}

function chooseTrial(
  trials: readonly Trial[],
  column: FirstColumn | null,
): { chosen: Trial | null; by: Search['by'] } {
  const named = trials.filter(({ repeats }) => repeats.some((model) => model.chosen))
  const chosen = firstBy(named, (a, b) => newestNaming(b) - newestNaming(a))
  if (chosen !== null) return { chosen, by: 'job' }
  if (column === null || column.direction === 'unknown') return { chosen: null, by: 'none' }
  const sign = column.direction === 'higher' ? -1 : 1
  const succeeded = trials.filter(({ value }) => !Number.isNaN(value))
  const best = firstBy(succeeded, (a, b) => sign * byNumber(a.value, b.value))
  return { chosen: best, by: best === null ? 'none' : 'result' }
}

/** The number of the newest job that chose the trial. GitLab counts jobs up, whatever their pipeline. */
function newestNaming({ repeats }: Trial): number {
  return Math.max(...repeats.map(({ chosen, job }) => (chosen ? job.id : 0)))
}

/** Of those that come first alike the one with the smallest label. */
function firstBy(trials: readonly Trial[], order: (a: Trial, b: Trial) => number): Trial | null {
  let first: Trial | null = null
  for (const trial of trials) {
    if (first === null || (order(trial, first) || byLabel(trial.label, first.label)) < 0) first = trial
  }
  return first
}

/** Runs of digits by their number, everything else by code units: `lr-2` before `lr-10`. */
function byLabel(a: string, b: string): number {
  const [left, right] = [partsOf(a), partsOf(b)]
  for (const [index, part] of left.entries()) {
    const order = byPart(part, right[index] ?? '')
    if (order !== 0) return order
  }
  return left.length - right.length || byCodeUnits(a, b)
}

function partsOf(label: string): string[] {
  return label.match(/\d+|\D+/g) ?? []
}

function byPart(a: string, b: string): number {
  if (!/^\d/.test(a) || !/^\d/.test(b)) return byCodeUnits(a, b)
  const [left, right] = [a.replace(/^0+/, ''), b.replace(/^0+/, '')]
  return left.length - right.length || byCodeUnits(left, right)
}

function summarise(trials: readonly Trial[], column: FirstColumn | null): Omit<Search, 'chosen' | 'by'> {
  const values = trials.map(({ value }) => value).filter((value) => !Number.isNaN(value))
  values.sort(byNumber)
  const [lowest, highest] = [values[0] ?? null, values.at(-1) ?? null]
  const direction = column?.direction ?? 'unknown'
  return {
    trials: trials.length,
    result: column?.name ?? null,
    best: direction === 'unknown' ? null : direction === 'higher' ? highest : lowest,
    worst: direction === 'unknown' ? null : direction === 'higher' ? lowest : highest,
    median: medianOf(values),
    failed: column === null ? 0 : trials.length - values.length,
  }
}

function medianOf(sorted: readonly number[]): number | null {
  const middle = sorted.length >> 1
  const upper = sorted[middle]
  const lower = sorted.length % 2 === 1 ? upper : sorted[middle - 1]
  if (upper === undefined || lower === undefined) return null
  const median = lower / 2 + upper / 2
  return Number.isNaN(median) ? null : median
}
