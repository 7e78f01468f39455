import { type ComparedModel, type Comparison, MODEL_STATES, type ModelState } from '../domain/comparison.js'
import type { RuleChange } from '../domain/rule-changes.js'
import type { BrokenRule, Verdict } from '../domain/verdict.js'
import type { FailedJob, NoteInput } from './note-input.js'

/** Each mark has its word beside it wherever it stands. */
export const MARKS = {
  worse: '🔴',
  missing: '⚫',
  mixed: '🟡',
  better: '🟢',
  changed: '🟣',
  new: '🔵',
  noise: '⚪',
  same: '⚪',
  not_run: '➖',
} as const satisfies Record<ModelState, string>

export const STATE_WORDS = {
  worse: 'worse',
  missing: 'missing',
  mixed: 'mixed',
  better: 'better',
  changed: 'changed',
  new: 'new',
  noise: 'within noise',
  same: 'same',
  not_run: 'not run',
} as const satisfies Record<ModelState, string>

/** A model that nobody can compare is told apart from one that merely changed. */
export function wordOf({ state, datasetChanged }: Pick<ComparedModel, 'state' | 'datasetChanged'>): string {
  return state === 'changed' && datasetChanged ? NOT_COMPARABLE : STATE_WORDS[state]
}

const NOT_COMPARABLE = 'not comparable'

export type VerdictInput = Pick<NoteInput, 'comparison' | 'pipeline' | 'verdict' | 'rules' | 'editedRules'>

/** Nothing here was compared, as no commit of the target branch has any of these models. */
export function isFirstReport({ rows, counts }: Comparison): boolean {
  return counts.new > 0 && counts.new === rows.length
}

/** Broken rules that nobody accepted. */
export function openRules({ broken }: Verdict): BrokenRule[] {
  return broken.filter(({ acceptance }) => acceptance === null)
}

/** What tells a failure under other rules again. */
export function subjectKey({ dataset, name, result, kind }: BrokenRule): string {
  return JSON.stringify([dataset, name, result?.name ?? null, kind])
}

/** Broken rules that fail the gate. */
export function failuresOf(verdict: Verdict): BrokenRule[] {
  return openRules(verdict).filter(({ level }) => level === 'fail')
}

/** What the merge request takes from the gate by editing the rules: null where it takes nothing. */
export function weakeningOf({
  editedRules,
  verdict,
}: Pick<NoteInput, 'editedRules' | 'verdict'>): 'loosened' | 'removed' | 'unreadable' | null {
  if (editedRules === null) return null
  const { changes, problems, verdict: edited } = editedRules
  if (edited === null) return problems.length > 0 ? 'unreadable' : 'removed'
  const then = new Set(failuresOf(edited).map(subjectKey))
  const isLoosened =
    changes.some((change) => change.weaker === true && !becomesFailure(change, changes)) ||
    failuresOf(verdict).some((broken) => !then.has(subjectKey(broken)))
  return isLoosened ? 'loosened' : null
}

/** A warning that is gone because its limit now fails. */
export function becomesFailure(change: RuleChange, changes: readonly RuleChange[]): boolean {
  const [level, limit] = change.field.split('.')
  if (level !== 'warn' || change.new !== null) return false
  return changes.some(
    (other) =>
      other.field === `fail.${limit}` &&
      other.new === change.old &&
      other.subject === change.subject &&
      JSON.stringify(other.scope) === JSON.stringify(change.scope),
  )
}

/** The mark of the whole: the gate failed, something to look at, all good, nothing to tell. */
export function verdictMark(input: VerdictInput): '❌' | '⚠️' | '🟢' | '🔵' | '⚪' {
  const { comparison, pipeline, verdict } = input
  const { counts } = comparison
  if (verdict.state === 'fail') return '❌'
  const notSent = pipeline.failedJobs.length + silentJobs(input).length
  const isBad = counts.worse + counts.missing + counts.mixed + notSent > 0
  if (verdict.state === 'warn' || isBad || rulesWords(input).length > 0) return '⚠️'
  if (counts.better > 0 && counts.changed === 0) return '🟢'
  return counts.better + counts.new + counts.changed > 0 ? '🔵' : '⚪'
}

/** One sentence of our own words and numbers: `1 worse, 2 better, 4 unchanged`. It holds no text from outside. */
export function verdictText(input: VerdictInput): string {
  const { comparison, pipeline, verdict } = input
  const rules = rulesWords(input)
  const jobs = [...failedWords(pipeline.failedJobs), ...silentWords(input)]
  if (verdict.state === 'fail') {
    const broken = openRules(verdict).filter(({ level }) => level === 'fail').length
    return ['gate failed', `${count(broken, 'rule')} broken`, ...rules, ...jobs].join(', ')
  }
  const accepted = verdict.broken.length - openRules(verdict).length
  const parts = [
    ...rules,
    ...(accepted > 0 ? [`${count(accepted, 'broken rule')} accepted`] : []),
    ...jobs,
    ...comparisonWords(comparison),
  ]
  return parts.length > 0 ? parts.join(', ') : 'none reported'
}

/** What of such a sentence is not about the rules that are broken. */
export function besidesGate(summary: string): string {
  return summary
    .split(', ')
    .filter((part) => !/^(gate failed|\d+ rules? broken|\d+ broken rules? accepted)$/.test(part))
    .join(', ')
}

/** Rules that are dead, or that this merge request takes something from. */
function rulesWords(input: VerdictInput): string[] {
  const weakening = weakeningOf(input)
  const isDead = input.rules.state === 'unreadable'
  return [
    ...(isDead ? ['rules cannot be read'] : []),
    ...(weakening === null || (isDead && weakening === 'unreadable') ? [] : [WEAKENED[weakening]]),
  ]
}

const WEAKENED = {
  loosened: 'this merge request loosens the rules',
  removed: 'this merge request removes the rules',
  unreadable: 'the rules of this merge request cannot be read',
} as const

function comparisonWords(comparison: Comparison): string[] {
  const { counts } = comparison
  if (isFirstReport(comparison))
    return [`first report, ${count(counts.new, 'model')}, nothing to compare with yet`]
  const parts = countWords(comparison.rows)
  if (parts.length > 0 || counts.not_run === 0) return parts
  return [
    counts.not_run === 1
      ? 'the model was not trained here'
      : `none of ${counts.not_run} models was trained here`,
  ]
}

/** `1 worse`, `2 unchanged`: of what was trained here. */
export function countWords(rows: readonly Pick<ComparedModel, 'state' | 'datasetChanged'>[]): string[] {
  const numbers = new Map<string, number>()
  for (const row of rows) {
    const word = row.state === 'same' ? 'unchanged' : wordOf(row)
    if (row.state !== 'not_run') numbers.set(word, (numbers.get(word) ?? 0) + 1)
  }
  const words = MODEL_STATES.flatMap((state) =>
    state === 'changed'
      ? [STATE_WORDS.changed, NOT_COMPARABLE]
      : [state === 'same' ? 'unchanged' : STATE_WORDS[state]],
  )
  return words.flatMap((word) => (numbers.has(word) ? [`${numbers.get(word)} ${word}`] : []))
}

/** Jobs that ended well and sent nothing although they were expected to. What is missing is told of by its model. */
export function silentJobs({ comparison, pipeline }: Pick<NoteInput, 'comparison' | 'pipeline'>): string[] {
  if (pipeline.state === 'running') return []
  const missing = comparison.rows.filter(({ state }) => state === 'missing')
  const said = new Set([
    ...pipeline.failedJobs.map(({ name }) => name),
    ...missing.flatMap(({ baseline }) => baseline?.models.map(({ job }) => job.name) ?? []),
  ])
  return pipeline.silentJobs.filter((name) => !said.has(name))
}

function silentWords(input: VerdictInput): string[] {
  const { length } = silentJobs(input)
  return length === 0 ? [] : [`${count(length, 'job')} sent nothing`]
}

function failedWords(jobs: readonly FailedJob[]): string[] {
  const cancelled = jobs.filter(({ status }) => status === 'canceled' || status === 'cancelled').length
  const failed = jobs.length - cancelled
  return [
    ...(failed > 0 ? [`${count(failed, 'training job')} failed`] : []),
    ...(cancelled > 0 ? [`${count(cancelled, 'training job')} cancelled`] : []),
  ]
}

/** `1 model`, `2 models`. */
export function count(number: number, word: string): string {
  return `${number} ${word}${number === 1 ? '' : 's'}`
}

/** Trained by a pipeline of a fork, so never a baseline. */
export function isFromFork(row: ComparedModel): boolean {
  return row.models.some((model) => model.origin.startsWith('fork:'))
}
