import { SHORT_NAME } from './cells.js'
import type { NoteView } from './columns.js'
import { code, gfm, join, type Markdown } from './markdown.js'

interface Listing {
  separator?: Markdown
  most?: number
}

/** The first few, then how many there are besides. */
export function listed<T>(
  items: readonly T[],
  partOf: (item: T) => Markdown,
  { separator = gfm` · `, most = 5 }: Listing = {},
): Markdown {
  const shown = join(items.slice(0, most).map(partOf), separator)
  return items.length > most ? gfm`${shown} and ${items.length - most} more` : shown
}

/** With its dataset where there is more than one. */
export function nameOf({ name, dataset }: { name: string; dataset: string }, view: NoteView): Markdown {
  return view.soleDataset === null ? gfm`${name} on ${dataset}` : code(name)
}

export function statusWords(status: string): Markdown {
  if (status === 'failed') return gfm`failed`
  return status === 'canceled' || status === 'cancelled' ? gfm`was cancelled` : code(status, SHORT_NAME)
}
