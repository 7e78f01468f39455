import type { ComparedResult } from '../domain/comparison.js'
import type { BrokenKind } from '../domain/verdict.js'
import { figures } from './numbers.js'
import { visibleText } from './text.js'

const MAX_AMOUNT = 30
const MAX_UNIT = 12

/** Of a broken rule; `limit` as the rules write it. */
export interface RuleFacts {
  kind: BrokenKind
  limit: { text: string } | null
  result: Pick<ComparedResult, 'unit'> | null
}

/** What a rule says, in our own words and its own amounts: `worse by at most 1pp`. */
export function ruleText({ kind, limit, result }: RuleFacts): string {
  const text = visibleText(limit?.text ?? '', MAX_AMOUNT)
  const value = /\d$/.test(text) && result?.unit ? `${text} ${visibleText(result.unit, MAX_UNIT)}` : text
  switch (kind) {
    case 'worse_by':
      return `worse by at most ${text}`
    case 'below':
      return `at least ${value}`
    case 'above':
      return `at most ${value}`
    case 'required':
      return 'must report'
    case 'missing':
      return 'must not be missing'
    case 'excluded':
      return 'must not be excluded'
    case 'no_baseline':
      return 'must have something to compare with'
    case 'not_applicable':
      return `worse by at most ${text}`
  }
}

export interface BreachFacts {
  kind: BrokenKind
  result: ComparedResult | null
  withinNoise: boolean
}

/** Why it is broken: the figures, or the words where there are none. */
export function breachText({ kind, result, withinNoise }: BreachFacts): string {
  if (kind === 'not_applicable') return 'cannot be judged: the direction or the unit does not fit'
  if (kind === 'excluded') return 'excluded, so its rules are not checked'
  if (kind === 'no_baseline') return 'nothing to compare with'
  if (result === null || result.new === null) return 'no result'
  const { old, new: current, difference } = figures(result)
  const change = difference === null ? '' : ` (${difference})`
  const noise = withinNoise ? ', within noise, so it only warns' : ''
  return `${old === null ? '' : `${old} → `}${current}${change}${noise}`.replaceAll('\u00a0', ' ')
}
