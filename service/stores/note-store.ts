import { type Collection, type Db, ObjectId } from 'mongodb'
import { durable, isDuplicateKey } from './database.js'

/** A call to GitLab that was begun and whose outcome is not written down: still under way, or its process died. */
export interface PendingCall {
  kind: 'create' | 'edit'
  at: Date
}

/** A note of ours that its later poster may not edit. */
export interface SupersededNote {
  noteId: number
  authorId: number | null
  at: Date
  /** Whether it says where the current one is; absent: no. */
  leadsOn?: boolean
  /** How often that was tried. */
  tries?: number
}

/** What is known of the one note on a merge request. */
export interface NoteRow {
  projectId: string
  mrIid: number
  /** Of the claim that took the row last. */
  fence: number
  /** The attempt that took the row last; no other writes to it. */
  owner: ObjectId
  noteId: number | null
  /** In the note's marker; written before the note is created, so that it can be found again. */
  nonce: string | null
  authorId: number | null
  bodyHash: string | null
  pendingCall: PendingCall | null
  /** When to look again for a note that a call of unknown outcome may have made late. */
  checkAt: Date | null
  /** The newest writes, oldest first. */
  writes: Date[]
  superseded: SupersededNote[]
}

interface NoteDoc extends NoteRow {
  _id: string
  schema: 1
}

export interface NoteKey {
  projectId: string
  mrIid: number
}

export type NoteChange = Partial<Omit<NoteRow, keyof NoteKey | 'fence' | 'owner'>>

/** Another claim has taken the note: whoever gets this stops at once. Trying again is right, a bit later. */
export class NoteTakenError extends Error {
  readonly retryAfterMs = 2_000

  constructor({ projectId, mrIid }: NoteKey, fence: number) {
    super(
      `The note of merge request ${mrIid} in project ${projectId} was taken by a claim later than ${fence}`,
    )
    this.name = 'NoteTakenError'
  }
}

export function noteCollection(db: Db): Collection<NoteDoc> {
  return db.collection<NoteDoc>('notes', { writeConcern: durable })
}

export type NoteStore = ReturnType<typeof createNoteStore>

/** One row per merge request, written only by the last attempt of the claim with the highest fence. */
export function createNoteStore(db: Db) {
  const notes = noteCollection(db)
  return {
    find: (key: NoteKey) => find(notes, key),
    /** Makes this attempt the row's owner.
     * @throws NoteTakenError if a later claim has it. */
    take: (key: NoteKey, fence: number) => take(notes, key, fence),
    /** @throws NoteTakenError if another attempt has taken the row since. */
    change: (row: NoteRow, fields: NoteChange) => change(notes, row, fields),
    /** When the note was written, oldest first; only the newest times are kept. */
    async listWrites(projectId: string, mrIid: number): Promise<Date[]> {
      return (await find(notes, { projectId, mrIid }))?.writes ?? []
    },
  }
}

function idOf({ projectId, mrIid }: NoteKey): string {
  return `${projectId}:${mrIid}`
}

async function find(notes: Collection<NoteDoc>, key: NoteKey): Promise<NoteRow | null> {
  return await notes.findOne({ _id: idOf(key) })
}

async function take(notes: Collection<NoteDoc>, key: NoteKey, fence: number): Promise<NoteRow> {
  try {
    const doc = await notes.findOneAndUpdate(
      { _id: idOf(key), fence: { $lte: fence } },
      { $set: { fence, owner: new ObjectId() }, $setOnInsert: emptyRow(key) },
      { upsert: true, returnDocument: 'after' },
    )
    if (doc !== null) return doc
  } catch (error) {
    // The row is there and did not match: its fence is higher.
    if (!isDuplicateKey(error)) throw error
  }
  throw new NoteTakenError(key, fence)
}

function emptyRow({ projectId, mrIid }: NoteKey): Omit<NoteDoc, '_id' | 'fence' | 'owner'> {
  return {
    schema: 1,
    projectId,
    mrIid,
    noteId: null,
    nonce: null,
    authorId: null,
    bodyHash: null,
    pendingCall: null,
    checkAt: null,
    writes: [],
    superseded: [],
  }
}

async function change(notes: Collection<NoteDoc>, row: NoteRow, fields: NoteChange): Promise<NoteRow> {
  const { matchedCount } = await notes.updateOne({ _id: idOf(row), owner: row.owner }, { $set: fields })
  if (matchedCount === 0) throw new NoteTakenError(row, row.fence)
  return { ...row, ...fields }
}
