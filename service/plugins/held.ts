import { askGitLab } from './project-access.js'

const heldForMs = 5 * 60_000
/** An answer that led to a refusal is asked for again, but not by every one of a thousand requests. */
const heldAfterRefusalMs = 1_000
const mostHeld = 10_000

export interface Held<T> {
  /** @throws Problem GITLAB_UNAVAILABLE */
  get(key: string, ask: () => Promise<T>): Promise<T>
  drop(key: string): void
}

export interface HeldOptions<T> {
  clock: () => Date
  /** When an answer ends before the 5 minutes are over. */
  endOf?: (answer: T) => Date | null
}

/** Answers of GitLab that hold for 5 minutes at most. Those who ask at the same time share one call. */
export function createHeld<T>({ clock, endOf = () => null }: HeldOptions<T>): Held<T> {
  const held = new Map<string, { untilMs: number; answer: Promise<T> }>()

  function get(key: string, ask: () => Promise<T>): Promise<T> {
    const nowMs = clock().getTime()
    const known = held.get(key)
    if (known !== undefined && known.untilMs > nowMs) return known.answer
    if (held.size >= mostHeld) held.clear()
    const answer = askGitLab(ask)
    const row = { untilMs: nowMs + heldForMs, answer }
    held.set(key, row)
    settle(row).catch(() => {
      if (held.get(key) === row) held.delete(key)
    })
    return answer
  }

  async function settle(row: { untilMs: number; answer: Promise<T> }): Promise<void> {
    const end = endOf(await row.answer)
    if (end !== null) row.untilMs = Math.min(row.untilMs, end.getTime())
  }

  function drop(key: string): void {
    const known = held.get(key)
    if (known !== undefined) known.untilMs = Math.min(known.untilMs, clock().getTime() + heldAfterRefusalMs)
  }

  return { get, drop }
}
