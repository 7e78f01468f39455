import type { Db } from 'mongodb'
import { durable } from './database.js'

/** What was deleted, by whom, when and from where. It outlives what it speaks of. */
export interface AuditLine {
  action: 'model_deleted' | 'project_deleted' | 'person_deleted'
  at: Date
  /** Null for a person. */
  projectId: string | null
  /** The project's path, with the model's name where one was deleted; of a person nothing. */
  subject: string
  /** Null once the person has deleted their own data. */
  by: { gitlabUserId: number; username: string } | null
  /** The address that asked; null where the person is gone. */
  from: string | null
}

export function createAuditStore(db: Db) {
  const lines = db.collection<AuditLine>('audit', { writeConcern: durable })

  async function record(line: AuditLine): Promise<void> {
    await lines.insertOne({ ...line })
  }

  /** Makes the person's own lines anonymous. */
  async function forgetPerson(gitlabUserId: number): Promise<void> {
    await lines.updateMany({ 'by.gitlabUserId': gitlabUserId }, { $set: { by: null, from: null } })
  }

  return { record, forgetPerson }
}

export type AuditStore = ReturnType<typeof createAuditStore>
