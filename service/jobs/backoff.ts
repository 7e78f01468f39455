import type { Failure } from '../stores/job-store.js'

const ladderMs = [10_000, 60_000, 300_000, 1_800_000]
const jitter = 0.2
const shortestRetryAfterMs = 1_000
const longestRetryAfterMs = 3_600_000
const longestMessage = 500

/** How often a job is tried before it is dead. */
export const maxAttempts = ladderMs.length + 1

/**
 * What a job's error means for its next try. An error's `retryAfterMs` takes the place of the ladder's step, and
 * `retryable: false` ends the job at once. Having to wait for a limit of GitLab is no failed try: work is not lost
 * because there is much of it.
 */
export function planRetry(error: unknown, attempts: number, random: () => number): Failure {
  const retryAfterMs = numberOf(error, 'retryAfterMs')
  const firstMs = retryAfterMs === null ? stepMs(0, random) : clampRetryAfter(retryAfterMs)
  const isCounted = !isRateLimit(error)
  const isLast = (isCounted && attempts + 1 >= maxAttempts) || isFinal(error)
  return {
    message: messageOf(error).slice(0, longestMessage),
    delayMs: isLast ? null : retryAfterMs === null ? stepMs(attempts, random) : firstMs,
    freshDelayMs: firstMs,
    isCounted,
  }
}

function stepMs(step: number, random: () => number): number {
  const delayMs = ladderMs[step] ?? 0
  return Math.round(delayMs * (1 - jitter + 2 * jitter * random()))
}

function clampRetryAfter(retryAfterMs: number): number {
  return Math.min(Math.max(retryAfterMs, shortestRetryAfterMs), longestRetryAfterMs)
}

function isRateLimit(error: unknown): boolean {
  return error instanceof Error && 'kind' in error && error.kind === 'rate_limited'
}

function isFinal(error: unknown): boolean {
  return error instanceof Error && 'retryable' in error && error.retryable === false
}

function numberOf(error: unknown, name: 'retryAfterMs'): number | null {
  if (!(error instanceof Error) || !(name in error)) return null
  const value = (error as Error & Record<typeof name, unknown>)[name]
  return typeof value === 'number' && Number.isFinite(value) ? value : null
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
