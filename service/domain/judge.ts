import { hash } from 'node:crypto'
import { identityOf } from './baseline.js'
import { amountIn, exceeds } from './compare-results.js'
import type { ComparedModel, ComparedResult, Comparison } from './comparison.js'
import type { Amount, EffectiveRule, Gate, GateLevel, Limit, RequiredModel, RuleBook } from './rules.js'
import type { Acceptance, BrokenKind, BrokenRule, Verdict } from './verdict.js'

export interface JudgeInput {
  comparison: Comparison
  rules: RuleBook
  /** Those of this head. */
  acceptances: readonly Acceptance[]
  /** Whether every job has ended: before that, nothing required is missed. */
  isFinal: boolean
}

type Found = Omit<BrokenRule, 'key' | 'acceptance'>

interface Judgement {
  found: Found[]
  applied: number
}

/** What the rules say of a comparison. Rules about a difference are for what has a baseline on the same data. */
export function judge({ comparison, rules, acceptances, isFinal }: JudgeInput): Verdict {
  const rows = comparison.rows.filter((row) => !rules.isGateOff(row))
  const parts = [
    judgeRequired(comparison.rows, rules.rules.required, isFinal),
    ...rows.map((row) => judgeRow(row, rules)),
  ]
  const broken = parts
    .flatMap(({ found }) => found)
    .map((one) => withAcceptance(one, acceptances))
    .sort((a, b) => place(a) - place(b))
  return { state: stateOf(broken), broken, applied: parts.reduce((sum, { applied }) => sum + applied, 0) }
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

/** Short, whatever the names hold. */
function keyOf({ level, kind, dataset, name, result }: Found): string {
  const text = JSON.stringify([level, kind, dataset, name, result?.name ?? null])
  return hash('sha256', text, 'base64url').slice(0, 16)
}

/** A required model whose job is no part of this pipeline stays as the target branch has it. */
function judgeRequired(
  rows: readonly ComparedModel[],
  required: readonly RequiredModel[],
  isFinal: boolean,
): Judgement {
  const known = new Map(rows.map((row) => [identityOf(row), row]))
  const found = required.flatMap(({ model: name, dataset }): Found[] => {
    const row = known.get(identityOf({ name, dataset })) ?? null
    const isThere = row !== null && (row.models.length > 0 || row.state === 'not_run')
    if (isThere || !isFinal) return []
    return [{ ...nothingSent('required', 'fail', { name, dataset }), row }]
  })
  return { found, applied: required.length }
}

function nothingSent(
  kind: BrokenKind,
  level: 'warn' | 'fail',
  { name, dataset }: { name: string; dataset: string },
): Omit<Found, 'row'> {
  return { kind, level, name, dataset, result: null, limit: null, withinNoise: false }
}

function judgeRow(row: ComparedModel, book: RuleBook): Judgement {
  const { rules } = book
  if (row.state === 'not_run') return { found: [], applied: 0 }
  if (row.state === 'missing') {
    const isRequired = rules.required.some(
      ({ model, dataset }) => model === row.name && dataset === row.dataset,
    )
    return isRequired ? { found: [], applied: 0 } : absent('missing', rules.missing, row)
  }
  const parts = row.results.map((result) => judgeResult(row, result, book))
  if (row.baseline === null) parts.unshift(absent('no_baseline', rules.noBaseline, row))
  return {
    found: parts.flatMap(({ found }) => found),
    applied: parts.reduce((sum, { applied }) => sum + applied, 0),
  }
}

function absent(kind: 'missing' | 'no_baseline', level: GateLevel, row: ComparedModel): Judgement {
  if (level === 'pass') return { found: [], applied: 0 }
  return { found: [{ ...nothingSent(kind, level, row), row }], applied: level === 'fail' ? 1 : 0 }
}

function judgeResult(row: ComparedModel, result: ComparedResult, book: RuleBook): Judgement {
  const rule = book.ruleFor({ result: result.name, name: row.name, dataset: row.dataset })
  if (rule.fail === null && rule.warn === null) return { found: [], applied: 0 }
  if (result.new === null) {
    const level = rule.fail === null ? 'warn' : book.rules.missing
    if (level === 'pass') return { found: [], applied: 1 }
    const found = { ...nothingSent('missing', level, row), result, row }
    return { found: [found], applied: 1 }
  }
  const failed = brokenBy(rule.fail, 'fail', { row, result, rule })
  const breaks = failed.some(({ level }) => level === 'fail')
  const warned = breaks ? [] : brokenBy(rule.warn, 'warn', { row, result, rule })
  // Of two warnings about the same, the one that was to fail says more.
  const said = new Set(failed.map(({ kind }) => kind))
  return { found: [...failed, ...warned.filter(({ kind }) => !said.has(kind))], applied: 1 }
}

interface Subject {
  row: ComparedModel
  result: ComparedResult
  rule: EffectiveRule
}

function brokenBy(gate: Gate | null, level: 'warn' | 'fail', subject: Subject): Found[] {
  if (gate === null) return []
  const { row, result } = subject
  const of = (kind: BrokenKind, limit: Amount | Limit): Found => ({
    kind,
    level,
    dataset: row.dataset,
    name: row.name,
    result,
    limit,
    row,
    withinNoise: false,
  })
  const value = result.new ?? Number.NaN
  const { worseBy, below, above } = gate
  return [
    ...(worseBy === null ? [] : worsened(worseBy, subject, of('worse_by', worseBy))),
    ...(below !== null && !(value >= below.value) ? [of('below', below)] : []),
    ...(above !== null && !(value <= above.value) ? [of('above', above)] : []),
  ]
}

/** A difference that chance explains breaks nothing: where it would have failed, it warns. */
function worsened(worseBy: Amount, { row, result, rule }: Subject, found: Found): Found[] {
  const { old, new: value, percent, state } = result
  if (old === null || value === null || row.datasetChanged || Number.isNaN(old)) return []
  if (rule.direction === 'unknown' || (worseBy.kind === 'points' && !percent)) {
    return [{ ...found, kind: 'not_applicable', level: 'warn' }]
  }
  const limit = amountIn(worseBy, old) ?? 0
  const loss = rule.direction === 'higher' ? old - value : value - old
  if (!Number.isNaN(value) && !exceeds(loss, limit, [old, value])) return []
  if (state !== 'noise') return [found]
  return found.level === 'fail' ? [{ ...found, level: 'warn', withinNoise: true }] : []
}
