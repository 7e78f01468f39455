import type { EnqueueRequest, JobStore } from '../stores/job-store.js'

/** How far the clocks of the database's members may lie apart. */
const coverMarginMs = 50
const mostCoveredKeys = 10_000
const writesInFlight = 2

export interface EnqueueOptions {
  /** Run after this time; default 0. */
  delayMs?: number
  /** Whether a run that starts before then does not count, so that another one follows. */
  isPromised?: boolean
  /** Of the webhook that gives reason for it, to be told to GitLab by the calls that it causes. */
  eventUuid?: string | null
}

export interface Queue {
  /** Acknowledged when a run that starts after this call is sure to come, even if this process dies. */
  enqueue(keys: string | readonly string[], options?: EnqueueOptions): Promise<void>
  /**
   * The same for work that reads the newest state when it runs, without a write of its own where a start later than
   * now is already promised. Call it AFTER the state that the run shall see is acknowledged.
   */
  enqueueCovered(keys: string | readonly string[], options: { delayMs: number }): Promise<void>
  /** Tells when a job of this process's enqueues becomes due; returns the way to stop listening. */
  onDue(listener: (inMs: number) => void): () => void
}

export interface QueueOptions {
  store: Pick<JobStore, 'enqueue'>
  monotonicNowMs: () => number
}

interface Batch {
  requests: Map<string, EnqueueRequest>
  callers: { resolve: () => void; reject: (error: unknown) => void }[]
}

interface QueueState extends QueueOptions {
  next: Batch
  flushing: boolean
  inFlight: number
  /** Until when (monotonic clock) a start later than now is sure. */
  covered: Map<string, number>
  /** The same for writes that are sent and not acknowledged. */
  sent: Map<string, { untilMs: number; written: Promise<void> }>
  listeners: Set<(inMs: number) => void>
}

/** The process's way into `jobs`: calls that wait at the same time share one write. */
export function createQueue(options: QueueOptions): Queue {
  const state: QueueState = {
    ...options,
    next: createBatch(),
    flushing: false,
    inFlight: 0,
    covered: new Map(),
    sent: new Map(),
    listeners: new Set(),
  }
  return {
    async enqueue(keys, { delayMs = 0, isPromised = false, eventUuid = null } = {}) {
      await write(state, listOf(keys), { delayMs, promiseMs: isPromised ? delayMs : null, eventUuid })
    },
    async enqueueCovered(keys, { delayMs }) {
      await enqueueCovered(state, listOf(keys), delayMs)
    },
    onDue(listener) {
      state.listeners.add(listener)
      return () => state.listeners.delete(listener)
    },
  }
}

function listOf(keys: string | readonly string[]): readonly string[] {
  return typeof keys === 'string' ? [keys] : keys
}

function createBatch(): Batch {
  return { requests: new Map(), callers: [] }
}

async function enqueueCovered(state: QueueState, keys: readonly string[], delayMs: number): Promise<void> {
  const nowMs = state.monotonicNowMs()
  const waits = new Set<Promise<void>>()
  const uncovered: string[] = []
  for (const key of keys) {
    if (covers(state.covered.get(key), nowMs, delayMs)) continue
    const sent = state.sent.get(key)
    if (sent && covers(sent.untilMs, nowMs, delayMs)) waits.add(sent.written)
    else uncovered.push(key)
  }
  if (uncovered.length > 0)
    waits.add(write(state, uncovered, { delayMs, promiseMs: delayMs, eventUuid: null }))
  await Promise.all(waits)
}

function covers(untilMs: number | undefined, nowMs: number, delayMs: number): boolean {
  if (untilMs === undefined) return false
  return nowMs < untilMs && untilMs + coverMarginMs - nowMs <= delayMs
}

function write(
  state: QueueState,
  keys: readonly string[],
  asked: Omit<EnqueueRequest, 'key'>,
): Promise<void> {
  if (keys.length === 0) return Promise.resolve()
  const batch = state.next
  for (const key of keys) batch.requests.set(key, merge(batch.requests.get(key), { key, ...asked }))
  scheduleFlush(state)
  return new Promise((resolve, reject) => {
    batch.callers.push({ resolve, reject })
  })
}

function merge(first: EnqueueRequest | undefined, second: EnqueueRequest): EnqueueRequest {
  if (!first) return second
  return {
    key: second.key,
    delayMs: Math.min(first.delayMs, second.delayMs),
    promiseMs: largest(first.promiseMs, second.promiseMs),
    eventUuid: second.eventUuid ?? first.eventUuid,
  }
}

function largest(first: number | null, second: number | null): number | null {
  if (first === null || second === null) return first ?? second
  return Math.max(first, second)
}

function scheduleFlush(state: QueueState): void {
  if (state.flushing || state.inFlight >= writesInFlight || state.next.requests.size === 0) return
  state.flushing = true
  setImmediate(() => {
    state.flushing = false
    void flush(state)
  })
}

async function flush(state: QueueState): Promise<void> {
  const batch = state.next
  state.next = createBatch()
  state.inFlight += 1
  const requests = [...batch.requests.values()]
  // The promise is counted from before the command is sent, the database counts it from a later moment.
  const sentAtMs = state.monotonicNowMs()
  const written = state.store.enqueue(requests)
  markSent(state, requests, sentAtMs, written)
  try {
    await written
    markCovered(state, requests, sentAtMs)
    announce(state, requests)
    for (const caller of batch.callers) caller.resolve()
  } catch (error) {
    for (const caller of batch.callers) caller.reject(error)
  } finally {
    state.inFlight -= 1
    forgetSent(state, requests, written)
    scheduleFlush(state)
  }
}

function markSent(state: QueueState, requests: EnqueueRequest[], sentAtMs: number, written: Promise<void>) {
  for (const { key, promiseMs } of requests) {
    if (promiseMs !== null) {
      state.sent.set(key, { untilMs: sentAtMs + promiseMs - coverMarginMs, written })
    }
  }
}

function forgetSent(state: QueueState, requests: EnqueueRequest[], written: Promise<void>) {
  for (const { key } of requests) {
    if (state.sent.get(key)?.written === written) state.sent.delete(key)
  }
}

function markCovered(state: QueueState, requests: EnqueueRequest[], sentAtMs: number): void {
  for (const { key, promiseMs } of requests) {
    if (promiseMs === null) continue
    const untilMs = Math.max(state.covered.get(key) ?? 0, sentAtMs + promiseMs - coverMarginMs)
    state.covered.delete(key)
    state.covered.set(key, untilMs)
  }
  dropCovered(state)
}

/** Oldest entries first: a forgotten key only costs one more write. */
function dropCovered(state: QueueState): void {
  const nowMs = state.monotonicNowMs()
  for (const [key, untilMs] of state.covered) {
    if (untilMs > nowMs && state.covered.size <= mostCoveredKeys) return
    state.covered.delete(key)
  }
}

function announce(state: QueueState, requests: EnqueueRequest[]): void {
  for (const listener of state.listeners) {
    for (const { delayMs, promiseMs } of requests) {
      listener(delayMs)
      if (promiseMs !== null && promiseMs !== delayMs) listener(promiseMs)
    }
  }
}
