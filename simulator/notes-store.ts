import type { MergeRequest, Note, User } from './state.js'
import type { World } from './world.js'

export interface NewNote {
  body: string
  system?: boolean
  internal?: boolean
}

export function addNote(world: World, mr: MergeRequest, author: User, input: NewNote): Note {
  const now = world.now()
  const note: Note = {
    id: world.state.nextId('note'),
    projectId: mr.projectId,
    mrId: mr.id,
    mrIid: mr.iid,
    authorId: author.id,
    body: input.body,
    system: input.system ?? false,
    internal: input.internal ?? false,
    createdAt: now,
    updatedAt: now,
  }
  world.state.notes.set(note.id, note)
  return note
}

/** What GitLab writes itself, for example `added 1 commit`. */
export function addSystemNote(world: World, mr: MergeRequest, user: User, body: string): Note {
  return addNote(world, mr, user, { body, system: true })
}

export function listNotes(world: World, mr: MergeRequest): Note[] {
  return [...world.state.notes.values()].filter((note) => note.mrId === mr.id)
}
