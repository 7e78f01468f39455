export interface Pace {
  /** How long the work of this key has to wait, 0 if it may begin. */
  take(key: string, now: Date): number
  /** Does the work and remembers what it took. */
  measure<T>(key: string, work: () => Promise<T>): Promise<T>
}

export interface PaceOptions {
  /** Of the time, for all large work together. */
  share: number
  /** Shorter work is not large. */
  freeMs: number
  clock: () => Date
}

const mostRemembered = 1_000

/** Keeps repeated large work from taking the whole process: it gets its turns, small work always begins at once. */
export function createPace({ share, freeMs, clock }: PaceOptions): Pace {
  const large = new Map<string, number>()
  let nextAtMs = 0

  function keepFree(fromMs: number, tookMs: number): void {
    nextAtMs = Math.max(nextAtMs, fromMs + tookMs / share)
  }

  return {
    take(key, now) {
      const tookMs = large.get(key)
      if (tookMs === undefined) return 0
      const waitMs = nextAtMs - now.getTime()
      if (waitMs > 0) return waitMs
      keepFree(now.getTime(), tookMs)
      return 0
    },
    async measure(key, work) {
      const startedAtMs = clock().getTime()
      try {
        return await work()
      } finally {
        const tookMs = clock().getTime() - startedAtMs
        if (large.size >= mostRemembered) large.clear()
        large.delete(key)
        if (tookMs >= freeMs) {
          large.set(key, tookMs)
          keepFree(startedAtMs, tookMs)
        }
      }
    },
  }
}
