import type { BlockSealing } from '../stores/block-sealing.js'
import type { JobHandler } from './worker.js'
import { parseKey } from './keys.js'

/** Packs the models of a project into column blocks, as long as there are enough for one. */
export function createSealJob({ blockSealing }: { blockSealing: BlockSealing }): JobHandler {
  return async ({ key }, { signal }) => {
    const { projectId } = parseKey(key)
    await blockSealing.tidy(projectId)
    while (await blockSealing.isDue(projectId)) {
      signal.throwIfAborted()
      await blockSealing.seal(projectId)
    }
    return { kind: 'done' }
  }
}
