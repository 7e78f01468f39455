import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { MongoClient } from 'mongodb'

const pingWithinMs = 2_000

/** The secret of the service whose data is here, made at the first start. */
export async function keptSecret(data: string): Promise<string> {
  const file = join(data, 'session-secret')
  if (!existsSync(file)) {
    await mkdir(data, { recursive: true })
    await writeFile(file, randomBytes(32).toString('hex'), { mode: 0o600 })
  }
  return readFile(file, 'utf8')
}

/** Says to other processes where the database of this folder answers. */
export async function tellDatabase(data: string, url: string): Promise<void> {
  await writeFile(addressFile(data), url, { mode: 0o600 })
}

export async function untellDatabase(data: string): Promise<void> {
  await rm(addressFile(data), { force: true })
}

/** Where the database of this folder answers now; null where it does not run. */
export async function findDatabase(data: string): Promise<string | null> {
  if (!existsSync(addressFile(data))) return null
  const url = await readFile(addressFile(data), 'utf8')
  const client = new MongoClient(url, { serverSelectionTimeoutMS: pingWithinMs })
  try {
    await client.db('admin').command({ ping: 1 })
    return url
  } catch {
    return null // Left behind by a start that was killed.
  } finally {
    await client.close()
  }
}

function addressFile(data: string): string {
  return join(data, 'mongodb-url')
}
