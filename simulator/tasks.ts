import { setTimeout as sleep } from 'node:timers/promises'

/** Work that goes on after an answer, as GitLab's background workers do. */
export interface Tasks {
  /** Aborted when the simulator closes. */
  signal: AbortSignal
  run(work: (signal: AbortSignal) => Promise<void>): void
  /** Like `run`, after a delay that ends early, without the work, when the simulator closes. */
  runAfter(delayMs: number, work: (signal: AbortSignal) => Promise<void>): void
  /** Resolves when no task is left, also none that a task has started. Rejects with the first failure. */
  settled(): Promise<void>
  close(): Promise<void>
}

export function createTasks(): Tasks {
  const running = new Set<Promise<void>>()
  const failures: unknown[] = []
  const abort = new AbortController()

  function run(work: (signal: AbortSignal) => Promise<void>): void {
    if (abort.signal.aborted) return
    const task = work(abort.signal)
      .catch((err: unknown) => {
        if (abort.signal.aborted) return
        failures.push(err)
        process.emitWarning(`The simulator failed: ${err instanceof Error ? err.stack : String(err)}`)
      })
      .finally(() => running.delete(task))
    running.add(task)
  }

  async function drain(): Promise<void> {
    while (running.size > 0) await Promise.all(running)
  }

  return {
    signal: abort.signal,
    run,
    runAfter(delayMs, work) {
      run(async (signal) => {
        if (delayMs > 0) await sleep(delayMs, undefined, { signal })
        await work(signal)
      })
    },
    async settled() {
      await drain()
      if (failures.length > 0) throw failures.shift()
    },
    async close() {
      abort.abort()
      await drain()
    },
  }
}
