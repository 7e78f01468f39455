import { GitLabError } from '../gitlab/errors.js'
import type { GitLabNote } from '../gitlab/port.js'
import type { NoteChange, NoteRow, PendingCall } from '../stores/note-store.js'
import { hashBody, mark, readMarked, type MarkedBody } from './note-marker.js'
import type { CheckNoteRequest, NoteWriterOptions } from './note-writer.js'

const checkAfterMs = 60_000
const writesKept = 10
const mostPosts = 2
const mostRounds = 3

/** One attempt of one claim to bring a note about. `row` is what this claim last wrote. */
export interface NoteAttempt extends NoteWriterOptions {
  request: CheckNoteRequest
  findAuthorId: () => Promise<number>
  row: NoteRow
  posts: number
  isAdopted: boolean
}

/** The lease could end before GitLab answers, and then two claims would write at once. */
export class LeaseTooShortError extends Error {
  readonly retryAfterMs = 1_000

  constructor(remainingMs: number) {
    super(`Only ${Math.round(remainingMs)} ms of the lease are left, less than a call to GitLab may take`)
    this.name = 'LeaseTooShortError'
  }
}

export function isWritten(row: NoteRow, bodyHash: string): boolean {
  return row.noteId !== null && row.bodyHash === bodyHash && row.pendingCall === null
}

/** Finds out what the attempts before left open. */
export async function settleBefore(attempt: NoteAttempt, isCheckDue: boolean): Promise<void> {
  const { pendingCall } = attempt.row
  if (isCheckDue || pendingCall?.kind === 'create') await settle(attempt)
  if (isCheckDue) await change(attempt, { checkAt: null })
  // The call of the attempt before may still be on its way to GitLab.
  if (pendingCall !== null) await checkLater(attempt)
}

/** Every round ends with the note written, or with one more thing known about what stands in GitLab. */
export async function bringAbout(
  attempt: NoteAttempt,
  body: string,
): Promise<'unchanged' | 'created' | 'edited'> {
  for (let round = 0; round < mostRounds; round += 1) {
    const { noteId, nonce } = attempt.row
    if (noteId === null || nonce === null) {
      if (await create(attempt, body)) return 'created'
    } else {
      if (isWritten(attempt.row, hashBody(body))) return 'unchanged'
      if (await edit(attempt, noteId, { nonce, body })) return 'edited'
    }
  }
  throw new Error(`The note of merge request ${attempt.row.mrIid} vanishes as often as it is written`)
}

/** False if the outcome was unknown and has been looked at since. */
async function create(attempt: NoteAttempt, body: string): Promise<boolean> {
  const { gitlab, request } = attempt
  const nonce = attempt.row.nonce ?? attempt.randomNonce()
  await startCall(attempt, 'create', { nonce })
  attempt.posts += 1
  try {
    const note = await gitlab.createNote(
      request.gitlabProjectId,
      request.mrIid,
      marked(attempt, { nonce, body }),
    )
    await endCall(attempt, { noteId: note.id, authorId: note.authorId, bodyHash: hashBody(body) })
    return true
  } catch (error) {
    if (!isUnknown(error)) throw await refused(attempt, error)
    await checkLater(attempt)
    await settle(attempt)
    if (attempt.row.noteId === null && attempt.posts >= mostPosts) throw error
    return false
  }
}

/** False if the note cannot be edited; then the row says what stands in its place. */
async function edit(attempt: NoteAttempt, noteId: number, note: MarkedBody): Promise<boolean> {
  await startCall(attempt, 'edit', {})
  try {
    const edited = await putTwice(attempt, noteId, marked(attempt, note))
    if (edited) await endCall(attempt, { bodyHash: hashBody(note.body) })
    else if (await isOfAnotherPoster(attempt)) await supersede(attempt, noteId)
    else await settle(attempt)
    return edited
  } catch (error) {
    if (isUnknown(error)) throw error
    if (isForbidden(error) && (await isOfAnotherPoster(attempt))) {
      await supersede(attempt, noteId)
      return false
    }
    throw await refused(attempt, error)
  }
}

/** False if the note is gone. The same edit may be repeated blindly, once. */
async function putTwice(attempt: NoteAttempt, noteId: number, text: string): Promise<boolean> {
  try {
    return await put(attempt, noteId, text)
  } catch (error) {
    if (!isUnknown(error)) throw error
    await checkLater(attempt)
    requireLease(attempt)
    return await put(attempt, noteId, text)
  }
}

async function put({ gitlab, request }: NoteAttempt, noteId: number, text: string): Promise<boolean> {
  return (await gitlab.editNote(request.gitlabProjectId, request.mrIid, noteId, text)) !== null
}

/** GitLab may hide from a poster what another one wrote, as if it were gone. */
async function isOfAnotherPoster(attempt: NoteAttempt): Promise<boolean> {
  return (await attempt.findAuthorId()) !== attempt.row.authorId
}

function isForbidden(error: unknown): boolean {
  return error instanceof GitLabError && error.kind === 'forbidden'
}

async function supersede(attempt: NoteAttempt, noteId: number): Promise<void> {
  const { superseded, authorId } = attempt.row
  const old = { noteId, authorId, at: attempt.clock() }
  await change(attempt, { ...noNote, superseded: [...superseded, old].slice(-writesKept) })
}

const noNote = { noteId: null, authorId: null, nonce: null, bodyHash: null, pendingCall: null }

/** Looks what stands on the merge request: keeps the oldest note of ours, if there is one, and deletes the others. */
async function settle(attempt: NoteAttempt): Promise<void> {
  const [kept, ...duplicates] = await listOwn(attempt)
  if (kept === undefined) {
    // A nonce that was announced and not found yet stays announced.
    if (attempt.row.pendingCall?.kind !== 'create') await change(attempt, noNote)
    return
  }
  attempt.isAdopted ||= kept.note.id !== attempt.row.noteId
  await change(attempt, {
    noteId: kept.note.id,
    authorId: kept.note.authorId,
    nonce: kept.marked.nonce,
    bodyHash: hashBody(kept.marked.body),
    ...callEnded(attempt.row),
  })
  // Deleted only now that the row is known to be still this claim's and names the one that stays.
  for (const { note, isExact } of duplicates) {
    if (isExact)
      await attempt.gitlab.deleteNote(attempt.request.gitlabProjectId, attempt.request.mrIid, note.id)
  }
}

interface OwnNote {
  note: GitLabNote
  marked: MarkedBody
  /** By our author and with our signed marker, not only remembered by its number. */
  isExact: boolean
}

/** Oldest first. */
async function listOwn(attempt: NoteAttempt): Promise<OwnNote[]> {
  const { gitlab, request, row, signingKey } = attempt
  const authorId = await attempt.findAuthorId()
  const notes = await gitlab.listNotes(request.gitlabProjectId, request.mrIid)
  const own = notes.flatMap((note): OwnNote[] => {
    const found = note.system || note.authorId !== authorId ? null : readMarked(row, note.body, signingKey)
    if (found !== null) return [{ note, marked: found, isExact: true }]
    // Edited by a person, or by a poster before this one.
    if (note.id === row.noteId && row.nonce !== null) {
      return [{ note, marked: { nonce: row.nonce, body: note.body }, isExact: false }]
    }
    return []
  })
  return own.sort((first, second) => first.note.id - second.note.id)
}

function marked({ row, signingKey }: NoteAttempt, note: MarkedBody): string {
  return mark(row, note, signingKey)
}

function isUnknown(error: unknown): boolean {
  return error instanceof GitLabError && error.outcomeUnknown
}

/** GitLab refused, so nothing happened. */
async function refused(attempt: NoteAttempt, error: unknown): Promise<unknown> {
  if (error instanceof GitLabError) await change(attempt, { pendingCall: null })
  return error
}

export function requireLease({ request, requestTimeoutMs }: NoteAttempt): void {
  const remainingMs = request.remainingLeaseMs()
  if (remainingMs <= requestTimeoutMs) throw new LeaseTooShortError(remainingMs)
}

/** Writes down what is about to be asked of GitLab, so that a crash leaves a trace. */
async function startCall(attempt: NoteAttempt, kind: PendingCall['kind'], fields: NoteChange): Promise<void> {
  requireLease(attempt)
  await change(attempt, { ...fields, pendingCall: { kind, at: attempt.clock() } })
}

async function endCall(attempt: NoteAttempt, fields: NoteChange): Promise<void> {
  await change(attempt, { ...fields, ...callEnded(attempt.row) })
}

function callEnded({ pendingCall, writes }: NoteRow): NoteChange {
  if (pendingCall === null) return {}
  return { pendingCall: null, writes: [...writes, pendingCall.at].slice(-writesKept) }
}

async function checkLater(attempt: NoteAttempt): Promise<void> {
  await change(attempt, { checkAt: new Date(attempt.clock().getTime() + checkAfterMs) })
}

export async function change(attempt: NoteAttempt, fields: NoteChange): Promise<void> {
  attempt.row = await attempt.store.change(attempt.row, fields)
}
