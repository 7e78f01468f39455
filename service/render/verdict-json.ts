import type { BrokenRule, Verdict } from '../domain/verdict.js'
import { breachText, ruleText } from './broken-rule.js'

/** A verdict as the API and `mlmm report --json` write it. */
export function verdictJson({ summary, verdict }: { summary: string; verdict: Verdict }) {
  return {
    state: verdict.state,
    summary,
    rules_applied: verdict.applied,
    broken: verdict.broken.map(brokenJson),
  }
}

function brokenJson(broken: BrokenRule) {
  const { level, kind, name, dataset, result, withinNoise, acceptance } = broken
  return {
    level,
    kind,
    model: name,
    dataset,
    result: result?.name ?? null,
    rule: ruleText(broken),
    found: breachText(broken),
    within_noise: withinNoise,
    accepted: acceptance !== null,
  }
}
