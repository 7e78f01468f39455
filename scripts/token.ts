import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findDatabase, keptSecret } from '../embedded/data-folder.js'
import { startMongod } from '../embedded/mongod.js'

/**
 * `npm run token -- <GitLab user id>`: makes a personal token in the database of MONGODB_URL, else in the one that
 * `npm start` keeps in `.data`, whether it runs or not. MLMM_DATA names another folder than `.data`.
 */

const root = fileURLToPath(new URL('..', import.meta.url))

await main()

async function main(): Promise<void> {
  if (existsSync(join(root, '.env'))) process.loadEnvFile(join(root, '.env'))
  const data = process.env.MLMM_DATA || join(root, '.data')
  process.env.SESSION_SECRET ||= await keptSecret(data)
  if (process.env.MONGODB_URL) return run()
  if (!existsSync(join(data, 'mongodb'))) {
    process.exitCode = 1
    process.stderr.write(
      `There is no database: MONGODB_URL is not set, and npm start has made none in ${data}. Set MONGODB_URL, or run npm start once.\n`,
    )
    return
  }
  const running = await findDatabase(data)
  if (running !== null) return run(running)
  const mongod = await startMongod({ dataDir: join(data, 'mongodb') })
  try {
    await run(mongod.url)
  } finally {
    await mongod.stop()
  }
}

/** The command reads its arguments and the environment itself. */
async function run(mongodbUrl?: string): Promise<void> {
  if (mongodbUrl !== undefined) process.env.MONGODB_URL = mongodbUrl
  await import('../service/token.js')
}
