import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ConfigError, readConfig } from '../service/config.js'
import { keptSecret, tellDatabase, untellDatabase } from './data-folder.js'
import { startMongod, type Mongod } from './mongod.js'
import { supervise } from './supervise.js'

/**
 * `npm start`: the service with a mongod of its own, unless MONGODB_URL is set. What is to be kept lies in
 * `.data` of the checkout, or in the folder that is given as the only argument.
 */

const root = fileURLToPath(new URL('..', import.meta.url))
const data = process.argv[2] ?? join(root, '.data')
const server = join(root, 'service', 'server.ts')

process.exitCode = await start()

async function start(): Promise<number> {
  if (existsSync(join(root, '.env'))) process.loadEnvFile(join(root, '.env'))
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    SESSION_SECRET: process.env.SESSION_SECRET || (await keptSecret(data)),
  }
  try {
    readConfig({ ...env, MONGODB_URL: env.MONGODB_URL || 'mongodb://127.0.0.1' })
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    process.stderr.write(`${error.message}\n`)
    return 1
  }
  const mongod = env.MONGODB_URL ? null : await startMongod({ dataDir: join(data, 'mongodb') })
  try {
    if (mongod !== null) await tellDatabase(data, mongod.url)
    return await serve({ ...env, MONGODB_URL: env.MONGODB_URL || mongod?.url }, mongod)
  } finally {
    if (mongod !== null) await untellDatabase(data)
    await mongod?.stop()
  }
}

async function serve(env: NodeJS.ProcessEnv, mongod: Mongod | null): Promise<number> {
  const service = await supervise([process.execPath, '--import', 'tsx', server], { signal: 'TERM', env })
  let asked = false
  let hasEnded = false
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      asked = true
      void service.stop()
    })
  }
  void mongod?.ended.then(() => {
    if (!asked && !hasEnded) {
      const log = join(data, 'mongodb', 'mongod.log')
      process.stderr.write(`mongod has ended, and the service with it. What it said last is in ${log}.\n`)
    }
    return service.stop()
  })
  const code = await service.ended
  hasEnded = true
  return asked ? code : code || 1
}
