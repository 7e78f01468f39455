const mostRemembered = 10_000

/** Does a thing once for each id, for callers of the same time too; what failed is done again. */
export type Once = (id: string, work: () => Promise<string>) => Promise<{ result: string; isRepeat: boolean }>

/** Remembers `forMs` at most, in this process. */
export function createOnce({ forMs, nowMs }: { forMs: number; nowMs: () => number }): Once {
  const done = new Map<string, { result: Promise<string>; untilMs: number }>()

  function dropOld(): void {
    for (const [id, { untilMs }] of done) {
      if (untilMs > nowMs() && done.size <= mostRemembered) return
      done.delete(id)
    }
  }

  return async (id, work) => {
    dropOld()
    const known = done.get(id)
    if (known !== undefined) return { result: await known.result, isRepeat: true }
    const result = work()
    done.set(id, { result, untilMs: nowMs() + forMs })
    try {
      return { result: await result, isRepeat: false }
    } catch (error) {
      done.delete(id)
      throw error
    }
  }
}
