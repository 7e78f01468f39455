import type { Speakers } from '../connection/speakers.js'
import type { NoteRow, SupersededNote } from '../stores/note-store.js'
import { change, type NoteAttempt, requireLease } from './note-attempt.js'

const mostTries = 3

/** Who posted before and still has a token. */
export type FindFormer = Speakers['findFormer']

/** Whether a note of a poster before may still say something else than the current one. */
export function hasFormer(row: NoteRow): boolean {
  return row.noteId !== null && row.superseded.some(mayLeadOn)
}

/** Has the posters before say in their notes where the current one is. Where they cannot, their notes stay as they are. */
export async function leadOn(attempt: NoteAttempt): Promise<void> {
  const { noteId } = attempt.row
  if (noteId === null) return
  for (const former of attempt.row.superseded.filter(mayLeadOn)) {
    requireLease(attempt)
    await changeFormer(attempt, former, { tries: (former.tries ?? 0) + 1 })
    if (await write(attempt, former, leadingTo(noteId)))
      await changeFormer(attempt, former, { leadsOn: true })
  }
}

function leadingTo(noteId: number): string {
  return `This is out of date: [the current note](#note_${noteId}) has another author.`
}

function mayLeadOn({ authorId, leadsOn = false, tries = 0 }: SupersededNote): boolean {
  return authorId !== null && !leadsOn && tries < mostTries
}

async function write(attempt: NoteAttempt, former: SupersededNote, text: string): Promise<boolean> {
  const { gitlabProjectId, mrIid } = attempt.request
  if (former.authorId === null) return false
  try {
    const gitlab = await attempt.findFormer(gitlabProjectId, former.authorId)
    if (gitlab === null) return false
    return (await gitlab.editNote(gitlabProjectId, mrIid, former.noteId, text)) !== null
  } catch {
    return false // Tried again with the next write: the current note is what counts.
  }
}

async function changeFormer(
  attempt: NoteAttempt,
  { noteId }: SupersededNote,
  fields: Partial<SupersededNote>,
): Promise<void> {
  const superseded = attempt.row.superseded.map((one) =>
    one.noteId === noteId ? { ...one, ...fields } : one,
  )
  await change(attempt, { superseded })
}
