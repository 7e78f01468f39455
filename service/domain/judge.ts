import { hash } from 'node:crypto'
import { identityOf } from './baseline.js'
import { amountIn, exceeds } from './compare-results.js'
import type { ComparedModel, ComparedResult, Comparison } from './comparison.js'
import { describeResult } from './directions.js'
import type { Amount, EffectiveRule, Gate, GateLevel, Limit, RequiredModel, RuleBook } from './rules.js'
import type { Acceptance, BrokenKind, BrokenRule, Verdict } from './verdict.js'

export interface JudgeInput {
  comparison: Comparison
  rules: RuleBook
  /** Those of this head. */
  acceptances: readonly Acceptance[]
  /** Whether every job has ended: before that, nothing required is missed. */
  isFinal: boolean
  /** Models of this head that a person has excluded, with the names of their results. */
  excluded?: readonly ExcludedModel[]
}

export interface ExcludedModel {
  name: string
  dataset: string
  results: readonly string[]
}

type Found = Omit<BrokenRule, 'key' | 'acceptance'>

/** What the rules say of a comparison. Rules about a difference are for what has a baseline on the same data. */
export function judge({ comparison, rules, acceptances, isFinal, excluded = [] }: JudgeInput): Verdict {
  const found: Found[] = []
  let applied = judgeRequired(comparison.rows, rules.rules.required, isFinal, found)
  for (const row of comparison.rows) applied += judgeRow(row, rules, found)
  for (const model of excluded) applied += judgeExcluded(model, rules, found)
  const broken = found.map((one) => withAcceptance(one, acceptances)).sort((a, b) => place(a) - place(b))
  return { state: stateOf(broken), broken, applied }
}

function stateOf(broken: readonly BrokenRule[]): GateLevel {
  const open = broken.filter(({ acceptance }) => acceptance === null)
  if (open.some(({ level }) => level === 'fail')) return 'fail'
  return open.length > 0 ? 'warn' : 'pass'
}

function place({ acceptance, level }: BrokenRule): number {
  if (acceptance !== null) return 2
  return level === 'fail' ? 0 : 1
}

function withAcceptance(found: Found, acceptances: readonly Acceptance[]): BrokenRule {
  const key = keyOf(found)
  return { ...found, key, acceptance: acceptances.find(({ keys }) => keys.includes(key)) ?? null }
}

/** Short, whatever the names hold. What is accepted is this value beside this limit, not what a later try may bring. */
function keyOf({ level, kind, dataset, name, result, limit }: Found): string {
  const value = result === null ? null : [result.name, String(result.new), limit?.text ?? null]
  const text = JSON.stringify([level, kind, dataset, name, value])
  return hash('sha256', text, 'base64url').slice(0, 16)
}

/** A required model whose job is no part of this pipeline stays as the target branch has it. Answers how many rules were
 * applied, as the functions below do. */
function judgeRequired(
  rows: readonly ComparedModel[],
  required: readonly RequiredModel[],
  isFinal: boolean,
  found: Found[],
): number {
  if (required.length === 0 || !isFinal) return required.length
  const known = new Map(rows.map((row) => [identityOf(row), row]))
  for (const { model: name, dataset } of required) {
    const row = known.get(identityOf({ name, dataset })) ?? null
    const isThere = row !== null && (row.models.length > 0 || row.state === 'not_run')
    if (!isThere) found.push({ ...nothingSent('required', 'fail', { name, dataset }), row })
  }
  return required.length
}

function nothingSent(
  kind: BrokenKind,
  level: 'warn' | 'fail',
  { name, dataset }: { name: string; dataset: string },
): Omit<Found, 'row'> {
  return { kind, level, name, dataset, result: null, limit: null, withinNoise: false }
}

/** Whoever may exclude a model need not be one who may accept what it breaks. */
function judgeExcluded(
  { name, dataset, results }: ExcludedModel,
  { rulesOf }: RuleBook,
  found: Found[],
): number {
  const { gateOff, ruleFor } = rulesOf({ name, dataset })
  const rules = gateOff ? [] : results.map(ruleFor).filter(({ fail, warn }) => fail !== null || warn !== null)
  if (rules.length === 0) return 0
  const level = rules.some(({ fail }) => fail !== null) ? 'fail' : 'warn'
  found.push({ ...nothingSent('excluded', level, { name, dataset }), row: null })
  return rules.length
}

function judgeRow(row: ComparedModel, { rules, rulesOf }: RuleBook, found: Found[]): number {
  const { gateOff, ruleFor } = rulesOf(row)
  if (gateOff || row.state === 'not_run') return 0
  if (row.state === 'missing') {
    const isRequired = rules.required.some(
      ({ model, dataset }) => model === row.name && dataset === row.dataset,
    )
    return isRequired ? 0 : judgeAbsence('missing', rules.missing, row, found)
  }
  const isAlone = row.baseline === null || row.datasetChanged
  let applied = isAlone ? judgeAbsence('no_baseline', rules.noBaseline, row, found) : 0
  for (const result of row.results) {
    const rule = ruleFor(result.name)
    if (rule.fail === null && rule.warn === null) continue
    applied += 1
    if (result.new === null) judgeGone({ row, result, rule }, rules.missing, found)
    else judgeResult({ row, result, rule }, found)
  }
  return applied
}

function judgeAbsence(
  kind: 'missing' | 'no_baseline',
  level: GateLevel,
  row: ComparedModel,
  found: Found[],
): number {
  if (level !== 'pass') found.push({ ...nothingSent(kind, level, row), row })
  return level === 'fail' ? 1 : 0
}

/** A result that a rule is about and that was not sent. */
function judgeGone({ row, result, rule }: Subject, missing: GateLevel, found: Found[]): void {
  const level = rule.fail === null && missing === 'fail' ? 'warn' : missing
  if (level !== 'pass') found.push({ ...nothingSent('missing', level, row), result, row })
}

function judgeResult(subject: Subject, found: Found[]): void {
  const { fail, warn } = subject.rule
  const failed = fail === null ? [] : brokenBy(fail, 'fail', subject)
  found.push(...failed)
  if (warn === null || failed.some(({ level }) => level === 'fail')) return
  // Of two warnings about the same, the one that was to fail says more.
  const said = new Set(failed.map(({ kind }) => kind))
  found.push(...brokenBy(warn, 'warn', subject).filter(({ kind }) => !said.has(kind)))
}

interface Subject {
  row: ComparedModel
  result: ComparedResult
  rule: EffectiveRule
}

function brokenBy({ worseBy, below, above }: Gate, level: 'warn' | 'fail', subject: Subject): Found[] {
  const value = subject.result.new ?? Number.NaN
  const broken: Found[] = []
  if (worseBy !== null) broken.push(...worsened(worseBy, level, subject))
  if (below !== null && !(value >= below.value)) broken.push(brokenRule('below', level, below, subject))
  if (above !== null && !(value <= above.value)) broken.push(brokenRule('above', level, above, subject))
  return broken
}

function brokenRule(
  kind: BrokenKind,
  level: 'warn' | 'fail',
  limit: Amount | Limit,
  { row, result }: Subject,
): Found {
  return { kind, level, dataset: row.dataset, name: row.name, result, limit, row, withinNoise: false }
}

/** A difference that chance explains breaks nothing: where it would have failed, it warns. */
function worsened(worseBy: Amount, level: 'warn' | 'fail', subject: Subject): Found[] {
  const { row, result, rule } = subject
  const { old, new: value, state } = result
  if (old === null || value === null || row.datasetChanged || Number.isNaN(old)) return []
  if (rule.direction === 'unknown' || (worseBy.kind === 'points' && !isFraction(result))) {
    return [brokenRule('not_applicable', 'warn', worseBy, subject)]
  }
  const limit = amountIn(worseBy, old) ?? 0
  const loss = rule.direction === 'higher' ? old - value : value - old
  // Part of an infinite baseline is no limit.
  const isWorse = loss === Infinity || exceeds(loss, limit, old, value)
  if (!Number.isNaN(value) && !isWorse) return []
  const found = brokenRule('worse_by', level, worseBy, subject)
  if (state !== 'noise') return [found]
  return level === 'fail' ? [{ ...found, level: 'warn', withinNoise: true }] : []
}

/** By its own values: whether a column is shown as percent depends on those of all other models too. */
function isFraction({ name, percent, unit, old, new: value }: ComparedResult): boolean {
  if (percent) return true
  const areWithinOne = [old, value].every((one) => !Number.isFinite(one) || Math.abs((one ?? 0) - 0.5) <= 0.5)
  return unit === null && areWithinOne && describeResult(name).fraction
}
