const calmMs = 30_000
const burstEndsMs = 60_000
const gatherMs = 2_000

/**
 * When a note may be written again, given the earlier writes in any order: design.md §7. The first write of a burst is
 * free. The second waits 2 s, so that it shows all of a matrix whose jobs end within seconds. Then one per 30 s, until
 * a minute passes without a write.
 */
export function nextWriteAllowedAt(writes: readonly Date[], now: Date): Date {
  const times = writes.map((write) => write.getTime()).sort((first, second) => second - first)
  const last = times[0]
  if (last === undefined || now.getTime() - last >= burstEndsMs) return now
  const isSecond = times[1] === undefined || last - times[1] >= burstEndsMs
  return new Date(Math.max(now.getTime(), last + (isSecond ? gatherMs : calmMs)))
}
