import { createEntries, isGlob } from './globs.js'
import type { Amount, Gate, GateLevel, Limit, Override, ResultRule, Rules } from './rules.js'

/** One thing that an edit of the rules changes. All texts but `field` come from the rules files. */
export interface RuleChange {
  /** The name or pattern that it is about; empty for the rules as a whole. */
  subject: string
  /** The models and datasets of an override, empty lists standing for all; null outside overrides. */
  scope: { models: string[]; datasets: string[] } | null
  /** A key as `.mlmm.yml` writes it (`fail.worse_by`, `gate`, `required`, `no_baseline`, `note.when`), or
   * `results.order` and `overrides.order`, where later entries win. */
  field: string
  /** As written; null where the rules do not say. */
  old: string | null
  new: string | null
  /** Lets more through than before, or less; null where that cannot be told. */
  weaker: boolean | null
}

/** What changes for what is judged, in the order of the current file, then what is gone. Empty where nothing does. */
export function compareRules(old: Rules, current: Rules): RuleChange[] {
  return [
    ...compareBlocks(old.results, current.results),
    ...compareOverrides(old, current),
    ...compareRequired(old, current),
    ...compareLevels(old, current),
    ...compareNotes(old, current),
  ]
}

type Said = string | Amount | Limit

interface Field {
  name: string
  read(rule: ResultRule): Said | null
  /** Null where it cannot be told; asked only where they differ. */
  isWeaker(old: ResultRule | null, current: ResultRule | null): boolean | null
}

const FIELDS: Field[] = [
  textField('better', (rule) => rule.better),
  textField('format', (rule) => rule.format),
  textField('unit', (rule) => rule.unit),
  textField('digits', (rule) => rule.digits),
  {
    name: 'tolerance',
    read: ({ tolerance }) => tolerance,
    isWeaker: (old, current) => isWider(old?.tolerance ?? NO_TOLERANCE, current?.tolerance ?? NO_TOLERANCE),
  },
  ...(['warn', 'fail'] as const).flatMap((level): Field[] => [
    gateField(`${level}.worse_by`, (rule) => rule[level]?.worseBy, isWider),
    gateField(
      `${level}.below`,
      (rule) => rule[level]?.below,
      (old, current) => current.value < old.value,
    ),
    gateField(
      `${level}.above`,
      (rule) => rule[level]?.above,
      (old, current) => current.value > old.value,
    ),
  ]),
]

const NO_TOLERANCE: Amount = { kind: 'absolute', value: 0, text: '' }

function textField(name: string, read: (rule: ResultRule) => string | number | null): Field {
  return { name, read: (rule) => read(rule)?.toString() ?? null, isWeaker: () => null }
}

/** A limit that is gone lets everything through. */
function gateField<L extends Amount | Limit>(
  name: string,
  read: (rule: ResultRule) => L | null | undefined,
  isWeaker: (old: L, current: L) => boolean | null,
): Field {
  return {
    name,
    read: (rule) => read(rule) ?? null,
    isWeaker(old, current) {
      const before = old === null ? null : (read(old) ?? null)
      const now = current === null ? null : (read(current) ?? null)
      if (now === null) return true
      return before === null ? false : isWeaker(before, now)
    },
  }
}

/** Percentage points and parts of the baseline cannot be compared, except with nothing. */
function isWider(old: Amount, current: Amount): boolean | null {
  const comparable = old.kind === current.kind || old.value === 0 || current.value === 0
  return comparable ? current.value > old.value : null
}

/**
 * A name that one side does not have may be under a pattern there, which counts: `accuracy: {}` beside `"*": {fail: …}`
 * takes the gate from accuracy.
 */
function compareBlocks(old: readonly ResultRule[], current: readonly ResultRule[]): RuleChange[] {
  const changes = patternsOf(current, old).flatMap((pattern) =>
    compareEntries({
      pattern,
      old: effective(old, pattern),
      current: effective(current, pattern),
      scope: null,
    }),
  )
  return [...changes, ...orderChange(globsOf(old), globsOf(current), 'results')]
}

function effective(rules: readonly ResultRule[], pattern: string): ResultRule | null {
  if (!isGlob(pattern)) return entriesOf(rules)(pattern)
  return rules.find((rule) => rule.pattern === pattern) ?? null
}

const known = new WeakMap<readonly ResultRule[], (name: string) => ResultRule | null>()

/** Asked for every name of both files. */
function entriesOf(rules: readonly ResultRule[]): (name: string) => ResultRule | null {
  const entryOf = known.get(rules) ?? createEntries(rules)
  known.set(rules, entryOf)
  return entryOf
}

function patternsOf(...blocks: (readonly ResultRule[])[]): string[] {
  return [...new Set(blocks.flat().map(({ pattern }) => pattern))]
}

function globsOf(rules: readonly ResultRule[]): string[] {
  return rules.map(({ pattern }) => pattern).filter(isGlob)
}

interface Entries {
  pattern: string
  old: ResultRule | null
  current: ResultRule | null
  scope: RuleChange['scope']
}

function compareEntries({ pattern, old, current, scope }: Entries): RuleChange[] {
  return FIELDS.flatMap(({ name, read, isWeaker }) => {
    const before = old === null ? null : read(old)
    const now = current === null ? null : read(current)
    if (idOf(before) === idOf(now)) return []
    const texts = { old: textOf(before), new: textOf(now) }
    return [{ subject: pattern, scope, field: name, ...texts, weaker: isWeaker(old, current) }]
  })
}

/** `90%` and `0.9` are the same. */
function idOf(said: Said | null): string | null {
  if (said === null || typeof said === 'string') return said
  return `${'kind' in said ? said.kind : 'limit'} ${said.value}`
}

function textOf(said: Said | null): string | null {
  return said === null || typeof said === 'string' ? said : said.text
}

/** Where several entries match, the last one wins, so that another order is another rule. */
function orderChange(old: readonly string[], current: readonly string[], field: string): RuleChange[] {
  const before = old.filter((entry) => current.includes(entry))
  const now = current.filter((entry) => old.includes(entry))
  if (before.join('\n') === now.join('\n')) return []
  const change = { subject: '', scope: null, field: `${field}.order`, weaker: null }
  return [{ ...change, old: before.join(', '), new: now.join(', ') }]
}

/** Overrides of the same models and datasets are the same one; the second of them is another. */
function keyed(overrides: readonly Override[]): Map<string, Override> {
  const map = new Map<string, Override>()
  for (const override of overrides) {
    const scope = scopeText(override)
    let key = scope
    for (let count = 2; map.has(key); count++) key = `${scope} (${count})`
    map.set(key, override)
  }
  return map
}

function scopeText({ models, datasets }: Override): string {
  const onDatasets = datasets.length === 0 ? '' : ` on ${datasets.join(' + ')}`
  return `${models.join(' + ') || '*'}${onDatasets}`
}

function compareOverrides(old: Rules, current: Rules): RuleChange[] {
  const before = keyed(old.overrides)
  const now = keyed(current.overrides)
  const keys = [...new Set([...now.keys(), ...before.keys()])]
  const changes = keys.flatMap((key) => {
    const pair = { old: before.get(key), current: now.get(key) }
    return compareOverride(pair, { old: old.results, current: current.results })
  })
  return [...changes, ...orderChange([...before.keys()], [...now.keys()], 'overrides')]
}

interface Sides<T> {
  old: T
  current: T
}

function compareOverride(
  { old, current }: Sides<Override | undefined>,
  base: Sides<readonly ResultRule[]>,
): RuleChange[] {
  const about = current ?? old
  if (about === undefined) return []
  const scope = { models: about.models, datasets: about.datasets }
  const gates = { old: old?.gateOff === true, current: current?.gateOff === true }
  const gate: RuleChange = {
    subject: '',
    scope,
    field: 'gate',
    old: gates.old ? 'off' : null,
    new: gates.current ? 'off' : null,
    weaker: gates.current,
  }
  const results = patternsOf(current?.results ?? [], old?.results ?? []).flatMap((pattern) => {
    const before = effective(old?.results ?? [], pattern)
    const now = effective(current?.results ?? [], pattern)
    return compareEntries({
      pattern,
      old: laidOver(effective(base.old, pattern), before, now),
      current: laidOver(effective(base.current, pattern), now, before),
      scope,
    })
  })
  return [...(gates.old === gates.current ? [] : [gate]), ...results]
}

/** What holds where an override says less than all: the rule below it, for the keys that either side's override says. */
function laidOver(
  base: ResultRule | null,
  own: ResultRule | null,
  other: ResultRule | null,
): ResultRule | null {
  const said = own ?? other
  if (said === null) return null
  const pick = <V>(read: (rule: ResultRule) => V | null): V | null => {
    const isSaid = [own, other].some((rule) => rule !== null && read(rule) !== null)
    const below = base === null || !isSaid ? null : read(base)
    return own === null ? below : (read(own) ?? below)
  }
  const gateOf = (level: 'warn' | 'fail'): Gate => ({
    worseBy: pick((rule) => rule[level]?.worseBy ?? null),
    below: pick((rule) => rule[level]?.below ?? null),
    above: pick((rule) => rule[level]?.above ?? null),
  })
  return {
    pattern: said.pattern,
    line: said.line,
    better: pick((rule) => rule.better),
    format: pick((rule) => rule.format),
    unit: pick((rule) => rule.unit),
    digits: pick((rule) => rule.digits),
    tolerance: pick((rule) => rule.tolerance),
    warn: gateOf('warn'),
    fail: gateOf('fail'),
  }
}

function compareRequired(old: Rules, current: Rules): RuleChange[] {
  const before = new Set(old.required.map(requiredText))
  const now = new Set(current.required.map(requiredText))
  return [...new Set([...now, ...before])]
    .filter((text) => before.has(text) !== now.has(text))
    .map((text) => ({
      subject: text,
      scope: null,
      field: 'required',
      old: before.has(text) ? 'required' : null,
      new: now.has(text) ? 'required' : null,
      weaker: before.has(text),
    }))
}

function requiredText({ model, dataset }: Rules['required'][number]): string {
  return `${model} on ${dataset}`
}

const LEVELS: GateLevel[] = ['pass', 'warn', 'fail']

function compareLevels(old: Rules, current: Rules): RuleChange[] {
  const levels = [
    { field: 'no_baseline', old: old.noBaseline, new: current.noBaseline },
    { field: 'missing', old: old.missing, new: current.missing },
  ]
  return levels
    .filter((level) => level.old !== level.new)
    .map((level) => {
      const weaker = LEVELS.indexOf(level.new) < LEVELS.indexOf(level.old)
      return { subject: '', scope: null, ...level, weaker }
    })
}

function compareNotes({ note: old }: Rules, { note: current }: Rules): RuleChange[] {
  const notes = [
    { field: 'note.columns', old: old.columns?.join(', ') ?? null, new: current.columns?.join(', ') ?? null },
    { field: 'note.when', old: old.when, new: current.when },
    { field: 'note.group_by', old: old.groupBy, new: current.groupBy },
  ]
  return notes
    .filter((note) => note.old !== note.new)
    .map((note) => ({ subject: '', scope: null, ...note, weaker: null }))
}
