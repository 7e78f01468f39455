import type { Comparison } from '../domain/comparison.js'
import { judge } from '../domain/judge.js'
import { compareRules } from '../domain/rule-changes.js'
import { unmatchedPatterns } from '../domain/rule-matches.js'
import type { RulesProblem } from '../domain/rules.js'
import type { Acceptance } from '../domain/verdict.js'
import type { EditedRules } from '../render/note-input.js'
import { compareModels, excludedHere, type Ground } from './comparison-ground.js'
import type { RulesAt, RulesReader } from './rules-reader.js'

export interface EditedRulesInput {
  ground: Ground
  /** Those of the target branch. */
  rules: RulesAt
  acceptances: readonly Acceptance[]
  isFinal: boolean
}

/** What a merge request's own rules would say; null where it does not touch them. Rules that differ only because the
 * target branch has moved on are not its doing. */
export async function readEditedRules(
  rulesReader: RulesReader,
  { ground, rules, acceptances, isFinal }: EditedRulesInput,
): Promise<EditedRules | null> {
  const { project, facts, head } = ground
  const own = await rulesReader.atCommit(project, head.sha)
  if (own.text === rules.text) return null
  if (own.text === (await rulesReader.atCommit(project, facts.baseSha)).text) return null
  const changes = compareRules(rules.rules, own.rules)
  if (own.state === 'unreadable') return { changes: [], problems: own.problems, verdict: null }
  const { comparison } = compareModels(ground, head.models, own.book)
  const problems = unmatched(own, comparison)
  return {
    changes,
    problems,
    verdict: judge({ comparison, rules: own.book, acceptances, isFinal, excluded: excludedHere(ground) }),
  }
}

/** Patterns of the rules that this comparison has nothing for. */
export function unmatched({ rules }: RulesAt, { columns, rows }: Comparison): RulesProblem[] {
  const results = columns.map(({ name }) => name)
  return unmatchedPatterns(rules, { results, models: rows.map(({ name, dataset }) => ({ name, dataset })) })
}
