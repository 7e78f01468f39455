import { describeResult } from './directions.js'
import { createEntries, createGlob } from './globs.js'
import type {
  EffectiveRule,
  Gate,
  ModelRules,
  Override,
  ResultFormat,
  ResultRule,
  RuleBook,
  Rules,
} from './rules.js'

interface Named {
  name: string
  dataset: string
}

/**
 * Makes rules quick to ask. Of one block of results one entry holds for a name: its own, else the last glob that
 * matches. What it says is overruled, key by key, by the overrides that match the model, in their order.
 */
export function createRuleBook(rules: Rules): RuleBook {
  const results = createBlock(rules.results)
  const overrides = rules.overrides.map((override, index) => {
    return { ...override, index, isAbout: createScopeTest(override), block: createBlock(override.results) }
  })
  const blocks = [results, ...overrides.map(({ block }) => block)]
  const overridesOf = rememberOverrides()
  const formats = new Map<string, ResultFormat>()

  return {
    rules,
    formatOf: (result) => remember(formats, result, () => readFormat(blocks, result)),
    rulesOf: overridesOf,
  }

  /** Models under the same overrides share their rules. */
  function rememberOverrides() {
    const byDataset = new Map<string, Map<string, ModelRules>>()
    const byOverrides = new Map<string, ModelRules>()
    return ({ name, dataset }: Named): ModelRules => {
      const byName =
        byDataset.get(dataset) ?? remember(byDataset, dataset, () => new Map<string, ModelRules>())
      return byName.get(name) ?? remember(byName, name, () => find({ name, dataset }))
    }

    function find(of: Named): ModelRules {
      const matching = overrides.filter(({ isAbout }) => isAbout(of))
      const key = matching.map(({ index }) => index).join()
      return remember(byOverrides, key, () => createScope(results, matching))
    }
  }
}

/** Names come from outside without end, and a book may live as long as the service. */
const REMEMBERED = 5_000

function remember<V>(map: Map<string, V>, key: string, make: () => V): V {
  const known = map.get(key)
  if (known !== undefined) return known
  const made = make()
  if (map.size >= REMEMBERED) map.clear()
  map.set(key, made)
  return made
}

/** One `results:`, asked for the entry that holds for a name. */
type Block = (result: string) => ResultRule | null

function createBlock(rules: readonly ResultRule[]): Block {
  const remembered = new Map<string, ResultRule | null>()
  const entryOf = createEntries(rules)
  return (result) => remember(remembered, result, () => entryOf(result))
}

function createScope(results: Block, overrides: readonly { gateOff: boolean; block: Block }[]): ModelRules {
  const blocks = [results, ...overrides.map(({ block }) => block)]
  const remembered = new Map<string, EffectiveRule>()
  return {
    gateOff: overrides.some(({ gateOff }) => gateOff),
    ruleFor: (result) => remember(remembered, result, () => effectiveRule(blocks, result)),
  }
}

function createScopeTest({
  models,
  datasets,
}: Pick<Override, 'models' | 'datasets'>): (of: Named) => boolean {
  const [isModel, isDataset] = [createAny(models), createAny(datasets)]
  return ({ name, dataset }) => isModel(name) && isDataset(dataset)
}

function createAny(patterns: readonly string[]): (name: string) => boolean {
  const globs = patterns.map(createGlob)
  return (name) => globs.length === 0 || globs.some((matches) => matches(name))
}

function effectiveRule(blocks: readonly Block[], result: string): EffectiveRule {
  const entries = blocks.map((entryOf) => entryOf(result)).filter((entry) => entry !== null)
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
function readFormat(blocks: readonly Block[], result: string): ResultFormat {
  const entries = blocks.map((entryOf) => entryOf(result)).filter((entry) => entry !== null)
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
