import { MongoClient } from 'mongodb'
import { createQueue } from '../../jobs/queue.js'
import { createWorker } from '../../jobs/worker.js'
import { createJobStore } from '../../stores/job-store.js'
import { silent } from './helper.js'

/** A service process that takes a job and never finishes it: says the fence and waits to be killed. */
const client = await new MongoClient(process.argv[2] ?? '').connect()
const store = createJobStore(client.db())
function monotonicNowMs(): number {
  return performance.now()
}
createWorker({
  store,
  queue: createQueue({ store, monotonicNowMs }),
  handlers: {
    note: async (_job, { fence }) => {
      process.stdout.write(`${fence}\n`)
      return await new Promise(() => {})
    },
  },
  concurrency: 1,
  leaseMs: 900,
  processId: 'killed',
  log: silent,
  monotonicNowMs,
}).start()
