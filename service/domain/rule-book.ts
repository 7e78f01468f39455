import { describeResult } from './directions.js'
import { entryFor, matchesGlob } from './globs.js'
import type { EffectiveRule, Gate, Override, ResultFormat, ResultRule, RuleBook, Rules } from './rules.js'

interface Named {
  name: string
  dataset: string
}

/**
 * Makes rules quick to ask. Of one block of results one entry holds for a name: its own, else the last glob that
 * matches. What it says is overruled, key by key, by the overrides that match the model, in their order.
 */
export function createRuleBook(rules: Rules): RuleBook {
  const overridesOf = rememberOverrides(rules.overrides)
  const formats = new Map<string, ResultFormat>()

  function formatOf(result: string): ResultFormat {
    const known = formats.get(result)
    if (known !== undefined) return known
    const format = readFormat(rules, result)
    formats.set(result, format)
    return format
  }

  return {
    rules,
    formatOf,
    isGateOff: (of) => overridesOf(of).gateOff,
    ruleFor: (of) => overridesOf(of).ruleFor(of.result),
  }

  /** Models under the same overrides share their rules. */
  function rememberOverrides(overrides: readonly Override[]) {
    const byDataset = new Map<string, Map<string, Scope>>()
    const byOverrides = new Map<string, Scope>()
    return ({ name, dataset }: Named): Scope => {
      const byName = byDataset.get(dataset) ?? new Map<string, Scope>()
      byDataset.set(dataset, byName)
      const known = byName.get(name)
      if (known !== undefined) return known
      const matching = overrides.filter((override) => isAbout(override, { name, dataset }))
      const key = matching.map((override) => overrides.indexOf(override)).join()
      const scope = byOverrides.get(key) ?? createScope(rules.results, matching)
      byOverrides.set(key, scope)
      byName.set(name, scope)
      return scope
    }
  }
}

interface Scope {
  gateOff: boolean
  ruleFor(result: string): EffectiveRule
}

function createScope(results: readonly ResultRule[], overrides: readonly Override[]): Scope {
  const blocks = [results, ...overrides.map((override) => override.results)]
  const remembered = new Map<string, EffectiveRule>()
  return {
    gateOff: overrides.some(({ gateOff }) => gateOff),
    ruleFor(result) {
      const known = remembered.get(result)
      if (known !== undefined) return known
      const rule = effectiveRule(blocks, result)
      remembered.set(result, rule)
      return rule
    },
  }
}

function isAbout({ models, datasets }: Override, { name, dataset }: Named): boolean {
  return matchesAny(models, name) && matchesAny(datasets, dataset)
}

function matchesAny(patterns: readonly string[], name: string): boolean {
  return patterns.length === 0 || patterns.some((pattern) => matchesGlob(pattern, name))
}

function effectiveRule(blocks: readonly (readonly ResultRule[])[], result: string): EffectiveRule {
  const entries = blocks.map((block) => entryFor(block, result)).filter((entry) => entry !== null)
  const better = lastSaid(entries, ({ better }) => better)
  const byName = describeResult(result).direction
  const nobody = byName === 'unknown' ? 'nobody' : 'name'
  return {
    direction: better ?? byName,
    directionFrom: better === null ? nobody : 'rules',
    tolerance: lastSaid(entries, ({ tolerance }) => tolerance),
    warn: mergeGates(entries.map(({ warn }) => warn)),
    fail: mergeGates(entries.map(({ fail }) => fail)),
  }
}

function lastSaid<E, V>(entries: readonly E[], read: (entry: E) => V | null): V | null {
  return entries.map(read).findLast((value) => value !== null) ?? null
}

function mergeGates(all: readonly (Gate | null)[]): Gate | null {
  const gates = all.filter((gate) => gate !== null)
  if (gates.length < 2) return gates[0] ?? null
  return {
    worseBy: lastSaid(gates, ({ worseBy }) => worseBy),
    below: lastSaid(gates, ({ below }) => below),
    above: lastSaid(gates, ({ above }) => above),
  }
}

/** A result is written alike in every row, so no model has a say: `results` first, then the first override. */
function readFormat({ results, overrides }: Rules, result: string): ResultFormat {
  const entries = [results, ...overrides.map((override) => override.results)]
    .map((block) => entryFor(block, result))
    .filter((entry) => entry !== null)
  const format = firstSaid(entries, ({ format }) => format)
  return {
    percent: format === null ? null : format === 'percent',
    unit: firstSaid(entries, ({ unit }) => unit),
    digits: firstSaid(entries, ({ digits }) => digits),
  }
}

function firstSaid<E, V>(entries: readonly E[], read: (entry: E) => V | null): V | null {
  return entries.map(read).find((value) => value !== null) ?? null
}
