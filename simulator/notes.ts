import { accessLevel, guest, maintainer } from './access.js'
import { recordActions } from './effects.js'
import { ApiError, forbidden, messageError, parameterError, requestLimit } from './errors.js'
import { addNote } from './notes-store.js'
import { getProject } from './projects.js'
import { runQuickAction, type ActionOutcome } from './quick-action-effects.js'
import { splitQuickActions } from './quick-actions.js'
import type { MergeRequest, Note, User } from './state.js'
import type { World } from './world.js'

const maxNoteLength = 1_000_000

export type NoteAnswer =
  | { kind: 'note'; note: Note }
  | { kind: 'reaction'; name: string }
  | { kind: 'commands'; summary: string[]; names: string[] }

/** Creates a note as GitLab does: runs its quick actions, and answers what came of the rest. */
export async function createNote(
  world: World,
  mr: MergeRequest,
  user: User,
  input: { body: unknown; internal?: boolean },
): Promise<NoteAnswer> {
  const body = checkedBody(input.body)
  requireMayNote(world, mr, user)
  limitNotes(world, user)
  const emoji = loneEmoji(body)
  if (emoji !== null) return { kind: 'reaction', name: emoji }
  const { actions, rest } = splitQuickActions(body)
  const outcomes: ActionOutcome[] = []
  for (const action of actions) outcomes.push(await runQuickAction(world, mr, user, action))
  if (rest.trim() === '') {
    recordActions(world, { mr, user, noteId: null, actions, outcomes })
    return commandsOnly(outcomes, actions)
  }
  const note = addNote(world, mr, user, { body: rest, internal: input.internal ?? false })
  recordActions(world, { mr, user, noteId: note.id, actions, outcomes })
  world.effects.watch(note, user)
  return { kind: 'note', note }
}

function commandsOnly(outcomes: ActionOutcome[], actions: { command: string }[]): NoteAnswer {
  if (!outcomes.some((outcome) => outcome.done)) {
    throw invalidNote('commands_only', outcomes.map((outcome) => outcome.summary).join(' '))
  }
  return {
    kind: 'commands',
    summary: outcomes.map((outcome) => outcome.summary),
    names: actions.map((action) => action.command),
  }
}

export async function editNote(world: World, note: Note, user: User, input: unknown): Promise<void> {
  const mr = world.state.mergeRequests.get(note.mrId)
  if (mr === undefined) throw messageError(404, '404 Not found')
  requireAdminNote(world, note, user)
  const body = checkedBody(input)
  const { actions, rest } = splitQuickActions(body)
  const outcomes: ActionOutcome[] = []
  for (const action of actions) outcomes.push(await runQuickAction(world, mr, user, action))
  recordActions(world, { mr, user, noteId: note.id, actions, outcomes })
  note.body = rest
  note.updatedAt = world.now()
  world.effects.watch(note, user)
}

export function deleteNote(world: World, note: Note, user: User): void {
  requireAdminNote(world, note, user)
  world.state.notes.delete(note.id)
}

function checkedBody(body: unknown): string {
  if (body === undefined) throw parameterError('body is missing')
  if (typeof body !== 'string') throw parameterError('body is invalid')
  if (body.trim() === '') throw invalidNote('note', "can't be blank")
  if (body.length > maxNoteLength)
    throw invalidNote('note', `is too long (maximum is ${maxNoteLength} characters)`)
  return body
}

function invalidNote(field: string, text: string): ApiError {
  return messageError(400, `400 Bad request - Note {:${field}=>[${JSON.stringify(text)}]}`)
}

function requireMayNote(world: World, mr: MergeRequest, user: User): void {
  const project = getProject(world, mr.projectId)
  if (project.archived) throw forbidden()
  if (mr.discussionLocked && accessLevel(world, project, user) < guest) throw forbidden()
}

/** `admin_note`: the author, and Maintainers. System notes belong to nobody. */
function requireAdminNote(world: World, note: Note, user: User): void {
  const level = accessLevel(world, getProject(world, note.projectId), user)
  if (note.system || (note.authorId !== user.id && level < maintainer)) throw forbidden()
}

function limitNotes(world: World, user: User): void {
  const minuteAgo = world.now().getTime() - 60_000
  const recent = [...world.state.notes.values()].filter(
    (note) => note.authorId === user.id && !note.system && note.createdAt.getTime() > minuteAgo,
  )
  if (recent.length >= world.settings.notesPerMinute) throw requestLimit()
}

function loneEmoji(body: string): string | null {
  const text = body.trim()
  const named = /^:([a-z0-9_+-]+):$/.exec(text)
  if (named !== null) return named[1] ?? null
  return /^\p{Extended_Pictographic}(\uFE0F|\u200D\p{Extended_Pictographic})*$/u.test(text) ? text : null
}
