import { renderGfm } from './gfm.js'
import type { ActionOutcome } from './quick-action-effects.js'
import type { QuickAction } from './quick-actions.js'
import type { MergeRequest, Note, User } from './state.js'
import type { World } from './world.js'

/** Something that a note has done beyond being shown: what hostile text would be after. */
export interface Effect {
  kind: 'quick_action' | 'mention' | 'reference'
  /** The line of the action, or the text that was taken for a mention or reference. */
  text: string
  /** Only for quick actions: whether the action was carried out. */
  executed?: boolean
  projectId: number
  mrIid: number
  noteId: number | null
  userId: number
}

export interface Effects {
  /** All effects so far; notes are searched when this is asked for. */
  list(): Effect[]
  clear(): void
  add(effect: Effect): void
  /** Looks for mentions and references in the body that the note has now. */
  watch(note: Note, user: User): void
}

export function createEffects(): Effects {
  const entries: (Effect | (() => Effect[]))[] = []
  return {
    list() {
      const found = entries.flatMap((entry) => (typeof entry === 'function' ? entry() : entry))
      entries.splice(0, entries.length, ...found)
      return found
    },
    clear() {
      entries.length = 0
    },
    add: (effect) => entries.push(effect),
    watch(note, user) {
      const place = { projectId: note.projectId, mrIid: note.mrIid, noteId: note.id, userId: user.id }
      const { body } = note
      entries.push(() => findEffects(body, place))
    },
  }
}

type Place = Pick<Effect, 'projectId' | 'mrIid' | 'noteId' | 'userId'>

function findEffects(body: string, place: Place): Effect[] {
  const { mentions, references } = renderGfm(body)
  return [
    ...mentions.map((text) => ({ kind: 'mention' as const, text, ...place })),
    ...references.map((text) => ({ kind: 'reference' as const, text, ...place })),
  ]
}

export interface RanActions {
  mr: MergeRequest
  user: User
  noteId: number | null
  actions: QuickAction[]
  outcomes: ActionOutcome[]
}

export function recordActions(world: World, ran: RanActions): void {
  for (const [index, action] of ran.actions.entries()) {
    world.effects.add({
      kind: 'quick_action',
      text: action.text,
      executed: ran.outcomes[index]?.done ?? false,
      projectId: ran.mr.projectId,
      mrIid: ran.mr.iid,
      noteId: ran.noteId,
      userId: ran.user.id,
    })
  }
}
