import { MongoClient } from 'mongodb'
import type { WriteNoteRequest } from '../../jobs/note-writer.js'
import { createTestWriter } from './note-world.js'

/** A service process that writes one note; the answer is held back until it is killed. */
const [databaseUrl = '', gitlabUrl = '', token = '', request = ''] = process.argv.slice(2)
const client = await new MongoClient(databaseUrl).connect()
const writer = createTestWriter({ db: client.db(), gitlabUrl, token, clock: () => new Date() })
await writer.writeNote({
  ...(JSON.parse(request) as Omit<WriteNoteRequest, 'remainingLeaseMs'>),
  remainingLeaseMs: () => 600_000,
})
