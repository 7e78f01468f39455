import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import closeWithGrace from 'close-with-grace'
import { type Logger, pino } from 'pino'
import { buildApp } from './app.js'
import { type Config, ConfigError, readConfig } from './config.js'
import { createAddresses } from './domain/addresses.js'
import { createGitLab } from './gitlab/client.js'
import { createSigningKeys, type StoredKeys } from './gitlab/keys.js'
import type { GitLab } from './gitlab/port.js'
import { createBaselinePools } from './jobs/baseline-pools.js'
import { createHookJob } from './jobs/hook.js'
import { jobKey } from './jobs/keys.js'
import { createNoteCheckJob } from './jobs/note-check.js'
import { createNoteJob } from './jobs/note.js'
import { createNoteWriter } from './jobs/note-writer.js'
import { createPipelineJob } from './jobs/pipeline.js'
import { createQueue, type Queue } from './jobs/queue.js'
import { createReconcileJob } from './jobs/reconcile.js'
import { createWorker } from './jobs/worker.js'
import { connectDatabase } from './stores/database.js'
import { ensureIndexes } from './stores/indexes.js'
import { createStores, type Stores } from './stores/stores.js'

const keysSetting = 'signingKeys'
const stopWithinMs = 10_000
const jobsAtOnce = 8

await main()

async function main(): Promise<void> {
  const config = configOrExit()
  const log = pino({
    level: config.logLevel,
    redact: ['req.headers.authorization', 'req.headers.cookie', 'token', 'code'],
  })
  const clock = () => new Date()
  const database = await connectDatabase(config.mongodbUrl)
  await ensureIndexes(database.db)
  const stores = createStores(database)
  const gitlab = createGitLab({ apiUrl: config.gitlab.apiUrl, token: config.gitlab.botToken })
  const keys = createSigningKeys({
    url: config.gitlab.jwksUrl,
    initial: (await stores.settings.find(keysSetting)) as StoredKeys | null,
    onChange: (changed) => {
      stores.settings
        .save(keysSetting, changed)
        .catch((err: unknown) => log.warn({ err }, 'Keys were not kept'))
    },
  })
  const queue = createQueue({ store: stores.jobs, monotonicNowMs: () => performance.now() })
  const ciTemplate = readFileSync(new URL('../ci-templates/templates/mlmm.yml', import.meta.url), 'utf8')
  const app = await buildApp({ config, stores, gitlab, keys, queue, clock, log, ciTemplate })
  const worker = buildWorker({ config, stores, gitlab, queue, clock, log })

  closeWithGrace({ delay: stopWithinMs + 5_000, logger: log }, async ({ err }) => {
    if (err) log.error({ err }, 'Stopping after an error')
    await worker.stop({ graceMs: stopWithinMs })
    await app.close()
    keys.close()
    await database.client.close()
  })
  worker.start()
  await queue.enqueue(jobKey.reconcile())
  const address = await app.listen({ host: config.host, port: config.port })
  log.info({ address, publicUrl: config.publicUrl }, 'Listening')
}

function configOrExit(): Config {
  try {
    return readConfig(process.env)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    process.stderr.write(`${error.message}\n`)
    process.exit(78)
  }
}

interface Parts {
  config: Config
  stores: Stores
  gitlab: GitLab
  queue: Queue
  clock: () => Date
  log: Logger
}

function buildWorker({ config, stores, gitlab, queue, clock, log }: Parts) {
  const addresses = createAddresses(config.publicUrl)
  const writer = createNoteWriter({
    gitlab,
    store: stores.notes,
    signingKey: config.sessionSecret,
    clock,
    randomNonce: randomUUID,
  })
  const shared = { ...stores, gitlab, queue, clock, addresses, writer }
  const pools = createBaselinePools(shared)
  return createWorker({
    store: stores.jobs,
    queue,
    concurrency: jobsAtOnce,
    processId: randomUUID(),
    log,
    monotonicNowMs: () => performance.now(),
    handlers: {
      pipeline: createPipelineJob(shared),
      note: createNoteJob({ ...shared, pools }),
      'note-check': createNoteCheckJob(shared),
      hook: createHookJob({ ...shared, publicUrl: config.publicUrl }),
      reconcile: createReconcileJob(shared),
    },
  })
}
