import type { Markdown } from './markdown.js'

/** How many bytes a note may still take. Whoever asks first gets the room. */
export interface Budget {
  /** Takes the room for `part`, or answers false and takes nothing. */
  takes(part: Markdown): boolean
  /** The part itself, or null where there is none or it does not fit. */
  optional(part: Markdown | null): Markdown | null
  /** For what a note cannot be without, and what is short by its making. */
  always(part: Markdown): Markdown
}

/** Room for separators between a part and the next. */
const SEPARATOR_BYTES = 8

function sizeOf(part: Markdown): number {
  return Buffer.byteLength(part.source) + SEPARATOR_BYTES
}

export function createBudget(bytes: number): Budget {
  let left = bytes

  function takes(part: Markdown): boolean {
    const size = sizeOf(part)
    if (size > left) return false
    left -= size
    return true
  }

  function optional(part: Markdown | null): Markdown | null {
    return part !== null && takes(part) ? part : null
  }

  function always(part: Markdown): Markdown {
    left -= sizeOf(part)
    return part
  }

  return { takes, optional, always }
}
