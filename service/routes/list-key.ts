import { Problem } from '../errors.js'
import type { ListKey } from '../stores/model-lists.js'

/** The key of a page as it stands in addresses. */
export function formatListKey({ uploadedAt, id }: ListKey): string {
  return `${uploadedAt.getTime()}.${id}`
}

/** @throws Problem INVALID_QUERY */
export function parseListKey(text: string | null): ListKey | null {
  if (text === null) return null
  const match = /^(\d{1,15})\.([\w-]{24})$/.exec(text)
  if (match !== null) return { uploadedAt: new Date(Number(match[1])), id: match[2] ?? '' }
  throw new Problem('INVALID_QUERY', {
    message: 'before is not the key of a page.',
    field: 'before',
    value: text,
  })
}
