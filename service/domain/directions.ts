import { KNOWN, type KnownResult, wordSet } from './known-results.js'

/** Is a higher or a lower value better? `unknown` is shown and never judged. */
export type Direction = 'higher' | 'lower' | 'unknown'

export interface ResultKind {
  direction: Direction
  /** A fraction by nature: shown as percent where all its values lie in [0, 1]. */
  fraction: boolean
  /** The well-known name behind it (`val_acc` → `accuracy`), null where unknown. */
  known: string | null
  /** Place in the table below: the smaller, the more people want to see it first. */
  rank: number
  /** Measured on the training data, so of little use to a reviewer. */
  training: boolean
}

const TRAINING = wordSet('train training tr fit')
const MODIFIERS = wordSet(
  'val valid validation test testing eval evaluation dev holdout heldout oof cv train training tr fit',
  'mean avg average median macro micro weighted samples binary overall total final best last score metric metrics',
  'at top k none epoch global masked',
)

/** Before a well-known word these make another thing of it: a spread, a difference, a setting, a count. */
const OTHER_MEANING = wordSet(
  'delta diff difference std stddev stdev sd se sem stderr var variance ci n num count target threshold thresh',
  'drop gap change inverse inv inverted baseline chance random no not non without minus weight remaining saved free',
)

/** `1-accuracy`, but not `top-1-accuracy`. */
const COMPLEMENT = /^\W*((val|valid|validation|test|eval|dev|train|training|mean|avg)[_-])*(1|one)\s*[-−–]/

interface Entry {
  known: KnownResult
  words: string[]
  rank: number
}

/** By last word, longest first, so that `log_loss` is found before `loss`. */
const ENTRIES = new Map<string, Entry[]>()
for (const [rank, known] of KNOWN.entries()) {
  for (const name of known.names.split(' ')) {
    const words = name.split('_')
    const last = words.at(-1) ?? name
    ENTRIES.set(last, [...(ENTRIES.get(last) ?? []), { known, words, rank }])
  }
}
for (const entries of ENTRIES.values()) entries.sort((a, b) => b.words.length - a.words.length)

/**
 * What a result's name says of it: `val_accuracy`, `test/loss`, `top5_acc`, `eval.f1`, `p99_ms` and `ndcg@10` are
 * understood. A name with any word behind the well-known one that is no modifier (`loss_scale`, `accuracy_std`) is not.
 */
export function describeResult(name: string): ResultKind {
  const lower = name.toLowerCase()
  const split = name.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toLowerCase()
  const training = wordsOf(split).some((word) => TRAINING.has(word))
  const found = describeSegments(lower) ?? (split === lower ? null : describeSegments(split))
  return { direction: 'unknown', fraction: false, known: null, rank: KNOWN.length, ...found, training }
}

type Found = Pick<ResultKind, 'direction' | 'fraction' | 'known' | 'rank'>

/** The last part between `/`, `.`, `:` and `,` names the result (`setosa.precision`), unless it only modifies. */
function describeSegments(name: string): Found | null {
  const segments = name.split(/[/.:,]/).map((segment) => stripTrailing(wordsOf(segment)))
  const words = segments.findLast((segment) => segment.length > 0)
  return words === undefined || isComplement(name) ? null : describeWords(words)
}

function isComplement(name: string): boolean {
  return name.split(/[/.:,]/).some((segment) => COMPLEMENT.test(segment))
}

function wordsOf(text: string): string[] {
  return text.split(/[^\p{L}\p{N}]+/u).filter((word) => word !== '')
}

function stripTrailing(words: string[]): string[] {
  if (isPerSecond(words)) return words
  let end = words.length
  while (end > 0 && isModifier(words[end - 1] ?? '') && !isKnownPhrase(words.slice(0, end))) end--
  return words.slice(0, end)
}

function isModifier(word: string): boolean {
  return MODIFIERS.has(word) || /^(p|top)?\d+$/.test(word)
}

function isKnownPhrase(words: string[]): boolean {
  return (ENTRIES.get(words.at(-1) ?? '') ?? []).some((entry) => endsWith(words, entry.words))
}

function describeWords(words: string[]): Found | null {
  if (isPerSecond(words))
    return { direction: 'higher', fraction: false, known: 'throughput', rank: rankOf('throughput') }
  const last = words.at(-1) ?? ''
  const bare = last.replace(/\d+$/, '')
  const entry = findEntry(words, last) ?? findEntry([...words.slice(0, -1), bare], bare)
  if (entry === undefined) return null
  const before = words.slice(0, words.length - entry.words.length)
  if (before.some((word) => OTHER_MEANING.has(word))) return null
  if (entry.known.alone && !before.every((word) => isModifier(word))) return null
  if (entry.known.behind && !isUnitOf(entry.known.behind, before)) return null
  if (last === 'size' && before.length > 0) return null
  const direction = directionBehind(before, entry.known.direction)
  const known = entry.known.names.split(' ')[0] ?? null
  return { direction, fraction: entry.known.fraction === true, known, rank: entry.rank }
}

function isUnitOf(quantities: Set<string>, before: string[]): boolean {
  return before.every((word) => isModifier(word) || quantities.has(word))
}

function findEntry(words: string[], last: string): Entry | undefined {
  return ENTRIES.get(last)?.find((entry) => endsWith(words, entry.words))
}

function endsWith(words: string[], ending: string[]): boolean {
  const start = words.length - ending.length
  return start >= 0 && ending.every((word, index) => words[start + index] === word)
}

/** scikit-learn negates errors so that higher is better: `neg_mean_squared_error`. */
function directionBehind(before: string[], direction: 'higher' | 'lower'): Direction {
  if (!before.includes('neg') && !before.includes('negative')) return direction
  return direction === 'lower' ? 'higher' : 'unknown'
}

function isPerSecond(words: string[]): boolean {
  return (
    words.length > 2 &&
    words.at(-2) === 'per' &&
    /^(s|sec|second|minute|min|hour|h)$/.test(words.at(-1) ?? '')
  )
}

function rankOf(name: string): number {
  return KNOWN.findIndex((known) => known.names.split(' ').includes(name))
}
