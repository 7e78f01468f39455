import type { FastifyBaseLogger } from 'fastify'
import { modelsPerBlock } from '../stores/block-sealing.js'
import { jobKey } from '../jobs/keys.js'
import type { Queue } from '../jobs/queue.js'

/** Soon, but after what is being stored at this moment. */
const delayMs = 1_000
const mostProjects = 10_000

/** Asks for a project's models to be packed whenever there may be enough for a block. What a process forgets at its end is
 * asked for by whoever reads the table. */
export function createSealTrigger({ queue, log }: { queue: Queue; log: FastifyBaseLogger }) {
  const counts = new Map<string, number>()

  function onStored(projectId: string, count: number): void {
    const sum = (counts.get(projectId) ?? 0) + count
    counts.delete(projectId)
    if (sum >= modelsPerBlock) return ask(projectId)
    counts.set(projectId, sum)
    const [oldest] = counts.keys()
    if (counts.size > mostProjects && oldest !== undefined) counts.delete(oldest)
  }

  /** `unsealed`: how many models a reader found beside the blocks. */
  function onRead(projectId: string, unsealed: number): void {
    if (unsealed >= modelsPerBlock) ask(projectId)
  }

  function ask(projectId: string): void {
    queue
      .enqueueCovered(jobKey.seal(projectId), { delayMs })
      .catch((error: unknown) => log.warn({ err: error, projectId }, 'Sealing could not be asked for'))
  }

  return { onStored, onRead }
}

export type SealTrigger = ReturnType<typeof createSealTrigger>
