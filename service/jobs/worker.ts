import type { FastifyBaseLogger } from 'fastify'
import type { ClaimedJob, JobStore } from '../stores/job-store.js'
import { maxAttempts, planRetry } from './backoff.js'
import type { Queue } from './queue.js'

/** Times that lie closer together share a timer. */
const wakeStepMs = 5
/** Later times are left to polling. */
const farthestWakeMs = 60_000
/** How long handlers may take to notice that they are aborted. */
const abortGraceMs = 1_000

export type JobLog = Pick<FastifyBaseLogger, 'debug' | 'info' | 'warn' | 'error'>

export interface JobContext {
  /** Aborted when the lease is lost or the process stops. */
  signal: AbortSignal
  /** Larger than that of every earlier claim of this key. */
  fence: number
  /** How long this claim is sure to be the only one. */
  remainingLeaseMs(): number
  log: JobLog
}

export type JobResult = { kind: 'done' } | { kind: 'again'; inMs: number }

/** Reads the newest state and brings it about. A thrown error is tried again, see backoff.ts. */
export type JobHandler = (job: ClaimedJob, context: JobContext) => Promise<JobResult>

export interface WorkerOptions {
  store: JobStore
  queue: Pick<Queue, 'onDue'>
  /** By job type: the part of the key before the first colon. */
  handlers: Readonly<Record<string, JobHandler>>
  concurrency: number
  leaseMs?: number
  pollMs?: number
  processId: string
  log: FastifyBaseLogger
  monotonicNowMs: () => number
  random?: () => number
}

export interface Worker {
  start(): void
  /** Claims nothing more and waits for what runs; what still runs after `graceMs` is aborted and given back. */
  stop(options: { graceMs: number }): Promise<void>
}

interface Run {
  job: ClaimedJob
  abort: AbortController
  leaseEndsAtMs: number
  leaseTimer: NodeJS.Timeout
  renewTimer: NodeJS.Timeout
  finished: Promise<void>
}

interface WorkerState extends Required<WorkerOptions> {
  runs: Set<Run>
  wakes: Map<number, NodeJS.Timeout>
  pollTimer: NodeJS.Timeout | null
  pumping: Promise<void> | null
  pumpAgain: boolean
  stopping: boolean
  stopListening: () => void
}

/** Runs the jobs of `handlers`' types. Any number of processes may do so at once. */
export function createWorker(options: WorkerOptions): Worker {
  const state: WorkerState = {
    leaseMs: 15_000,
    pollMs: 500,
    random: Math.random,
    ...options,
    runs: new Set(),
    wakes: new Map(),
    pollTimer: null,
    pumping: null,
    pumpAgain: false,
    stopping: false,
    stopListening: () => {},
  }
  return { start: () => start(state), stop: ({ graceMs }) => stop(state, graceMs) }
}

function start(state: WorkerState): void {
  state.stopListening = state.queue.onDue((inMs) => wakeIn(state, inMs))
  state.pollTimer = setInterval(() => wake(state), state.pollMs)
  wake(state)
}

async function stop(state: WorkerState, graceMs: number): Promise<void> {
  state.stopping = true
  state.stopListening()
  if (state.pollTimer) clearInterval(state.pollTimer)
  for (const timer of state.wakes.values()) clearTimeout(timer)
  state.wakes.clear()
  await state.pumping
  if (await allFinish(state, graceMs)) return
  for (const run of state.runs) run.abort.abort(new Error('The process is stopping'))
  if (await allFinish(state, abortGraceMs)) return
  // Their rows stay locked until the lease ends, as they may still be writing.
  for (const run of state.runs) {
    endLease(run)
    state.log.warn({ jobKey: run.job.key, fence: run.job.fence }, 'Job ignored the stop')
  }
}

async function allFinish(state: WorkerState, limitMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, limitMs)
  })
  await Promise.race([Promise.all([...state.runs].map((run) => run.finished)), limit])
  clearTimeout(timer)
  return state.runs.size === 0
}

function wakeIn(state: WorkerState, inMs: number): void {
  if (state.stopping || inMs > farthestWakeMs) return
  const nowMs = state.monotonicNowMs()
  // One step later: timers may fire a millisecond early, and a claim that comes too early waits for the next poll.
  const step = Math.ceil((nowMs + inMs) / wakeStepMs) + 1
  if (state.wakes.has(step)) return
  const timer = setTimeout(
    () => {
      state.wakes.delete(step)
      wake(state)
    },
    step * wakeStepMs - nowMs,
  )
  state.wakes.set(step, timer)
}

function wake(state: WorkerState): void {
  state.pumpAgain = true
  state.pumping ??= pump(state).finally(() => {
    state.pumping = null
  })
}

async function pump(state: WorkerState): Promise<void> {
  while (state.pumpAgain && !state.stopping) {
    state.pumpAgain = false
    try {
      await claimUntilFull(state)
    } catch (error) {
      state.log.error({ err: error }, 'Jobs cannot be claimed')
    }
  }
}

async function claimUntilFull(state: WorkerState): Promise<void> {
  const { store, processId, leaseMs } = state
  const types = Object.keys(state.handlers)
  while (!state.stopping && state.runs.size < state.concurrency) {
    const askedAtMs = state.monotonicNowMs()
    const job = await store.claim({ types, processId, leaseMs })
    if (!job) return
    startRun(state, job, askedAtMs + leaseMs)
  }
}

function startRun(state: WorkerState, job: ClaimedJob, leaseEndsAtMs: number): void {
  const abort = new AbortController()
  const run: Run = {
    job,
    abort,
    leaseEndsAtMs,
    leaseTimer: setTimeout(() => loseLease(run), leaseEndsAtMs - state.monotonicNowMs()),
    renewTimer: setInterval(() => void renew(state, run), state.leaseMs / 3),
    finished: Promise.resolve(),
  }
  state.runs.add(run)
  run.finished = execute(state, run).finally(() => {
    endLease(run)
    state.runs.delete(run)
    if (!state.stopping) wake(state)
  })
}

function endLease(run: Run): void {
  clearTimeout(run.leaseTimer)
  clearInterval(run.renewTimer)
}

function loseLease(run: Run): void {
  run.abort.abort(new Error('The lease of the job is lost'))
}

async function renew(state: WorkerState, run: Run): Promise<void> {
  const askedAtMs = state.monotonicNowMs()
  try {
    const isOurs = await state.store.renew(run.job, state.leaseMs)
    if (!state.runs.has(run)) return
    if (!isOurs) return loseLease(run)
    run.leaseEndsAtMs = askedAtMs + state.leaseMs
    clearTimeout(run.leaseTimer)
    run.leaseTimer = setTimeout(() => loseLease(run), run.leaseEndsAtMs - state.monotonicNowMs())
  } catch (error) {
    state.log.warn({ err: error, jobKey: run.job.key }, 'The lease of a job could not be renewed')
  }
}

async function execute(state: WorkerState, run: Run): Promise<void> {
  const { job, abort } = run
  const log = state.log.child({ jobKey: job.key, fence: job.fence })
  try {
    const result = await handle(state, run, log)
    await settle(state, job, result, log)
  } catch (error) {
    // Whatever could not be written is claimed again when the lease ends.
    await recordFailure(state, job, { error, aborted: abort.signal.aborted, log }).catch((err: unknown) =>
      log.error({ err }, 'The failure of a job could not be recorded'),
    )
  }
}

async function handle(state: WorkerState, run: Run, log: JobLog): Promise<JobResult> {
  const { job, abort } = run
  if (job.attempts >= maxAttempts) throw new Error('The process died or hung in every try')
  const handler = state.handlers[job.type]
  if (!handler) throw new Error(`No handler for jobs of type ${job.type}`)
  return await handler(job, {
    signal: abort.signal,
    fence: job.fence,
    remainingLeaseMs: () => run.leaseEndsAtMs - state.monotonicNowMs(),
    log,
  })
}

async function settle(state: WorkerState, job: ClaimedJob, result: JobResult, log: JobLog): Promise<void> {
  if (result.kind === 'done') {
    const outcome = await state.store.complete(job)
    if (outcome === 'lost') log.warn('Job finished after its lease was lost')
    return
  }
  const kept = await state.store.reschedule(job, result.inMs)
  if (kept) wakeIn(state, result.inMs)
  else log.warn('Job finished after its lease was lost')
}

interface RunFailure {
  error: unknown
  aborted: boolean
  log: JobLog
}

async function recordFailure(state: WorkerState, job: ClaimedJob, failure: RunFailure): Promise<void> {
  const { error, aborted, log } = failure
  if (aborted) {
    const released = await state.store.release(job)
    log.warn({ err: error, released }, 'Job was aborted')
    return
  }
  const plan = planRetry(error, job.attempts, state.random)
  const kept = await state.store.fail(job, plan)
  if (!kept) return log.warn({ err: error }, 'Job failed after its lease was lost')
  if (plan.delayMs === null) return log.error({ err: error, attempts: job.attempts + 1 }, 'Job is dead')
  log.warn({ err: error, attempts: job.attempts + 1, retryInMs: plan.delayMs }, 'Job failed')
  wakeIn(state, plan.delayMs)
}
