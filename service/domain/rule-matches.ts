import { createGlob, isGlob } from './globs.js'
import type { Override, ResultRule, Rules, RulesProblem } from './rules.js'
import { nearest } from './spelling.js'

/** Every name that was reported, here or in the baseline. */
export interface KnownNames {
  results: readonly string[]
  models: readonly { name: string; dataset: string }[]
}

/**
 * Patterns that are about nothing that was reported: spelling mistakes, or rules for what is gone. Where nothing was
 * reported, nothing can be said. Each problem points at the start of its line. `required` is left out: it is a gate.
 */
export function unmatchedPatterns(rules: Rules, known: KnownNames): RulesProblem[] {
  const results = new Set(known.results)
  const models = new Set(known.models.map(({ name }) => name))
  const datasets = new Set(known.models.map(({ dataset }) => dataset))
  const found = [
    ...unmatchedResults(rules.results, results, ''),
    ...rules.overrides.flatMap((override, index) => {
      const key = `overrides[${index}]`
      return [
        ...unmatchedOf(override, {
          key: `${key}.models`,
          what: 'model',
          patterns: override.models,
          names: models,
        }),
        ...unmatchedOf(override, {
          key: `${key}.datasets`,
          what: 'dataset',
          patterns: override.datasets,
          names: datasets,
        }),
        ...unmatchedResults(override.results, results, `${key}.`),
      ]
    }),
    ...unmatchedColumns(rules, results),
  ]
  return found.map((one, index) => problemOf(one, index < MAX_SUGGESTIONS))
}

/** A spelling is looked for among so many names, and so often: with all of 60,000 names it takes minutes. */
const MAX_SUGGESTIONS = 20
const MAX_NAMES = 1_000
const MAX_LENGTH = 64

interface Found {
  pattern: string
  line: number
  key: string
  what: string
  names: ReadonlySet<string>
}

function unmatchedResults(rules: readonly ResultRule[], names: ReadonlySet<string>, before: string): Found[] {
  return rules.flatMap(({ pattern, line }) =>
    isUnmatched(pattern, names)
      ? [{ pattern, line, key: `${before}results.${pattern}`, what: 'result', names }]
      : [],
  )
}

interface Unmatched {
  key: string
  what: string
  patterns: readonly string[]
  names: ReadonlySet<string>
}

function unmatchedOf({ line }: Override, { key, what, patterns, names }: Unmatched): Found[] {
  return patterns.flatMap((pattern, index) => {
    const place = patterns.length === 1 ? key : `${key}[${index}]`
    return isUnmatched(pattern, names) ? [{ pattern, line, key: place, what, names }] : []
  })
}

function unmatchedColumns({ note }: Rules, names: ReadonlySet<string>): Found[] {
  const line = note.columnsLine ?? 1
  return (note.columns ?? []).flatMap((column, index) =>
    names.size > 0 && !names.has(column)
      ? [{ pattern: column, line, key: `note.columns[${index}]`, what: 'result', names }]
      : [],
  )
}

function isUnmatched(pattern: string, names: ReadonlySet<string>): boolean {
  if (names.size === 0 || names.has(pattern)) return false
  if (!isGlob(pattern)) return true
  const matches = createGlob(pattern)
  for (const name of names) if (matches(name)) return false
  return true
}

function problemOf({ pattern, line, key, what, names }: Found, suggests: boolean): RulesProblem {
  const message = `${pattern} matches no ${what} that was reported`
  const isShort = pattern.length <= MAX_LENGTH
  const suggestion = suggests && isShort ? nearestPattern(pattern, firstOf(names)) : null
  return { line, column: 1, key, message, suggestion }
}

function firstOf(names: ReadonlySet<string>): ReadonlySet<string> {
  return names.size <= MAX_NAMES ? names : new Set([...names].slice(0, MAX_NAMES))
}

/** `fruad/*` is compared with how names begin, `*_mss` with how they end; other patterns have no near spelling. */
function nearestPattern(pattern: string, names: ReadonlySet<string>): string | null {
  if (!isGlob(pattern)) return nearest(pattern, names)
  const fixed = pattern.replace('*', '')
  if (isGlob(fixed) || fixed === '') return null
  if (pattern.endsWith('*')) {
    const found = nearest(
      fixed,
      partsOf(names, fixed, (name, length) => name.slice(0, length)),
    )
    return found === null ? null : `${found}*`
  }
  if (!pattern.startsWith('*')) return null
  const found = nearest(
    fixed,
    partsOf(names, fixed, (name, length) => name.slice(-length)),
  )
  return found === null ? null : `*${found}`
}

/** Those that begin or end alike in kind, `/` against `/` and `_` against `_`, come first. */
function partsOf(
  names: ReadonlySet<string>,
  fixed: string,
  cut: (name: string, length: number) => string,
): Set<string> {
  const lengths = [fixed.length, fixed.length - 1, fixed.length + 1].filter((length) => length > 0)
  const parts = lengths.flatMap((length) => [...names].map((name) => cut(name, length)))
  const alike = parts.filter((part) => edgeOf(part) === edgeOf(fixed))
  return new Set([...alike, ...parts])
}

function edgeOf(text: string): string | undefined {
  return /[^\p{L}\p{N}]$|^[^\p{L}\p{N}]/u.exec(text)?.[0]
}
