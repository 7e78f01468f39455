import { EventEmitter, once } from 'node:events'
import t from 'tap'
import { createQueue } from '../../jobs/queue.js'
import type { EnqueueRequest, JobStore } from '../../stores/job-store.js'
import { jobCollection } from '../../stores/job-store.js'
import { claimNote, openJobs } from './helper.js'

const { db, store } = await openJobs(t)

t.beforeEach(async () => {
  await jobCollection(db).deleteMany({})
})

/** A queue on the real store with a clock moved by hand, whose writes can be held back and are written down. */
function createObserved() {
  const writes: EnqueueRequest[][] = []
  const clock = { nowMs: 5_000 }
  const gate: { passed: Promise<unknown> } = { passed: Promise.resolve() }
  const enqueue: JobStore['enqueue'] = async (requests) => {
    writes.push([...requests])
    await gate.passed
    await store.enqueue(requests)
  }
  const queue = createQueue({ store: { enqueue }, monotonicNowMs: () => clock.nowMs })
  function hold(): () => void {
    const held = new EventEmitter()
    gate.passed = once(held, 'open')
    return () => held.emit('open')
  }
  return { queue, writes, clock, hold }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}

t.test('requests of one turn share one write', async (t) => {
  const { queue, writes } = createObserved()

  await Promise.all([
    queue.enqueue('note:7:1', { delayMs: 500 }),
    queue.enqueue('note:7:1', { delayMs: 100 }),
    queue.enqueue(['note:7:2', 'note:7:3']),
  ])

  t.same(writes, [
    [
      { key: 'note:7:1', delayMs: 100, promiseMs: null, eventUuid: null },
      { key: 'note:7:2', delayMs: 0, promiseMs: null, eventUuid: null },
      { key: 'note:7:3', delayMs: 0, promiseMs: null, eventUuid: null },
    ],
  ])
  t.equal(await jobCollection(db).countDocuments(), 3)
})

t.test('a request is not acknowledged by a write that was sent before it', async (t) => {
  const { queue, writes, hold } = createObserved()
  const release = hold()
  const first = queue.enqueue('note:7:1')
  await nextTurn()
  const second = queue.enqueue('note:7:1')
  release()
  await Promise.all([first, second])

  t.equal(writes.length, 2)
  t.equal((await claimNote(store))?.generation, 2)
})

t.test('a covered request needs no write until 50 ms before the promised start', async (t) => {
  const { queue, writes, clock } = createObserved()

  await queue.enqueueCovered('note:7:1', { delayMs: 1_000 })
  clock.nowMs += 949
  await queue.enqueueCovered('note:7:1', { delayMs: 1_000 })
  t.equal(writes.length, 1)

  clock.nowMs += 1
  await queue.enqueueCovered('note:7:1', { delayMs: 1_000 })
  t.equal(writes.length, 2)
})

t.test('coverage counts from before the write was sent and is believed only when acknowledged', async (t) => {
  const { queue, writes, clock, hold } = createObserved()
  const release = hold()
  const first = queue.enqueueCovered('note:7:1', { delayMs: 1_000 })
  await nextTurn()
  clock.nowMs += 900
  let acknowledged = false
  const sharing = queue.enqueueCovered('note:7:1', { delayMs: 1_000 }).then(() => (acknowledged = true))
  await nextTurn()

  t.notOk(acknowledged, 'a request under a write in flight waits for it')
  release()
  await Promise.all([first, sharing])
  t.equal(writes.length, 1)

  clock.nowMs += 50
  await queue.enqueueCovered('note:7:1', { delayMs: 1_000 })
  t.equal(writes.length, 2)
})

t.test('a plain request is never covered, and never covers', async (t) => {
  const { queue, writes } = createObserved()

  await queue.enqueueCovered('note:7:1', { delayMs: 1_000 })
  await queue.enqueue('note:7:1', { delayMs: 1_000 })
  await queue.enqueue('note:7:2', { delayMs: 1_000 })
  await queue.enqueueCovered('note:7:2', { delayMs: 1_000 })

  t.equal(writes.length, 4)
})

t.test('a later promise does not cover a request that wants to run sooner', async (t) => {
  const { queue, writes } = createObserved()

  await queue.enqueueCovered('note:7:1', { delayMs: 10_000 })
  await queue.enqueueCovered('note:7:1', { delayMs: 1_000 })

  t.equal(writes.length, 2)
})

t.test('a failed write fails its callers and covers nothing', async (t) => {
  const { clock } = createObserved()
  let fails = true
  const enqueue: JobStore['enqueue'] = async (requests) => {
    if (fails) throw new Error('no primary')
    await store.enqueue(requests)
  }
  const queue = createQueue({ store: { enqueue }, monotonicNowMs: () => clock.nowMs })

  await t.rejects(queue.enqueueCovered('note:7:1', { delayMs: 0 }), { message: 'no primary' })
  fails = false
  await queue.enqueueCovered('note:7:1', { delayMs: 0 })

  t.equal((await claimNote(store))?.key, 'note:7:1')
})

t.test('listeners hear when a job of this process becomes due', async (t) => {
  const { queue } = createObserved()
  const heard: number[] = []
  const stopListening = queue.onDue((inMs) => heard.push(inMs))

  await queue.enqueue('note:7:1', { delayMs: 700 })
  stopListening()
  await queue.enqueue('note:7:1')

  t.same(heard, [700])
})

t.test('the memory of covered keys is bounded', async (t) => {
  let written = 0
  const enqueue: JobStore['enqueue'] = async (requests) => {
    written += requests.length
  }
  const queue = createQueue({ store: { enqueue }, monotonicNowMs: () => 0 })
  const keys = Array.from({ length: 10_001 }, (_, mrIid) => `note:7:${mrIid}`)

  await queue.enqueueCovered(keys, { delayMs: 1_000 })
  await queue.enqueueCovered(keys, { delayMs: 1_000 })

  t.equal(written, 10_002, 'only the oldest key was forgotten')
})
