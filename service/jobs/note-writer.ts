import type { GitLab } from '../gitlab/port.js'
import type { NoteKey, NoteRow, NoteStore } from '../stores/note-store.js'
import { type FindFormer, hasFormer, leadOn } from './former-notes.js'
import { bringAbout, isWritten, settleBefore, type NoteAttempt } from './note-attempt.js'
import { hashBody } from './note-marker.js'

export interface NoteWriterOptions {
  gitlab: Pick<GitLab, 'getSpeaker' | 'listNotes' | 'createNote' | 'editNote' | 'deleteNote'>
  findFormer: FindFormer
  store: NoteStore
  signingKey: Buffer | string
  clock: () => Date
  /** 8 to 64 letters and digits, never the same twice. */
  randomNonce: () => string
  /** The longest that a call to GitLab may take; nothing is written with less time left of the lease. */
  requestTimeoutMs: number
}

export interface CheckNoteRequest extends NoteKey {
  gitlabProjectId: number
  /** Of the claim of the job; a later claim always has a higher one. */
  fence: number
  remainingLeaseMs: () => number
}

export interface WriteNoteRequest extends CheckNoteRequest {
  /** Markdown without the marker. */
  body: string
}

export interface WrittenNote {
  kind: 'unchanged' | 'created' | 'edited' | 'adopted'
  noteId: number
  /** When to call `writeNote` or `checkNote` again, because a call's outcome was unknown. */
  checkAgainAfterMs: number | null
}

export interface CheckedNote {
  /** `stale`: the note is gone or says something else, so it has to be written anew. */
  kind: 'settled' | 'stale'
  checkAgainAfterMs: number | null
}

export interface NoteWriter {
  /**
   * Makes `body` the one note of the merge request: design.md §7, "One note, whatever happens".
   * @throws GitLabError, NoteTakenError, LeaseTooShortError; the next attempt finds out what became of this one.
   */
  writeNote(request: WriteNoteRequest): Promise<WrittenNote>
  /** Looks whether a call of unknown outcome made a second note late, or undid a later edit. */
  checkNote(request: CheckNoteRequest): Promise<CheckedNote>
}

export function createNoteWriter(options: NoteWriterOptions): NoteWriter {
  const { gitlab, store, clock } = options

  async function begin(request: CheckNoteRequest): Promise<NoteAttempt> {
    const row = await store.take(request, request.fence)
    const findAuthorId = async () => (await gitlab.getSpeaker(request.gitlabProjectId)).id
    return { ...options, request, findAuthorId, row, posts: 0, isAdopted: false }
  }

  return {
    async writeNote(request) {
      const known = await store.find(request)
      if (known !== null && isDone(known, request.body, clock())) {
        return written('unchanged', known, clock())
      }
      const attempt = await begin(request)
      await settleBefore(attempt, isCheckDue(attempt.row, clock()))
      const kind = await bringAbout(attempt, request.body)
      await leadOn(attempt)
      return written(attempt.isAdopted && kind !== 'created' ? 'adopted' : kind, attempt.row, clock())
    },
    async checkNote(request) {
      const known = await store.find(request)
      if (known === null || !isCheckDue(known, clock())) {
        return { kind: 'settled', checkAgainAfterMs: known && untilCheck(known, clock()) }
      }
      const attempt = await begin(request)
      const { bodyHash } = attempt.row
      await settleBefore(attempt, isCheckDue(attempt.row, clock()))
      const isStale = attempt.row.noteId === null || attempt.row.bodyHash !== bodyHash
      return { kind: isStale ? 'stale' : 'settled', checkAgainAfterMs: untilCheck(attempt.row, clock()) }
    },
  }
}

function isDone(row: NoteRow, body: string, now: Date): boolean {
  return isWritten(row, hashBody(body)) && !isCheckDue(row, now) && !hasFormer(row)
}

function isCheckDue(row: NoteRow, now: Date): boolean {
  return row.checkAt !== null && row.checkAt <= now
}

function untilCheck(row: NoteRow, now: Date): number | null {
  return row.checkAt === null ? null : Math.max(0, row.checkAt.getTime() - now.getTime())
}

function written(kind: WrittenNote['kind'], row: NoteRow, now: Date): WrittenNote {
  if (row.noteId === null) throw new Error(`No note of merge request ${row.mrIid} was written`)
  return { kind, noteId: row.noteId, checkAgainAfterMs: untilCheck(row, now) }
}
