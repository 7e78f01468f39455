import { connectDatabase } from '../../service/stores/database.js'
import { type DoctorContext, type Finding, findingsOf } from './finding.js'

const { ok, problem, skipped } = findingsOf('MongoDB')
const oldest = 6
const selectionTimeoutMs = 3_000

/** Whether the database answers, is new enough and a replica set. */
export async function checkDatabase({ config, hasDatabaseUrl }: DoctorContext): Promise<Finding[]> {
  if (!hasDatabaseUrl) {
    return [skipped('MONGODB_URL is not set: the database that comes with the start is asked by the service')]
  }
  try {
    return [await lookAt(config.mongodbUrl)]
  } catch (error) {
    const fix = 'start MongoDB, or put MONGODB_URL right'
    // What the driver says may hold the address with its password.
    return [
      problem(`it cannot be reached or refuses: ${error instanceof Error ? error.name : 'unknown'}`, fix),
    ]
  }
}

async function lookAt(url: string): Promise<Finding> {
  const { client, db } = await connectDatabase(url, { selectionTimeoutMs })
  try {
    const hello = await db.admin().command({ hello: 1 })
    const { version } = (await db.admin().buildInfo()) as unknown as { version: string }
    if (Number.parseInt(version) < oldest)
      return problem(`this is MongoDB ${version}`, `update it to ${oldest}.0 or newer`)
    const set = hello['setName'] as string | undefined
    if (set !== undefined) return ok(`${version}, replica set ${set}, database ${db.databaseName}`)
    return problem(
      'it is no replica set, and has no transactions',
      'start mongod with --replSet rs0 and run rs.initiate() once',
    )
  } finally {
    await client.close()
  }
}
