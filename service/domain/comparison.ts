import type { Baseline } from './baseline.js'
import type { Direction, ResultKind } from './directions.js'
import type { Model } from './model.js'
import type { Noise } from './noise.js'
import type { EffectiveRule } from './rules.js'
import type { SettingChange } from './settings.js'

/**
 * `changed`: it differs, and nobody can say whether that is good: direction unknown, or other data. `same` is also what
 * differs by no more than the tolerance, `noise` what differs by more, but not by more than chance explains. `missing`:
 * the baseline has it, its job ran in this pipeline, ended and did not send it. `not_run`: its job did not.
 */
export type ResultState = 'worse' | 'missing' | 'better' | 'changed' | 'new' | 'noise' | 'same' | 'not_run'
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
  'noise',
  'same',
  'not_run',
] as const
MODEL_STATES satisfies readonly ModelState[]

export interface ComparedResult {
  name: string
  direction: Direction
  /** Show as percent, in every row alike. */
  percent: boolean
  unit: string | null
  /** After the decimal point, as shown; null where nobody says. */
  digits: number | null
  /** Measured on the training data: judged, but it does not decide on the model. */
  training: boolean
  /** Means over the repeats; null where the side does not have it. */
  old: number | null
  new: number | null
  oldRepeats: number
  newRepeats: number
  /** Of the means; null with fewer than two finite repeats. */
  oldError: number | null
  newError: number | null
  /** new − old; null unless both are finite. */
  difference: number | null
  /** difference ÷ |old|; null where that says nothing (zero or infinite base, change of sign). */
  relative: number | null
  /** Up to which difference it counts as the same, in stored units; null where no rule says. */
  tolerance: number | null
  /** Null where nothing tells how large chance differences are. */
  noise: Noise | null
  /** What one sample of the test data is worth, for fractions whose test size was sent. */
  sampleWorth: number | null
  state: ResultState
}

/** What one pipeline trained on the target branch. */
export interface HistoryPoint {
  commit: string
  repeats: number
  /** Means over the repeats. */
  results: ReadonlyMap<string, number>
}

/** A hyperparameter search, of which one trial stands for the model. */
export interface Search {
  trials: number
  /** The label of the one that stands for the model; null where none does. */
  chosen: string | null
  /** Who chose it: a report without a trial label, the job (`chosen`), the best of `result`, or nobody. */
  by: 'report' | 'job' | 'result' | 'none'
  /** The first column, which the figures below are of. */
  result: string | null
  best: number | null
  median: number | null
  worst: number | null
  /** Trials that do not have it, or have NaN. */
  failed: number
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
  /** The target branch's last trainings of it, the oldest first. */
  history: readonly HistoryPoint[]
  /** The search that it was chosen from here; null where there was none. */
  search: Search | null
}

export interface ResultColumn extends ResultKind {
  name: string
  percent: boolean
  unit: string | null
  digits: number | null
  directionFrom: EffectiveRule['directionFrom']
  /** The rules name it for the note's columns. */
  isNamed: boolean
  /** Its index in `Comparison.columns`. */
  place: number
}

export interface Comparison {
  /** Worst first, of those that are worse the largest relative loss first; then by dataset and name. */
  rows: ComparedModel[]
  counts: Record<ModelState, number>
  /** Every result name there is: first those that the rules name for the note, in that order, then the best known. */
  columns: ResultColumn[]
}
