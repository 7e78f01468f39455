import { messageError } from '../errors.js'
import { createNote, deleteNote, editNote } from '../notes.js'
import { listNotes } from '../notes-store.js'
import { presentNote } from '../present/merge-requests.js'
import { isoTime } from '../present/times.js'
import { presentUserBasic } from '../present/users.js'
import type { MergeRequest, Note } from '../state.js'
import type { Api, Ask, SignedAsk } from './api.js'
import { offsetPage } from './paging.js'
import { flag, integer, mergeRequestOf, projectOf } from './parameters.js'

const notes = '/projects/:id/merge_requests/:iid/notes'

export function addNoteRoutes(api: Api): void {
  api.route('GET', notes, list, { anonymous: true, jobToken: true })
  api.route('GET', `${notes}/:noteId`, (ask) => presentNote(ask.world, noteOf(ask)), {
    anonymous: true,
    jobToken: true,
  })
  api.signed('POST', notes, create)
  api.signed('PUT', `${notes}/:noteId`, async (ask) => {
    const note = noteOf(ask)
    await editNote(ask.world, note, ask.user, ask.body['body'])
    return presentNote(ask.world, note)
  })
  api.signed('DELETE', `${notes}/:noteId`, (ask) => {
    deleteNote(ask.world, noteOf(ask), ask.user)
    ask.reply.code(204)
  })
}

function list(ask: Ask): unknown {
  const rows = listNotes(ask.world, mergeRequestOf(ask, projectOf(ask)))
  const by = ask.query['order_by'] === 'updated_at' ? 'updatedAt' : 'createdAt'
  const sign = ask.query['sort'] === 'asc' ? 1 : -1
  rows.sort((a, b) => sign * (a[by].getTime() - b[by].getTime() || a.id - b.id))
  return offsetPage(ask, rows).map((note) => presentNote(ask.world, note))
}

function noteOf(ask: Ask): Note {
  const mr = mergeRequestOf(ask, projectOf(ask))
  const note = ask.world.state.notes.get(integer(ask.params['noteId'], 'note_id'))
  if (note === undefined || note.mrId !== mr.id) throw messageError(404, '404 Not found')
  return note
}

async function create(ask: SignedAsk): Promise<unknown> {
  const mr = mergeRequestOf(ask, projectOf(ask))
  const answer = await createNote(ask.world, mr, ask.user, {
    body: ask.body['body'],
    internal: flag(ask.body['internal']) || flag(ask.body['confidential']),
  })
  ask.reply.code(answer.kind === 'commands' ? 202 : 201)
  if (answer.kind === 'note') return presentNote(ask.world, answer.note)
  if (answer.kind === 'reaction') return presentReaction(ask, mr, answer.name)
  const changes = Object.fromEntries(answer.names.map((name) => [name, true]))
  return { commands_changes: changes, summary: answer.summary }
}

function presentReaction(ask: SignedAsk, mr: MergeRequest, name: string): unknown {
  const now = isoTime(ask.world.now())
  return {
    id: ask.world.state.nextId('award'),
    name,
    user: presentUserBasic(ask.world, ask.user),
    created_at: now,
    updated_at: now,
    awardable_id: mr.id,
    awardable_type: 'MergeRequest',
    url: null,
  }
}
