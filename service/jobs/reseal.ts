import type { Sealer } from '../stores/sealing.js'
import { type SealedField, type SealedFieldStore, sealedFields } from '../stores/sealed-fields.js'
import type { JobHandler } from './worker.js'

const everyMs = 3_600_000
const batchSize = 100

export interface ResealJobOptions {
  sealed: SealedFieldStore
  sealer: Sealer
}

/** Encrypts with the first key what was encrypted with a later one, so that the later ones can be taken away. */
export function createResealJob({ sealed, sealer }: ResealJobOptions): JobHandler {
  const [first, ...former] = sealer.keyNames

  return async (_job, { signal, log }) => {
    if (first === undefined) return { kind: 'done' }
    let resealed = 0
    let unreadable = 0
    for (const field of sealedFields) {
      resealed += former.length === 0 ? 0 : await resealAll(field, signal)
      unreadable += await sealed.countOthers(field, sealer.keyNames)
    }
    if (unreadable > 0) log.warn({ unreadable }, 'Encrypted with keys that are not in ENCRYPTION_KEYS')
    const left = await countLeft()
    if (left > 0) log.warn({ left, resealed, former }, 'Not all is encrypted with the first key yet')
    else if (former.length > 0) log.info({ resealed, former }, 'All is encrypted with the first key')
    return { kind: 'again', inMs: everyMs }
  }

  async function resealAll(field: SealedField, signal: AbortSignal): Promise<number> {
    let resealed = 0
    let after = ''
    for (;;) {
      signal.throwIfAborted()
      const batch = await sealed.list(field, { keys: former, after, limit: batchSize })
      const changes = batch.flatMap((before) => {
        const after = sealer.reseal(before.sealed, field.ownerOf(before.id))
        return after === null ? [] : [{ before, after }]
      })
      resealed += await sealed.replace(field, changes)
      const last = batch.at(-1)
      if (last === undefined || batch.length < batchSize) return resealed
      after = last.id
    }
  }

  /** What cannot be opened, and what was saved by a process that has another first key. */
  async function countLeft(): Promise<number> {
    let left = 0
    for (const field of sealedFields)
      left += (await sealed.list(field, { keys: former, after: '', limit: batchSize })).length
    return left
  }
}
