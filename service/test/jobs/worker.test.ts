import { spawn } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { createQueue } from '../../jobs/queue.js'
import { createWorker, type JobContext, type JobHandler, type WorkerOptions } from '../../jobs/worker.js'
import { jobCollection, type JobDoc } from '../../stores/job-store.js'
import { openJobs, silent, until } from './helper.js'

const { db, url, store } = await openJobs(t)
const jobs = jobCollection(db)

t.beforeEach(async () => {
  await jobs.deleteMany({})
})

function monotonicNowMs(): number {
  return performance.now()
}

function startWorker(t: Test, note: JobHandler, options: Partial<WorkerOptions> = {}) {
  const queue = createQueue({ store, monotonicNowMs })
  const worker = createWorker({
    store,
    queue,
    handlers: { note },
    concurrency: 4,
    processId: 'test',
    log: silent,
    monotonicNowMs,
    random: () => 0.5,
    ...options,
  })
  worker.start()
  t.teardown(() => worker.stop({ graceMs: 0 }))
  return { worker, queue }
}

async function findRow(key: string): Promise<JobDoc | null> {
  return await jobs.findOne({ _id: key })
}

async function isIdle(): Promise<boolean> {
  return (await jobs.countDocuments()) === 0
}

function hanging(contexts: JobContext[]): JobHandler {
  return async (_job, context) => {
    contexts.push(context)
    return await new Promise((_resolve, reject) => {
      context.signal.addEventListener('abort', () => reject(context.signal.reason))
    })
  }
}

t.test('8 workers run each of 200 jobs exactly once', async (t) => {
  const runs = new Map<string, number>()
  const keys = Array.from({ length: 200 }, (_, mrIid) => `note:7:${mrIid}`)
  await createQueue({ store, monotonicNowMs }).enqueue(keys)

  for (let process = 0; process < 8; process += 1) {
    startWorker(t, async ({ key }) => {
      runs.set(key, (runs.get(key) ?? 0) + 1)
      return { kind: 'done' }
    })
  }
  await until(isIdle)

  t.equal(runs.size, 200)
  t.ok([...runs.values()].every((count) => count === 1))
})

t.test('a job of this process runs when it is due, not at the next poll', async (t) => {
  const startedAtMs: number[] = []
  const { queue } = startWorker(
    t,
    async () => {
      startedAtMs.push(performance.now())
      return { kind: 'done' }
    },
    { pollMs: 600_000 },
  )

  const askedAtMs = performance.now()
  await queue.enqueue('note:7:1', { delayMs: 120 })
  await until(() => startedAtMs.length === 1)

  t.ok((startedAtMs[0] ?? 0) - askedAtMs >= 120)
})

t.test('a job of another process is found by polling', async (t) => {
  const { worker } = startWorker(t, async () => ({ kind: 'done' }), { pollMs: 20 })

  await createQueue({ store, monotonicNowMs }).enqueue('note:7:1')
  await until(isIdle)

  await worker.stop({ graceMs: 0 })
  t.pass('the row is gone')
})

t.test('a request during a run makes the job run again with a higher fence', async (t) => {
  const fences: number[] = []
  const { queue } = startWorker(t, async ({ key }, { fence }) => {
    fences.push(fence)
    if (fences.length === 1) await queue.enqueue(key)
    return { kind: 'done' }
  })

  await queue.enqueue('note:7:1')
  await until(async () => fences.length > 0 && (await isIdle()))

  t.equal(fences.length, 2)
  t.ok((fences[1] ?? 0) > (fences[0] ?? 0))
})

t.test('a job may ask to run again', async (t) => {
  let runs = 0
  const { queue } = startWorker(
    t,
    async () => {
      runs += 1
      return runs < 3 ? { kind: 'again', inMs: 20 } : { kind: 'done' }
    },
    { pollMs: 600_000 },
  )

  await queue.enqueue('note:7:1')
  await until(async () => runs > 0 && (await isIdle()))

  t.equal(runs, 3)
})

t.test('a thrown error is kept and tried again after the first step', async (t) => {
  const { queue } = startWorker(t, async () => {
    throw new Error('HTTP 500')
  })

  await queue.enqueue('note:7:1')
  await until(async () => (await findRow('note:7:1'))?.attempts === 1)

  const row = await findRow('note:7:1')
  t.match(row, { state: 'pending', lastError: 'HTTP 500', lockedBy: null })
  const inMs = (row?.runAt.getTime() ?? 0) - (row?.enqueuedAt.getTime() ?? 0)
  t.ok(inMs >= 10_000 && inMs < 20_000)
})

t.test('an error that no repeat can mend leaves a dead job, which a new request revives', async (t) => {
  let isMended = false
  const { queue } = startWorker(t, async () => {
    if (!isMended) throw Object.assign(new Error('the project is gone'), { retryable: false })
    return { kind: 'done' }
  })
  await queue.enqueue('note:7:1')
  await until(async () => (await store.listDead(10)).length === 1)
  t.match(await store.listDead(10), [{ key: 'note:7:1', lastError: 'the project is gone' }])

  isMended = true
  // Not before the first step of the ladder: ten seconds are not waited for here.
  await jobs.updateOne({ _id: 'note:7:1' }, { $set: { notBefore: null } })
  await queue.enqueue('note:7:1')
  await until(isIdle)
})

t.test('a long run keeps its lease', async (t) => {
  const contexts: JobContext[] = []
  const { queue } = startWorker(t, hanging(contexts), { leaseMs: 1_500 })
  startWorker(t, hanging(contexts), { leaseMs: 1_500, pollMs: 10 })
  await queue.enqueue('note:7:1')
  await until(() => contexts.length === 1)
  const first = (await findRow('note:7:1'))?.runAt.getTime() ?? 0

  await until(async () => ((await findRow('note:7:1'))?.runAt.getTime() ?? 0) >= first + 1_500)

  t.equal(contexts.length, 1)
  t.ok((contexts[0]?.remainingLeaseMs() ?? 0) > 0)
  t.notOk(contexts[0]?.signal.aborted)
})

t.test('a run whose row was taken is aborted and changes nothing', async (t) => {
  const contexts: JobContext[] = []
  const { queue } = startWorker(t, hanging(contexts), { leaseMs: 1_500 })
  await queue.enqueue('note:7:1')
  await until(() => contexts.length === 1)

  await jobs.updateOne({ _id: 'note:7:1' }, { $inc: { fence: 1 }, $set: { runAt: new Date('2999-01-01') } })
  await until(() => contexts[0]?.signal.aborted === true)

  t.match(await findRow('note:7:1'), { state: 'running', attempts: 0, runAt: new Date('2999-01-01') })
})

t.test('the job of a killed process is taken over with a higher fence', async (t) => {
  await createQueue({ store, monotonicNowMs }).enqueue('note:7:1')
  const script = fileURLToPath(new URL('claim-and-hang.ts', import.meta.url))
  const child = spawn(process.execPath, ['--import', 'tsx', script, url], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, NODE_OPTIONS: '' },
  })
  t.teardown(() => child.kill('SIGKILL'))
  const [line] = await once(child.stdout, 'data')
  const zombieFence = Number(line)

  child.kill('SIGKILL')
  await once(child, 'exit')
  const fences: number[] = []
  startWorker(
    t,
    async (_job, { fence }) => {
      fences.push(fence)
      return { kind: 'done' }
    },
    { pollMs: 20 },
  )
  await until(isIdle)

  t.equal(fences.length, 1)
  t.ok((fences[0] ?? 0) > zombieFence)
  const zombie = {
    key: 'note:7:1',
    type: 'note',
    generation: 1,
    fence: zombieFence,
    attempts: 0,
    eventUuid: null,
  }
  t.equal(await store.complete(zombie), 'lost')
})

t.test('a job that ends its process in every try becomes dead', async (t) => {
  const { queue } = startWorker(t, async () => ({ kind: 'done' }), { pollMs: 20 })
  await queue.enqueue('note:7:1', { delayMs: 60_000 })

  await jobs.updateOne(
    { _id: 'note:7:1' },
    { $set: { state: 'running', attempts: 4, runAt: new Date(0), lockedBy: 'killed' } },
  )
  await until(async () => (await store.listDead(1)).length === 1)

  t.match(await store.listDead(1), [{ lastError: /died or hung/ }])
})

t.test('a stop lets running jobs finish and claims no more', async (t) => {
  const order: string[] = []
  const doors = new EventEmitter()
  const { worker, queue } = startWorker(
    t,
    async ({ key }) => {
      order.push(`start ${key}`)
      await once(doors, 'open')
      order.push(`end ${key}`)
      return { kind: 'done' }
    },
    { concurrency: 1 },
  )
  await queue.enqueue('note:7:1')
  await until(() => order.length === 1)
  await queue.enqueue('note:7:2')

  const stopped = worker.stop({ graceMs: 60_000 })
  doors.emit('open')
  await stopped

  t.same(order, ['start note:7:1', 'end note:7:1'])
  t.match(await jobs.find().toArray(), [{ _id: 'note:7:2', state: 'pending' }])
})

t.test('a stop gives back what does not finish in time, at no cost of a try', async (t) => {
  const contexts: JobContext[] = []
  const { worker, queue } = startWorker(t, hanging(contexts))
  await queue.enqueue('note:7:1')
  await until(() => contexts.length === 1)

  await worker.stop({ graceMs: 10 })

  t.match(await findRow('note:7:1'), { state: 'pending', attempts: 0, lockedBy: null })
})
