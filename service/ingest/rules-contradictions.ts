import { describeResult } from '../domain/directions.js'
import { isGlob } from '../domain/globs.js'
import { createRuleBook } from '../domain/rule-book.js'
import type { Gate, ResultRule, RuleBook, Rules, RulesProblem } from '../domain/rules.js'
import type { RulesFile } from '../schemas/rules.js'
import { rulesLimits } from './rules-limits.js'
import { type Path, pathText, quoted } from './rules-text.js'
import type { RulesTree } from './rules-tree.js'

type Report = (path: Path, message: string, suggestion?: string) => void

/** What each key alone allows, and all of them together do not. */
export function findContradictions(file: RulesFile, rules: Rules, tree: RulesTree): RulesProblem[] {
  const problems: RulesProblem[] = []
  const book = createRuleBook(rules)
  const report: Report = (path, message, suggestion) =>
    problems.push({ ...tree.placeOfKey(path), key: pathText(path), message, suggestion: suggestion ?? null })

  checkBlock(file, rules.results, { path: [], book, report })
  for (const [index, override] of (file.overrides ?? []).entries()) {
    const path = ['overrides', index]
    checkBlock(override, rules.overrides[index]?.results ?? [], { path, book, report })
    const says = override.gate ?? override.results ?? override.metrics
    if (says === undefined) report(path, 'this says nothing; write results: or gate: off')
  }
  checkPatterns(rules, report)
  for (const [index, required] of (file.required ?? []).entries()) {
    for (const key of ['model', 'dataset'] as const) {
      const name = required[key] ?? ''
      const message = `${quoted(name)} is a pattern; write one name, so that it is clear what is missing`
      if (isGlob(name)) report(['required', index, key], message)
    }
  }
  return problems
}

interface Where {
  path: Path
  book: RuleBook
  report: Report
}

function checkBlock(
  block: Pick<RulesFile, 'results' | 'metrics'>,
  results: readonly ResultRule[],
  { path, book, report }: Where,
): void {
  if (block.results !== undefined && block.metrics !== undefined) {
    report(
      [...path, 'metrics'],
      'results: is there too, and means the same; move everything under one of them',
    )
  }
  const key = block.results === undefined ? 'metrics' : 'results'
  for (const rule of results) checkRule(rule, { path: [...path, key, rule.pattern], book, report })
}

function checkRule(rule: ResultRule, { path, book, report }: Where): void {
  const percent = book.formatOf(rule.pattern).percent ?? describeResult(rule.pattern).fraction
  if (rule.unit !== null && rule.format === 'percent') {
    report([...path, 'unit'], 'a percent result has no other unit; remove unit: or format:')
  }
  if (percent) checkPercent(rule, path, report)
  for (const level of ['warn', 'fail'] as const) {
    const gate = rule[level]
    if (gate !== null) checkGate(gate, [...path, level], report)
  }
}

/** `1%` of 90%: 0.9 points or 1 point? Whoever reads the rule later must not have to know. */
function checkPercent({ tolerance, warn, fail }: ResultRule, path: Path, report: Report): void {
  const amounts = [
    { amount: tolerance, at: [...path, 'tolerance'] },
    { amount: warn?.worseBy, at: [...path, 'warn', 'worse_by'] },
    { amount: fail?.worseBy, at: [...path, 'fail', 'worse_by'] },
  ]
  for (const { amount, at } of amounts) {
    if (!amount?.text.endsWith('%')) continue
    const points = `${amount.text.slice(0, -1)}pp`
    const relative = `${amount.text} of baseline`
    const message = `${amount.text} can mean two things on a percent result; write ${points} (percentage points) or ${relative} (a part of the baseline's value)`
    report(at, message, points)
  }
}

/** Names without a star are not counted, as they are looked up. */
function checkPatterns({ results, overrides }: Rules, report: Report): void {
  const ofResults = [results, ...overrides.map((override) => override.results)]
    .flat()
    .filter(({ pattern }) => isGlob(pattern)).length
  const ofModels = overrides.flatMap(({ models, datasets }) => [...models, ...datasets]).filter(isGlob).length
  if (ofResults > rulesLimits.resultPatterns) {
    report(
      ['results'],
      `the file has ${ofResults} patterns of results; it may have ${rulesLimits.resultPatterns}`,
    )
  }
  if (ofModels > rulesLimits.modelPatterns) {
    const message = `the file has ${ofModels} patterns of models and datasets; it may have ${rulesLimits.modelPatterns}`
    report(['overrides'], message)
  }
}

function checkGate({ worseBy, below, above }: Gate, path: Path, report: Report): void {
  if (worseBy === null && below === null && above === null) {
    report(path, 'this says nothing; write worse_by, below or above')
  }
  if (below !== null && above !== null && below.value > above.value) {
    report(path, `every value is below ${below.text} or above ${above.text}; swap them`)
  }
}
