import { type Gate, noRules, type ResultRule, type Rules, type RulesProblem } from '../domain/rules.js'
import { RulesFile } from '../schemas/rules.js'
import { readAmount, readLimit } from './rules-amounts.js'
import { findContradictions } from './rules-contradictions.js'
import { problemsOf } from './rules-issues.js'
import { rulesLimits } from './rules-limits.js'
import type { Path } from './rules-text.js'
import type { RulesTree } from './rules-tree.js'
import { readRulesYaml } from './rules-yaml.js'

/**
 * Reads `.mlmm.yml`. Never throws: it is either rules or at least one problem, in the order of the file and 20 at most. An
 * empty file has no rules.
 */
export function readRules(
  text: string,
): { rules: Rules; problems: [] } | { rules: null; problems: RulesProblem[] } {
  const { tree, problems } = readRulesYaml(text)
  if (tree === null) return { rules: null, problems: inOrder(problems) }
  if (tree.value === null) return { rules: noRules, problems: [] }
  const parsed = RulesFile.safeParse(tree.value)
  if (!parsed.success) return { rules: null, problems: inOrder(problemsOf(parsed.error.issues, tree)) }
  const rules = toRules(parsed.data, tree)
  const contradictions = findContradictions(parsed.data, rules, tree)
  return contradictions.length > 0
    ? { rules: null, problems: inOrder(contradictions) }
    : { rules, problems: [] }
}

function inOrder(problems: readonly RulesProblem[]): RulesProblem[] {
  return [...problems].sort((a, b) => a.line - b.line || a.column - b.column).slice(0, rulesLimits.problems)
}

function toRules(file: RulesFile, tree: RulesTree): Rules {
  return {
    results: toResults(file, [], tree),
    overrides: (file.overrides ?? []).map((override, index) => ({
      models: toList(override.models),
      datasets: toList(override.datasets),
      gateOff: override.gate !== undefined,
      results: toResults(override, ['overrides', index], tree),
      line: tree.placeOf(['overrides', index]).line,
    })),
    required: (file.required ?? []).map(({ model, dataset = 'default' }, index) => {
      return { model, dataset, line: tree.placeOf(['required', index]).line }
    }),
    noBaseline: file.no_baseline ?? noRules.noBaseline,
    missing: file.missing ?? noRules.missing,
    note: {
      ...columnsOf(file, tree),
      when: file.note?.when ?? noRules.note.when,
      groupBy: file.note?.group_by ?? null,
    },
  }
}

function columnsOf({ note }: RulesFile, tree: RulesTree): Pick<Rules['note'], 'columns' | 'columnsLine'> {
  if (note?.columns === undefined) return { columns: null }
  return { columns: [...new Set(note.columns)], columnsLine: tree.placeOfKey(['note', 'columns']).line }
}

function toList(written: string | string[] | undefined): string[] {
  return [written ?? []].flat()
}

type Block = Pick<RulesFile, 'results' | 'metrics'>
type WireRule = NonNullable<RulesFile['results']>[string]
type WireGate = NonNullable<WireRule['fail']>

function toResults(block: Block, path: Path, tree: RulesTree): ResultRule[] {
  const key = block.results === undefined ? 'metrics' : 'results'
  return Object.entries(block[key] ?? {}).map(([pattern, rule]) => ({
    pattern,
    better: toBetter(rule.better),
    format: rule.format ?? null,
    unit: rule.unit ?? null,
    digits: rule.digits ?? null,
    tolerance: rule.tolerance === undefined ? null : readAmount(rule.tolerance),
    warn: toGate(rule.warn),
    fail: toGate(rule.fail),
    line: tree.placeOfKey([...path, key, pattern]).line,
  }))
}

function toBetter(written: WireRule['better']): ResultRule['better'] {
  if (written === 'max') return 'higher'
  return written === 'min' ? 'lower' : (written ?? null)
}

function toGate(gate: WireGate | undefined): Gate | null {
  if (gate === undefined) return null
  return {
    worseBy: gate.worse_by === undefined ? null : readAmount(gate.worse_by),
    below: gate.below === undefined ? null : readLimit(gate.below),
    above: gate.above === undefined ? null : readLimit(gate.above),
  }
}
