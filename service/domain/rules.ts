import type { Direction } from './directions.js'

/** Of the rules in a repository. */
export const rulesPath = '.mlmm.yml'
/** What a branch's rules say is asked for again after this long. */
export const rulesFreshMs = 20_000

/** A difference as the rules write it. `absolute` is in the stored units, `points` in percentage points of a fraction
 * (`1pp` is 0.01 stored), `relative` a part of the baseline's absolute value (`1%` is 0.01). */
export interface Amount {
  kind: 'absolute' | 'points' | 'relative'
  /** Never negative, in the terms above: 0.01 for `1pp` and for `1%`. */
  value: number
  /** As written, for people: `1pp`, `0.2%`, `0.005`. */
  text: string
}

/** A value as the rules write it: `90%` is 0.9 stored. */
export interface Limit {
  value: number
  text: string
}

/** When a result is not good enough; each part on its own breaks it. */
export interface Gate {
  worseBy: Amount | null
  below: Limit | null
  above: Limit | null
}

/** What one entry of `results` says; null is not said. `pattern` is a name or a glob. */
export interface ResultRule {
  pattern: string
  better: 'higher' | 'lower' | null
  format: 'percent' | 'number' | null
  unit: string | null
  digits: number | null
  tolerance: Amount | null
  warn: Gate | null
  fail: Gate | null
  /** Where it stands, from 1. */
  line: number
}

/** Later overrides win over earlier ones and over `results`, field by field. Empty patterns stand for all. */
export interface Override {
  models: string[]
  datasets: string[]
  gateOff: boolean
  results: ResultRule[]
  line: number
}

export interface RequiredModel {
  model: string
  dataset: string
  line: number
}

export type GateLevel = 'pass' | 'warn' | 'fail'

/** `.mlmm.yml`, read. */
export interface Rules {
  results: ResultRule[]
  overrides: Override[]
  required: RequiredModel[]
  noBaseline: GateLevel
  missing: GateLevel
  note: {
    /** Result names in the order of the note's columns; null where the rules do not say. */
    columns: string[] | null
    /** Where `columns` stands, from 1; absent where the rules do not say. */
    columnsLine?: number
    when: 'always' | 'changed' | 'beyond_tolerance'
    groupBy: 'folder' | null
  }
}

/** Something wrong in a rules file. `line` and `column` count from 1. */
export interface RulesProblem {
  line: number
  column: number
  /** The key it is about, as a path: `results.accuracy.fail.worse_by`; empty for the file. */
  key: string
  /** What is wrong, with the value, and what to write instead. Holds outside text. */
  message: string
  /** The nearest right spelling, where there is one. */
  suggestion: string | null
}

/** What holds for one result of one model on one dataset. */
export interface EffectiveRule {
  direction: Direction
  /** Who says so: the rules, the well-known name, or nobody. */
  directionFrom: 'rules' | 'name' | 'nobody'
  tolerance: Amount | null
  warn: Gate | null
  fail: Gate | null
}

/** How a result is written, in every row alike. */
export interface ResultFormat {
  /** Null where the rules do not say. */
  percent: boolean | null
  unit: string | null
  digits: number | null
}

/** What holds for one model on one dataset. */
export interface ModelRules {
  /** Whether warn and fail rules are off for it. */
  gateOff: boolean
  ruleFor(result: string): EffectiveRule
}

/** The rules, ready to be asked about thousands of results. */
export interface RuleBook {
  rules: Rules
  rulesOf(of: { name: string; dataset: string }): ModelRules
  formatOf(result: string): ResultFormat
}

export const noRules: Rules = {
  results: [],
  overrides: [],
  required: [],
  noBaseline: 'pass',
  missing: 'warn',
  note: { columns: null, when: 'always', groupBy: null },
}
