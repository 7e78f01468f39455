import { isDatabaseAway } from './database.js'

/** An item that waits for its write. */
export interface Waiting<T, O> {
  item: T
  settle: (outcome: O) => void
  fail: (error: unknown) => void
}

export interface GroupCommitOptions<T, O> {
  writesInFlight: number
  mostPerWrite: number
  /** Makes of the items that wait those that are written: those for the same thing share an answer. */
  prepare: (taken: Waiting<T, O>[], repeat: (waiting: Waiting<T, O>) => void) => Waiting<T, O>[]
  /** Settles or fails every one of them. After an error it is called again for each alone, so it can be repeated. */
  write: (batch: Waiting<T, O>[]) => Promise<void>
}

/** Lets concurrent callers share a write: what costs is the wait for the journal, not the document. A write starts at
 * the next turn of the event loop if few are running, and takes all that waits. */
export function createGroupCommit<T, O>(options: GroupCommitOptions<T, O>): (item: T) => Promise<O> {
  const { writesInFlight, mostPerWrite, prepare, write } = options
  let waiting: Waiting<T, O>[] = []
  let running = 0
  let isScheduled = false

  function schedule(): void {
    if (isScheduled || running >= writesInFlight || waiting.length === 0) return
    isScheduled = true
    setImmediate(() => {
      isScheduled = false
      void writeNext()
      schedule()
    })
  }

  async function writeNext(): Promise<void> {
    running += 1
    const taken = waiting.slice(0, mostPerWrite)
    waiting = waiting.slice(mostPerWrite)
    const batch = prepare(taken, (again) => waiting.push(again))
    try {
      await write(batch)
    } catch (error) {
      await writeAlone(batch, error)
    } finally {
      running -= 1
      schedule()
    }
  }

  /** One item that cannot be written must not fail those that happened to be beside it. */
  async function writeAlone(batch: Waiting<T, O>[], error: unknown): Promise<void> {
    const isShared = batch.length > 1 && !isDatabaseAway(error)
    for (const one of batch) {
      if (isShared) await write([one]).catch(one.fail)
      else one.fail(error)
    }
  }

  return (item) =>
    new Promise((settle, fail) => {
      waiting.push({ item, settle, fail })
      schedule()
    })
}
