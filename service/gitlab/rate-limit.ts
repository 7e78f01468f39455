const defaultPauseMs = 60_000
const longestPauseMs = 3_600_000

/**
 * How long a token has to rest after an answer, in milliseconds; null where it need not. GitLab counts per user, so
 * one refused call speaks for all calls of the token. Its application limits (notes) say nothing of themselves; their
 * window is a minute.
 */
export function pauseAfter(status: number, headers: Headers, nowMs: number): number | null {
  const untilResetMs = resetAfter(headers, nowMs)
  if (status === 429) {
    const throttleMs = isBelowThrottle(headers) ? null : untilResetMs
    return clamp(retryAfter(headers, nowMs) ?? throttleMs ?? defaultPauseMs)
  }
  if (headers.get('ratelimit-remaining') !== '0' || untilResetMs === null) return null
  return clamp(untilResetMs)
}

/** Whether the throttle, of which every answer tells, has calls left: a refusal is then that of another limit. */
export function isBelowThrottle(headers: Headers): boolean {
  return (wholeNumber(headers, 'ratelimit-remaining') ?? 0) > 0
}

/** `Retry-After` in milliseconds: seconds or an HTTP date. */
export function retryAfter(headers: Headers, nowMs: number): number | null {
  const value = headers.get('retry-after')?.trim() ?? ''
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1000
  const date = Date.parse(value)
  return Number.isNaN(date) ? null : Math.max(0, date - nowMs)
}

/** `RateLimit-Reset` in milliseconds from now; null where it is past or not said. */
export function resetAfter(headers: Headers, nowMs: number): number | null {
  const resetSeconds = wholeNumber(headers, 'ratelimit-reset')
  if (resetSeconds === null) return null
  const remainingMs = resetSeconds * 1000 - nowMs
  return remainingMs > 0 ? remainingMs : null
}

export function wholeNumber(headers: Headers, name: string): number | null {
  const value = headers.get(name)?.trim() ?? ''
  return /^\d{1,12}$/.test(value) ? Number(value) : null
}

function clamp(pauseMs: number): number {
  return Math.min(Math.max(pauseMs, 1000), longestPauseMs)
}
