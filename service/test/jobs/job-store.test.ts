import t from 'tap'
import { jobCollection, claimable, type ClaimedJob, type JobDoc } from '../../stores/job-store.js'
import { claimNote, openJobs } from './helper.js'

const { db, store } = await openJobs(t)
const jobs = jobCollection(db)

t.beforeEach(async () => {
  await jobs.deleteMany({})
})

async function enqueue(key: string, delayMs: number, promiseMs: number | null = null): Promise<void> {
  await store.enqueue([{ key, delayMs, promiseMs }])
}

async function getRow(key: string): Promise<JobDoc> {
  const row = await jobs.findOne({ _id: key })
  if (!row) throw new Error(`No row ${key}`)
  return row
}

/** When the row is due, counted from the enqueue that wrote it last. */
function dueAfterMs(row: JobDoc): number {
  return row.runAt.getTime() - row.enqueuedAt.getTime()
}

async function getClaimed(leaseMs?: number): Promise<ClaimedJob> {
  const job = await claimNote(store, leaseMs)
  if (!job) throw new Error('Nothing to claim')
  return job
}

t.test('many requests for one key are one row that never becomes due later', async (t) => {
  await enqueue('note:7:3', 5_000)
  const first = await getRow('note:7:3')
  await enqueue('note:7:3', 60_000)
  const later = await getRow('note:7:3')
  await enqueue('note:7:3', 1_000)
  const sooner = await getRow('note:7:3')

  t.equal(dueAfterMs(first), 5_000)
  t.same(later.runAt, first.runAt)
  t.equal(dueAfterMs(sooner), 1_000)
  t.match(sooner, { generation: 3, state: 'pending', type: 'note', attempts: 0 })
  t.equal(await jobs.countDocuments(), 1)
})

t.test('64 first requests for one key at once are one row', async (t) => {
  await Promise.all(Array.from({ length: 64 }, () => enqueue('note:7:3', 0)))

  t.equal((await getRow('note:7:3')).generation, 64)
})

t.test('a key with a dollar sign is text', async (t) => {
  await enqueue('note:$fence:$$NOW', 0)
  await enqueue('$type:7', 0)

  t.equal((await getClaimed()).key, 'note:$fence:$$NOW')
  t.equal((await getRow('$type:7')).type, '$type')
})

t.test('claims go by due time, and only to due jobs of the types asked for', async (t) => {
  await enqueue('note:7:1', -10_000)
  await enqueue('note:7:2', -30_000)
  await enqueue('note:7:3', 60_000)
  await enqueue('poll:7:4', -60_000)

  t.equal((await claimNote(store))?.key, 'note:7:2')
  t.equal((await claimNote(store))?.key, 'note:7:1')
  t.equal(await claimNote(store), null)
})

t.test('a claim reads one index entry, however many jobs wait', async (t) => {
  await store.enqueue(
    Array.from({ length: 500 }, (_, mrIid) => ({
      key: `note:7:${mrIid}`,
      delayMs: mrIid < 20 ? 0 : 60_000,
      promiseMs: null,
    })),
  )

  const plan = await jobs
    .find(claimable(['note']))
    .sort({ runAt: 1 })
    .limit(1)
    .explain('executionStats')

  t.match(plan, { executionStats: { totalKeysExamined: 1, totalDocsExamined: 1 } })
})

t.test('a finished job leaves no row', async (t) => {
  await enqueue('note:7:3', 0)

  t.equal(await store.complete(await getClaimed()), 'done')
  t.equal(await jobs.countDocuments(), 0)
})

t.test('a job asked for while it runs runs again, at the earliest time asked for', async (t) => {
  await enqueue('note:7:3', 0)
  const job = await getClaimed()
  await enqueue('note:7:3', 4_000)
  await enqueue('note:7:3', 1_000)
  await enqueue('note:7:3', 9_000)
  const asked = await getRow('note:7:3')

  t.equal(await claimNote(store), null, 'one claim at a time')
  t.equal(await store.complete(job), 'again')
  const row = await getRow('note:7:3')
  t.same(row.runAt, asked.nextRunAt)
  t.match(row, { state: 'pending', nextRunAt: null, lockedBy: null, generation: 4 })
})

t.test('a promised start is kept although another request makes the job run sooner', async (t) => {
  await enqueue('note:7:3', 60_000, 60_000)
  const promised = (await getRow('note:7:3')).promisedAt
  await enqueue('note:7:3', 0)

  t.equal(await store.complete(await getClaimed()), 'again')
  t.match(await getRow('note:7:3'), { state: 'pending', runAt: promised, promisedAt: promised })

  await jobs.updateOne({ _id: 'note:7:3' }, { $set: { runAt: new Date(0), promisedAt: new Date(0) } })
  t.equal(await store.complete(await getClaimed()), 'done')
})

t.test('a rescheduled job keeps an earlier request made during the run', async (t) => {
  await enqueue('note:7:3', 0)
  await store.reschedule(await getClaimed(), -1)
  const job = await getClaimed()
  await enqueue('note:7:3', 1_000)
  const asked = await getRow('note:7:3')

  t.equal(await store.reschedule(job, 30_000), true)

  t.same((await getRow('note:7:3')).runAt, asked.nextRunAt)
})

t.test(
  'after the lease ends another claim gets a higher fence and the first is refused everything',
  async (t) => {
    await enqueue('note:7:3', 0)
    const zombie = await getClaimed(-1)
    const heir = await getClaimed()

    t.ok(heir.fence > zombie.fence)
    t.equal(heir.attempts, 1, 'a lost lease counts as a try')
    t.equal(await store.renew(zombie, 15_000), false)
    t.equal(await store.reschedule(zombie, 0), false)
    t.equal(await store.release(zombie), false)
    t.equal(
      await store.fail(zombie, { message: 'late', delayMs: 0, freshDelayMs: 0, isCounted: true }),
      false,
    )
    t.equal(await store.complete(zombie), 'lost')
    t.equal(await store.complete(heir), 'done')
  },
)

t.test('a renewed lease is not claimed', async (t) => {
  await enqueue('note:7:3', 0)
  const job = await getClaimed(-1)

  t.equal(await store.renew(job, 15_000), true)
  t.equal(await claimNote(store), null)
})

t.test('fences grow over rows that were deleted between', async (t) => {
  const fences: number[] = []
  for (let round = 0; round < 5; round += 1) {
    await enqueue('note:7:3', 0)
    const job = await getClaimed()
    fences.push(job.fence)
    await store.complete(job)
  }

  t.same(
    fences,
    [...new Set(fences)].sort((a, b) => a - b),
  )
})

t.test(
  'a failed job waits, and a new request starts the ladder anew but not before the first step',
  async (t) => {
    await enqueue('note:7:3', 0)
    await store.fail(await getClaimed(), {
      message: 'HTTP 500',
      delayMs: 300_000,
      freshDelayMs: 10_000,
      isCounted: true,
    })
    const failed = await getRow('note:7:3')
    await enqueue('note:7:3', 0)
    const asked = await getRow('note:7:3')

    t.match(failed, { state: 'pending', attempts: 1, lastError: 'HTTP 500' })
    t.equal(failed.runAt.getTime() - (failed.notBefore?.getTime() ?? 0), 290_000)
    t.same(asked.runAt, failed.notBefore)
    t.equal(asked.attempts, 0)
  },
)

t.test('a job that gave up is dead until somebody asks again', async (t) => {
  await enqueue('note:7:3', 0)
  await store.fail(await getClaimed(), {
    message: 'refused',
    delayMs: null,
    freshDelayMs: -1,
    isCounted: true,
  })

  t.equal(await claimNote(store), null)
  t.match(await store.listDead(10), [{ key: 'note:7:3', attempts: 1, lastError: 'refused' }])
  t.match(await store.count(), { pending: 0, running: 0, dead: 1, lagMs: 0 })

  await enqueue('note:7:3', 0)
  t.match(await getClaimed(), { key: 'note:7:3', attempts: 0 })
})

t.test('a job that gives up after somebody asked again is tried again', async (t) => {
  await enqueue('note:7:3', 0)
  const asked = await getClaimed()
  await enqueue('note:7:3', 0)
  await store.fail(asked, { message: 'refused', delayMs: null, freshDelayMs: 10_000, isCounted: true })
  t.match(await getRow('note:7:3'), { state: 'pending', attempts: 1 })

  await enqueue('note:7:4', 0, 60_000)
  await store.fail(await getClaimed(), {
    message: 'refused',
    delayMs: null,
    freshDelayMs: 10_000,
    isCounted: true,
  })
  t.match(await getRow('note:7:4'), { state: 'pending' }, 'a promised start is such a request')
})

t.test('readiness sees how long the oldest job has been due', async (t) => {
  await enqueue('note:7:1', 60_000)
  t.equal((await store.count()).lagMs, 0)

  await enqueue('note:7:2', -5_000)
  await enqueue('note:7:3', 0)
  await getClaimed()
  const late = await store.count()
  t.match(late, { pending: 2, running: 1 })

  await enqueue('note:7:4', -5_000)
  t.ok((await store.count()).lagMs >= 5_000)
})

t.test(
  'waiting for a limit is no try: a job that nobody else asked for keeps the tries it had',
  async (t) => {
    await enqueue('note:7:3', 0)
    for (let round = 0; round < 8; round += 1) {
      const job = await getClaimed()
      t.equal(job.attempts, 0)
      await store.fail(job, { message: '429', delayMs: 0, freshDelayMs: -1, isCounted: false })
    }

    t.match(await getRow('note:7:3'), { state: 'pending', attempts: 0, lastError: '429' })
    t.equal(await store.isUnderWay({ keys: [], looks: 'note:7:3', withinMs: -60_000 }), true)
  },
)
