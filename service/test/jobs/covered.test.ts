import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { createQueue, type Queue } from '../../jobs/queue.js'
import { createWorker, type JobHandler } from '../../jobs/worker.js'
import { jobCollection } from '../../stores/job-store.js'
import { openJobs, seededRandom, silent, until } from './helper.js'

const { db, store } = await openJobs(t)
const uploads = db.collection<{ _id: string; key: string }>('uploads', {
  writeConcern: { w: 'majority', journal: true },
})
const mergeRequests = 100
const coverMs = 500

function monotonicNowMs(): number {
  return performance.now()
}

/** Like a real handler: every run reads the newest state once, at its start, then takes its time. */
function createReader(random: () => number) {
  const seen = new Set<string>()
  const read: JobHandler = async ({ key }) => {
    for (const { _id } of await uploads.find({ key }).toArray()) seen.add(_id)
    await delay(random() * 30)
    if (random() < 0.1) throw Object.assign(new Error('no luck'), { retryAfterMs: 1 })
    return random() < 0.1 ? { kind: 'again', inMs: random() * 100 } : { kind: 'done' }
  }
  return { seen, read }
}

function startProcess(t: Test, processId: string, note: JobHandler): Queue {
  const queue = createQueue({ store, monotonicNowMs })
  const worker = createWorker({
    store,
    queue,
    handlers: { note },
    concurrency: 8,
    processId,
    log: silent,
    monotonicNowMs,
  })
  worker.start()
  t.teardown(() => worker.stop({ graceMs: 0 }))
  return queue
}

/** A few uploads through either process, and between them somebody who wants the job to run at once. */
async function tell(key: string, queues: Queue[], random: () => number): Promise<number> {
  const count = 2 + Math.floor(random() * 4)
  await delay(random() * 2_000)
  for (let index = 0; index < count; index += 1) {
    const queue = queues[random() < 0.7 ? 0 : 1]
    await uploads.insertOne({ _id: `${key}-${index}`, key })
    await queue?.enqueueCovered(key, { delayMs: coverMs })
    if (random() < 0.4) await queue?.enqueue(key)
    await delay(random() * coverMs)
  }
  return count
}

t.test('every acknowledged upload is seen by a run that starts after it', async (t) => {
  await uploads.createIndex({ key: 1 })
  const random = seededRandom(20_261_123)
  const { seen, read } = createReader(random)
  const queues = ['a', 'b'].map((processId) => startProcess(t, processId, read))
  const keys = Array.from({ length: mergeRequests }, (_, mrIid) => `note:7:${mrIid}`)

  const counts = await Promise.all(keys.map((key) => tell(key, queues, random)))
  await until(async () => (await jobCollection(db).countDocuments()) === 0)

  const missed = (await uploads.find().toArray()).filter(({ _id }) => !seen.has(_id))
  t.same(missed, [])
  t.equal(
    seen.size,
    counts.reduce((sum, count) => sum + count, 0),
  )
})
