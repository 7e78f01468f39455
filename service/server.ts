import { readFileSync } from 'node:fs'
import closeWithGrace from 'close-with-grace'
import { pino } from 'pino'
import { buildApp } from './app.js'
import { type Config, ConfigError, readConfig } from './config.js'
import { createSigningKeys, type StoredKeys } from './gitlab/keys.js'
import { useOutboundProxy } from './gitlab/outbound-proxy.js'
import { buildWorker } from './jobs/build-worker.js'
import { jobKey } from './jobs/keys.js'
import { createQueue } from './jobs/queue.js'
import { createSpeakers } from './connection/speakers.js'
import { createPeople } from './people.js'
import { connectDatabase } from './stores/database.js'
import { ensureIndexes } from './stores/indexes.js'
import { createSealer } from './stores/sealing.js'
import { createStores } from './stores/stores.js'

const keysSetting = 'signingKeys'
const stopWithinMs = 10_000
const gitlabTimeoutMs = 8_000

await main()

function clock(): Date {
  return new Date()
}

async function main(): Promise<void> {
  const config = configOrExit()
  useOutboundProxy(process.env)
  const log = pino({
    level: config.logLevel,
    redact: ['req.headers.authorization', 'req.headers.cookie', 'token', 'code'],
  })
  const database = await connectDatabase(config.mongodbUrl)
  await ensureIndexes(database.db)
  const stores = createStores(database)
  const sealer = createSealer(config.encryptionKeys)
  const people = createPeople({ config, stores, sealer, timeoutMs: gitlabTimeoutMs, clock })
  const speakers = createSpeakers({ clients: people.clients, ...stores, sealer, clock, log })
  const { gitlab } = speakers
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
  const app = await buildApp({ config, stores, speakers, people, keys, queue, clock, log, ciTemplate })
  const worker = buildWorker({
    publicUrl: config.publicUrl,
    signingKey: config.sessionSecret,
    sealer,
    stores,
    gitlab,
    speakers,
    gitlabTimeoutMs,
    queue,
    clock,
    log,
  })

  closeWithGrace({ delay: stopWithinMs + 5_000, logger: log }, async ({ err }) => {
    if (err) log.error({ err }, 'Stopping after an error')
    await worker.stop({ graceMs: stopWithinMs })
    await app.close()
    keys.close()
    await database.client.close()
  })
  worker.start()
  await queue.enqueue([jobKey.reconcile(), jobKey.reseal()])
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
