import type { Collection, Db, Document, IndexDescription } from 'mongodb'
import { durable, isDuplicateKey } from './database.js'

export const jobIndexes: IndexDescription[] = [{ key: { state: 1, runAt: 1 }, name: 'state_runAt' }]

/** One row per piece of work. Its `_id` is `type:projectId[:more]`: asking twice for the same work is one row. */
export interface JobDoc {
  _id: string
  schema: 1
  type: string
  /** Grows with every enqueue, so that a run knows whether somebody asked again after its claim. */
  generation: number
  state: 'pending' | 'running' | 'dead'
  /** Pending: when it is due. Running: when the lease ends. Dead: when it died. One index finds all that may be claimed. */
  runAt: Date
  /** The earliest time asked for while it runs. */
  nextRunAt: Date | null
  /** Some process counts on a run that starts no earlier than this (see jobs/queue.ts). */
  promisedAt: Date | null
  /** After a failure: no enqueue makes it run sooner. */
  notBefore: Date | null
  attempts: number
  /** Grows with every claim of the key, also over deleted rows: a claim takes the database's time or the old fence + 1. */
  fence: number
  lockedBy: string | null
  lastError: string | null
  /** Of the last webhook that asked for it; absent in rows of older versions. */
  eventUuid?: string | null
  enqueuedAt: Date
}

export interface EnqueueRequest {
  key: string
  delayMs: number
  /** Ask for a run that starts no sooner than this from now, beside the one after `delayMs`. */
  promiseMs: number | null
  eventUuid?: string | null
}

export interface ClaimedJob {
  key: string
  type: string
  generation: number
  fence: number
  attempts: number
  eventUuid: string | null
}

export interface ClaimOptions {
  types: string[]
  processId: string
  leaseMs: number
}

export interface Failure {
  message: string
  /** Null: give up, unless somebody asked again meanwhile. */
  delayMs: number | null
  /** The delay when somebody asked again meanwhile; until then no enqueue makes it run. */
  freshDelayMs: number
  /** Whether it was one of the job's tries. */
  isCounted: boolean
}

export interface UnderWay {
  keys: string[]
  /** A job that stays to look again and again. */
  looks: string
  withinMs: number
}

export interface DeadJob {
  key: string
  type: string
  attempts: number
  lastError: string | null
  diedAt: Date
}

export interface JobCounts {
  pending: number
  running: number
  dead: number
  /** How long the oldest claimable job has been due. */
  lagMs: number
}

/** `lost`: the row belongs to a later claim (or to nobody), nothing was changed. */
export type CompleteOutcome = 'done' | 'again' | 'lost'

export function jobCollection(db: Db): Collection<JobDoc> {
  return db.collection<JobDoc>('jobs', { writeConcern: durable })
}

export type JobStore = ReturnType<typeof createJobStore>

/** The rows of the queue. All times are the database's, so that the clocks of the processes do not matter. */
export function createJobStore(db: Db) {
  const jobs = jobCollection(db)
  return {
    enqueue: (requests: readonly EnqueueRequest[]) => enqueue(jobs, requests),
    claim: (options: ClaimOptions) => claim(jobs, options),
    renew: (job: ClaimedJob, leaseMs: number) => updateOwn(jobs, job, { runAt: inMs(leaseMs) }),
    complete: (job: ClaimedJob) => complete(jobs, job),
    reschedule: (job: ClaimedJob, delayMs: number) =>
      updateOwn(jobs, job, { ...pendingAfter(delayMs), ...withoutCause(job) }),
    /** Gives the job back as if it had not been claimed. */
    release: (job: ClaimedJob) => updateOwn(jobs, job, { ...unlocked, state: 'pending', runAt: '$$NOW' }),
    fail: (job: ClaimedJob, failure: Failure) => updateOwn(jobs, job, failed(job, failure)),
    /** Whether one of `keys` is there, or `looks` runs, has failed or is due within `withinMs`. */
    isUnderWay: (asked: UnderWay) => isUnderWay(jobs, asked),
    listDead: (limit: number) => listDead(jobs, limit),
    count: () => count(jobs),
  }
}

const running = { $eq: ['$state', 'running'] }
const pending = { $eq: ['$state', 'pending'] }
const unlocked = { lockedBy: null, nextRunAt: null }

function inMs(delayMs: number): Document {
  return { $add: ['$$NOW', delayMs] }
}

async function enqueue(jobs: Collection<JobDoc>, requests: readonly EnqueueRequest[]): Promise<void> {
  if (requests.length === 0) return
  const operations = requests.map((request) => ({
    updateOne: { filter: { _id: request.key }, update: [{ $set: enqueued(request) }], upsert: true },
  }))
  try {
    await jobs.bulkWrite(operations, { ordered: false })
  } catch (error) {
    // Two first enqueues of one key may meet in the unique index. Asking once more only adds to the generation.
    if (!isDuplicateKey(error)) throw error
    await jobs.bulkWrite(operations, { ordered: false })
  }
}

function enqueued({ key, delayMs, promiseMs, eventUuid = null }: EnqueueRequest): Document {
  // $min and $max skip null and absent fields.
  const askedAt = { $max: [inMs(delayMs), '$notBefore'] }
  return {
    schema: 1,
    type: { $literal: key.split(':', 1)[0] },
    generation: { $add: [{ $ifNull: ['$generation', 0] }, 1] },
    state: { $cond: [running, 'running', 'pending'] },
    runAt: { $cond: [running, '$runAt', { $cond: [pending, { $min: ['$runAt', askedAt] }, askedAt] }] },
    nextRunAt: { $cond: [running, { $min: ['$nextRunAt', askedAt] }, null] },
    promisedAt: promiseMs === null ? orNull('$promisedAt') : { $max: ['$promisedAt', inMs(promiseMs)] },
    notBefore: orNull('$notBefore'),
    attempts: { $cond: [running, '$attempts', 0] },
    fence: { $ifNull: ['$fence', 0] },
    lockedBy: orNull('$lockedBy'),
    lastError: orNull('$lastError'),
    eventUuid: eventUuid === null ? orNull('$eventUuid') : { $literal: eventUuid },
    enqueuedAt: '$$NOW',
  }
}

function orNull(field: string): Document {
  return { $ifNull: [field, null] }
}

async function claim(jobs: Collection<JobDoc>, options: ClaimOptions): Promise<ClaimedJob | null> {
  const doc = await jobs.findOneAndUpdate(
    claimable(options.types),
    [
      {
        $set: {
          state: 'running',
          runAt: inMs(options.leaseMs),
          nextRunAt: null,
          // A promise is kept only by a run that starts after it; an earlier run leaves it standing.
          promisedAt: { $cond: [{ $gt: ['$promisedAt', '$$NOW'] }, '$promisedAt', null] },
          notBefore: null,
          // Still running means that its process died or hung: without counting that, a job that kills its process
          // would be tried for ever.
          attempts: { $cond: [running, { $add: ['$attempts', 1] }, '$attempts'] },
          fence: { $max: [{ $add: ['$fence', 1] }, { $toLong: '$$NOW' }] },
          lockedBy: { $literal: options.processId },
        },
      },
    ],
    { sort: { runAt: 1 }, returnDocument: 'after' },
  )
  return doc === null ? null : toClaimed(doc)
}

/** What a claim may take: due jobs, and running ones whose lease has ended. */
export function claimable(types: string[]): Document {
  return {
    state: { $in: ['pending', 'running'] },
    type: { $in: types },
    $expr: { $lte: ['$runAt', '$$NOW'] },
  }
}

function toClaimed(doc: JobDoc): ClaimedJob {
  return {
    key: doc._id,
    type: doc.type,
    generation: doc.generation,
    fence: doc.fence,
    attempts: doc.attempts,
    eventUuid: doc.eventUuid ?? null,
  }
}

/** True if the row was still this claim's. */
async function updateOwn(jobs: Collection<JobDoc>, job: ClaimedJob, set: Document): Promise<boolean> {
  const { matchedCount } = await jobs.updateOne(ownedBy(job), [{ $set: set }])
  return matchedCount === 1
}

function ownedBy(job: ClaimedJob) {
  return { _id: job.key, fence: job.fence, state: 'running' as const }
}

async function complete(jobs: Collection<JobDoc>, job: ClaimedJob): Promise<CompleteOutcome> {
  const { deletedCount } = await jobs.deleteOne({
    ...ownedBy(job),
    generation: job.generation,
    promisedAt: null,
  })
  if (deletedCount === 1) return 'done'
  return (await updateOwn(jobs, job, pendingAfter(null))) ? 'again' : 'lost'
}

/** What it does of its own accord later is no effect of the webhook that it began with. */
function withoutCause(job: ClaimedJob): Document {
  return { eventUuid: { $cond: [{ $ne: ['$generation', job.generation] }, orNull('$eventUuid'), null] } }
}

function pendingAfter(delayMs: number | null): Document {
  const wanted = delayMs === null ? null : inMs(delayMs)
  return {
    ...unlocked,
    state: 'pending',
    runAt: { $ifNull: [{ $min: [wanted, '$nextRunAt', '$promisedAt'] }, '$$NOW'] },
    attempts: 0,
    lastError: null,
  }
}

function failed(job: ClaimedJob, failure: Failure): Document {
  // Somebody who asked during the run, or counts on a later start, has not had a try of their own yet.
  const fresh = { $or: [{ $ne: ['$generation', job.generation] }, { $gt: ['$promisedAt', null] }] }
  const gaveUp = failure.delayMs === null
  return {
    ...unlocked,
    state: { $cond: [fresh, 'pending', gaveUp ? 'dead' : 'pending'] },
    runAt: { $cond: [fresh, inMs(failure.freshDelayMs), inMs(failure.delayMs ?? 0)] },
    notBefore: inMs(failure.freshDelayMs),
    attempts: failure.isCounted
      ? { $cond: [fresh, 1, job.attempts + 1] }
      : { $cond: [fresh, 0, job.attempts] },
    lastError: { $literal: failure.message },
  }
}

async function isUnderWay(jobs: Collection<JobDoc>, { keys, looks, withinMs }: UnderWay): Promise<boolean> {
  const isDue = { $expr: { $lte: ['$runAt', inMs(withinMs)] } }
  const hasFailed = { $or: [{ attempts: { $gt: 0 } }, { lastError: { $ne: null } }] }
  const isBusy = { $or: [{ state: { $ne: 'pending' as const } }, hasFailed, isDue] }
  const filter = { $or: [{ _id: { $in: keys } }, { _id: looks, ...isBusy }] }
  return (await jobs.findOne(filter, { projection: { _id: 1 } })) !== null
}

async function listDead(jobs: Collection<JobDoc>, limit: number): Promise<DeadJob[]> {
  const docs = await jobs.find({ state: 'dead' }).sort({ runAt: -1 }).limit(limit).toArray()
  return docs.map((doc) => ({
    key: doc._id,
    type: doc.type,
    attempts: doc.attempts,
    lastError: doc.lastError,
    diedAt: doc.runAt,
  }))
}

interface StateCount {
  _id: JobDoc['state']
  count: number
  lagMs: number
}

async function count(jobs: Collection<JobDoc>): Promise<JobCounts> {
  const states = await jobs
    .aggregate<StateCount>([
      { $sort: { state: 1, runAt: 1 } },
      { $group: { _id: '$state', count: { $sum: 1 }, oldest: { $min: '$runAt' } } },
      { $project: { count: 1, lagMs: { $toDouble: { $subtract: ['$$NOW', '$oldest'] } } } },
    ])
    .toArray()
  const counts: JobCounts = { pending: 0, running: 0, dead: 0, lagMs: 0 }
  for (const state of states) {
    counts[state._id] = state.count
    if (state._id !== 'dead') counts.lagMs = Math.max(counts.lagMs, state.lagMs)
  }
  return counts
}
