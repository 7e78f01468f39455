import type { Comparison, ModelState } from './comparison.js'
import type { Rules } from './rules.js'
import type { Verdict } from './verdict.js'

export interface Findings {
  comparison: Comparison
  verdict: Verdict
  pipeline: { failedJobs: readonly unknown[] }
}

const quiet: ReadonlySet<ModelState> = new Set(['same', 'noise', 'not_run'])

/** Whether there is something for a first note to say. A note that stands already is kept true whatever this says. */
export function isWorthANote(
  { comparison, verdict, pipeline }: Findings,
  when: Rules['note']['when'],
): boolean {
  if (when === 'always') return true
  if (verdict.broken.length > 0 || pipeline.failedJobs.length > 0) return true
  const rows = comparison.rows.filter(({ state }) => state !== 'not_run')
  if (when === 'beyond_tolerance') return rows.some(({ state }) => !quiet.has(state))
  return rows.some(({ results, state }) => !quiet.has(state) || results.some(differs))
}

function differs({ old, new: value }: { old: number | null; new: number | null }): boolean {
  return !Object.is(old, value)
}
