import { z } from 'zod'
import { Problem } from '../errors.js'

const waitSecondsAtMost = 30
const firstPollMs = 150
const slowestPollMs = 1_000

const WaitQuery = z.strictObject({ wait: z.coerce.number().min(0).max(waitSecondsAtMost).default(0) })

/** How long a request with `?wait=<seconds>` is willing to wait.
 * @throws Problem INVALID_QUERY */
export function readWaitMs(query: unknown): number {
  const parsed = WaitQuery.safeParse(query)
  if (parsed.success) return parsed.data.wait * 1000
  const field = String(parsed.error.issues[0]?.path[0] ?? 'query')
  throw new Problem('INVALID_QUERY', {
    message: `wait must be a number of seconds from 0 to ${waitSecondsAtMost}, and is the only parameter.`,
    field,
    value: (query as Record<string, unknown>)[field],
  })
}

/** Looks again and again until it is done, the time is up or nobody waits any more; often at first, when an answer is
 * likely. */
export async function pollUntil<T>(
  look: () => Promise<T>,
  { isDone, isGone, waitMs }: { isDone: (found: T) => boolean; isGone: () => boolean; waitMs: number },
): Promise<T> {
  const endsAt = performance.now() + waitMs
  for (let pauseMs = firstPollMs; ; pauseMs = Math.min(pauseMs * 1.5, slowestPollMs)) {
    const found = await look()
    const leftMs = endsAt - performance.now()
    if (isDone(found) || leftMs <= 0 || isGone()) return found
    await new Promise((resolve) => setTimeout(resolve, Math.min(pauseMs, leftMs)))
  }
}
