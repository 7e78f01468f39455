import type { ComparedModel, Comparison, ModelState } from '../domain/comparison.js'
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

type VerdictInput = Pick<NoteInput, 'comparison' | 'pipeline'>

/** Nothing here was compared, as no commit of the target branch has any of these models. */
export function isFirstReport({ rows, counts }: Comparison): boolean {
  return counts.new > 0 && counts.new === rows.length
}

/** The mark of the whole: something to look at, all good, nothing to tell. */
export function verdictMark({ comparison: { counts }, pipeline }: VerdictInput): '⚠️' | '🟢' | '🔵' | '⚪' {
  if (counts.worse + counts.missing + counts.mixed + pipeline.failedJobs.length > 0) return '⚠️'
  if (counts.better > 0 && counts.changed === 0) return '🟢'
  return counts.better + counts.new + counts.changed > 0 ? '🔵' : '⚪'
}

/** One sentence of our own words and numbers: `1 worse, 2 better, 4 unchanged`. It holds no text from outside. */
export function verdictText({ comparison, pipeline }: VerdictInput): string {
  const parts = [...failedWords(pipeline.failedJobs), ...countWords(comparison)]
  return parts.length > 0 ? parts.join(', ') : 'none reported'
}

function countWords(comparison: Comparison): string[] {
  const { counts } = comparison
  if (isFirstReport(comparison))
    return [`first report, ${count(counts.new, 'model')}, nothing to compare with yet`]
  const words: [number, string][] = [
    [counts.worse, 'worse'],
    [counts.missing, 'missing'],
    [counts.mixed, 'mixed'],
    [counts.better, 'better'],
    [counts.changed, 'changed'],
    [counts.new, 'new'],
    [counts.noise, 'within noise'],
    [counts.same, 'unchanged'],
  ]
  const parts = words.filter(([number]) => number > 0).map(([number, word]) => `${number} ${word}`)
  if (parts.length > 0 || counts.not_run === 0) return parts
  return [
    counts.not_run === 1
      ? 'the model was not trained here'
      : `none of ${counts.not_run} models was trained here`,
  ]
}

function failedWords(jobs: readonly FailedJob[]): string[] {
  const cancelled = jobs.filter(({ status }) => status === 'canceled' || status === 'cancelled').length
  const failed = jobs.length - cancelled
  return [
    ...(failed > 0 ? [`${count(failed, 'job')} failed`] : []),
    ...(cancelled > 0 ? [`${count(cancelled, 'job')} cancelled`] : []),
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
