import { isBelowThrottle, pauseAfter, resetAfter, wholeNumber } from './rate-limit.js'

/** The part of a token's calls that is kept for what people wait for; polling stops there until the limit's reset. */
const reservedPart = 0.25

interface BudgetedCall {
  /** `POST /projects/7/merge_requests/3/notes` */
  endpoint: string
  /** Nobody waits for it: polling, reconciling, looking after webhooks. */
  isBackground: boolean
}

/** What GitLab has said of one token's limits. GitLab counts per user, whatever process calls, and says in each answer
 * how much is left: so processes that share a token share its budget without talking to each other. */
export interface Budget {
  /** How long this call has to wait, in milliseconds; 0 where it may be made. */
  waitMs(call: BudgetedCall): number
  /** Learns from an answer. How long calls like this one have to rest after it; null where they need not. */
  learn(call: BudgetedCall, answer: { status: number; headers: Headers }): number | null
}

export function createBudget(now: () => number): Budget {
  let restsUntil = 0
  let notesRestUntil = 0
  let backgroundRestsUntil = 0

  function waitMs({ endpoint, isBackground }: BudgetedCall): number {
    const until = Math.max(
      restsUntil,
      isNoteCreation(endpoint) ? notesRestUntil : 0,
      isBackground ? backgroundRestsUntil : 0,
    )
    return Math.max(0, until - now())
  }

  function learn({ endpoint }: BudgetedCall, { status, headers }: { status: number; headers: Headers }) {
    const reserveEndsAt = endOfReserve(headers, now())
    if (reserveEndsAt !== null) backgroundRestsUntil = reserveEndsAt
    const pauseMs = pauseAfter(status, headers, now())
    if (pauseMs === null) return null
    const until = now() + pauseMs
    if (isApplicationLimit(endpoint, status, headers)) notesRestUntil = Math.max(notesRestUntil, until)
    else restsUntil = Math.max(restsUntil, until)
    return pauseMs
  }

  return { waitMs, learn }
}

/** GitLab limits the notes of a user apart from all other calls: reading may go on. */
function isApplicationLimit(endpoint: string, status: number, headers: Headers): boolean {
  if (status !== 429 || !isNoteCreation(endpoint) || headers.has('retry-after')) return false
  return !headers.has('ratelimit-limit') || isBelowThrottle(headers)
}

function isNoteCreation(endpoint: string): boolean {
  return /^POST \/projects\/\d+\/merge_requests\/\d+\/notes$/.test(endpoint)
}

/** Null where more than the reserve is left, or GitLab does not say. 0 ends a reserve that had begun. */
function endOfReserve(headers: Headers, nowMs: number): number | null {
  const limit = wholeNumber(headers, 'ratelimit-limit')
  const remaining = wholeNumber(headers, 'ratelimit-remaining')
  if (limit === null || remaining === null) return null
  return remaining > limit * reservedPart ? 0 : (resetAfter(headers, nowMs) ?? 0) + nowMs
}
