const calmMs = 30_000
const burstEndsMs = 60_000
const gatherMs = 1_500
/** A burst is over when nothing has come for this long. */
export const quietMs = 1_200

export interface Burst {
  /** Earlier writes of the note, in any order. */
  writes: readonly Date[]
  newestUpload: Date
  now: Date
}

/**
 * When a note may be written again: design.md §7. The first write of a burst is free. The second waits until no upload
 * has come for a moment, so that it shows all of a matrix whose jobs end within seconds, but no longer than the ones
 * after it: one per 30 s, until a minute passes without a write.
 */
export function nextWriteAllowedAt({ writes, newestUpload, now }: Burst): Date {
  const times = writes.map((write) => write.getTime()).sort((first, second) => second - first)
  const last = times[0]
  if (last === undefined || now.getTime() - last >= burstEndsMs) return now
  const isSecond = times[1] === undefined || last - times[1] >= burstEndsMs
  const quietAt = Math.max(last + gatherMs, newestUpload.getTime() + quietMs)
  const allowedAt = isSecond ? Math.min(quietAt, last + calmMs) : last + calmMs
  return new Date(Math.max(now.getTime(), allowedAt))
}
