export interface Pace {
  /** A turn if none is taken and the last one is long enough ago; else how long to wait before asking again. */
  take(now: Date): Turn
}

export type Turn = { kind: 'now'; end(now: Date): void } | { kind: 'later'; inMs: number }

const busyMs = 500

/** Lets work run one at a time and no more than `share` of the time, in this process. */
export function createPace(share: number): Pace {
  let isTaken = false
  let nextAtMs = 0

  function begin(startedAtMs: number): Turn {
    isTaken = true
    return {
      kind: 'now',
      end(now) {
        isTaken = false
        const endedAtMs = now.getTime()
        nextAtMs = endedAtMs + (endedAtMs - startedAtMs) * (1 / share - 1)
      },
    }
  }

  return {
    take(now) {
      if (isTaken) return { kind: 'later', inMs: busyMs }
      const waitMs = nextAtMs - now.getTime()
      return waitMs > 0 ? { kind: 'later', inMs: waitMs } : begin(now.getTime())
    },
  }
}
