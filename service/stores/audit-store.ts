import type { Db } from 'mongodb'
import { durable } from './database.js'

export type AuditAction =
  | 'model_deleted'
  | 'project_deleted'
  | 'person_deleted'
  | 'project_disconnected'
  | 'secrets_rotated'
  | 'consent_dropped'
  | 'own_bot_dropped'
  | 'fork_reports_allowed'
  | 'fork_reports_refused'

/** What was deleted or changed, by whom, when and from where. It outlives what it speaks of. */
export interface AuditLine {
  action: AuditAction
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

  /** The newest first. */
  async function list(projectId: string, limit: number): Promise<AuditLine[]> {
    return lines
      .find({ projectId }, { projection: { _id: 0 } })
      .sort({ at: -1 })
      .limit(limit)
      .toArray()
  }

  return { record, forgetPerson, list }
}

export type AuditStore = ReturnType<typeof createAuditStore>
