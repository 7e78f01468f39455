import type { ColumnKey } from './cells.js'
import type { TableQuery } from './query.js'
import type { Condition, OneOf, Selection } from './selection.js'

/** What the words of an address stand for outside of it. */
export interface QueryFacts {
  now: Date
  /** GitLab's number of the person; null where nobody is asked for. */
  userId: number | null
  /** Of the merge request; null where none is asked for. */
  pipelineIds: readonly number[] | null
}

const hourMs = 3_600_000
const unitsMs: Record<string, number> = { h: hourMs, d: 24 * hourMs, w: 7 * 24 * hourMs }

/** The models that the address asks for. */
export function selectionOf(query: TableQuery, { now, userId, pipelineIds }: QueryFacts): Selection {
  const conditions: Condition[] = [...query.where]
  const oneOf: OneOf[] = []
  for (const key of ['dataset', 'model', 'branch', 'tag'] as const) {
    if (query[key].length > 0) oneOf.push({ key, values: query[key] })
  }
  if (query.commit !== null)
    conditions.push({ key: 'commit', operator: '^', value: query.commit.toLowerCase() })
  if (query.since !== null) conditions.push(timeCondition('>=', momentOf(query.since, now)))
  if (query.until !== null) conditions.push(timeCondition('<', endOf(query.until, now)))
  if (userId !== null) oneOf.push({ key: 'person', values: [userId] })
  if (pipelineIds !== null) oneOf.push({ key: 'pipeline', values: pipelineIds })
  return { conditions, oneOf, sort: query.sort }
}

function timeCondition(operator: '>=' | '<', at: Date): Condition {
  return { key: 'time' satisfies ColumnKey, operator, value: String(at.getTime()) }
}

/** In UTC, as all times on pages. */
function momentOf(text: string, now: Date): Date {
  const ago = /^(\d+)([hdw])$/.exec(text)
  if (ago !== null) return new Date(now.getTime() - Number(ago[1]) * (unitsMs[ago[2] ?? ''] ?? 0))
  const time = text.replace(' ', 'T')
  return new Date(time.length > 10 && !time.endsWith('Z') ? `${time}Z` : time)
}

/** A day lasts until the next one begins. */
function endOf(text: string, now: Date): Date {
  const at = momentOf(text, now)
  return /^\d{4}-\d\d-\d\d$/.test(text) ? new Date(at.getTime() + 24 * hourMs) : at
}

/** Whether a text of the right form names a moment: 2026-02-31 does not, nor does 24:61. */
export function isMoment(text: string): boolean {
  const at = momentOf(text, new Date(0))
  if (Number.isNaN(at.getTime())) return false
  return !/^\d{4}-/.test(text) || at.toISOString().startsWith(text.slice(0, 10))
}
