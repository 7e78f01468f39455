import type { BrokenRule } from '../domain/verdict.js'
import { figures } from './numbers.js'

/** What a rule says, in our own words and its own amounts: `worse by at most 1pp`. */
export function ruleText({ kind, limit }: Pick<BrokenRule, 'kind' | 'limit'>): string {
  const text = limit?.text ?? ''
  switch (kind) {
    case 'worse_by':
      return `worse by at most ${text}`
    case 'below':
      return `at least ${text}`
    case 'above':
      return `at most ${text}`
    case 'required':
      return 'must report'
    case 'missing':
      return 'must not be missing'
    case 'no_baseline':
      return 'must have something to compare with'
    case 'not_applicable':
      return `worse by at most ${text}`
  }
}

/** Why it is broken: the figures, or the words where there are none. */
export function breachText({ kind, result, withinNoise }: BrokenRule): string {
  if (kind === 'not_applicable') return 'cannot be judged: the direction or the unit does not fit'
  if (kind === 'no_baseline') return 'nothing to compare with'
  if (result === null || result.new === null) return 'no result'
  const { old, new: current, difference } = figures(result)
  const change = difference === null ? '' : ` (${difference})`
  const noise = withinNoise ? ', within noise' : ''
  return `${old === null ? '' : `${old} → `}${current}${change}${noise}`.replaceAll('\u00a0', ' ')
}
