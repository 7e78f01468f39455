import type { DeletionStore } from '../stores/deletion-store.js'
import { parseKey } from './keys.js'
import type { JobHandler } from './worker.js'

/** Takes the person off the models they reported, and their jobs. */
export function createDeletePersonJob({ deletions }: { deletions: DeletionStore }): JobHandler {
  return async (job) => {
    await deletions.forgetReporter(parseKey(job.key).number)
    return { kind: 'done' }
  }
}
