import type { ComparedModel, ComparedResult } from './comparison.js'
import type { Amount, GateLevel, Limit } from './rules.js'

/** A Maintainer's word that a broken rule may be broken at one head. */
export interface Acceptance {
  /** Keys of the broken rules that were accepted. */
  keys: string[]
  headSha: string
  username: string
  reason: string
  at: Date
}

/**
 * `worse_by`, `below`, `above`: a result. `required`: a model that must report and did not. `missing`: a model that the
 * baseline has and whose job sent nothing. `excluded`: a person took the
 * model out here, so that its rules are not checked. `no_baseline`: nothing to compare with, or only other data. `not_applicable`: a rule that says
 * percentage points of what is no fraction.
 */
export type BrokenKind =
  'worse_by' | 'below' | 'above' | 'required' | 'missing' | 'excluded' | 'no_baseline' | 'not_applicable'

export interface BrokenRule {
  /** Tells the same broken rule again in a later comparison of the same head: with the same value and limit. */
  key: string
  level: 'warn' | 'fail'
  kind: BrokenKind
  dataset: string
  name: string
  /** Null for rules about a whole model. */
  result: ComparedResult | null
  /** What the rule allows; null for rules about a whole model. */
  limit: Amount | Limit | null
  /** Null for a required model that neither side has. */
  row: ComparedModel | null
  /** The rule says fail, but the difference is within the noise, so that it only warns. */
  withinNoise: boolean
  acceptance: Acceptance | null
}

/** What the rules say of a comparison. */
export interface Verdict {
  /** After acceptances: an accepted broken rule counts as passed. */
  state: GateLevel
  /** Fails first, then warnings, each in the order of the rows; accepted ones last. */
  broken: BrokenRule[]
  /** How many warn and fail rules were applied to a value or a model; 0: no gate is set. */
  applied: number
}
