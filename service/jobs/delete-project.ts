import type { DeletionStore } from '../stores/deletion-store.js'
import type { ProjectStore } from '../stores/project-store.js'
import { parseKey } from './keys.js'
import type { JobHandler } from './worker.js'

/** What was under way when the project was hidden has stored its part by then. */
const settledAfterMs = 3 * 60_000

export interface DeleteProjectJobOptions {
  deletions: DeletionStore
  projects: Pick<ProjectStore, 'findDeleting' | 'remove'>
  clock: () => Date
}

/** Deletes all that a hidden project has, once more for what came late, and its row at last. */
export function createDeleteProjectJob({ deletions, projects, clock }: DeleteProjectJobOptions): JobHandler {
  return async (job, { log }) => {
    const { projectId } = parseKey(job.key)
    const project = await projects.findDeleting(projectId)
    if (project === null) return { kind: 'done' }
    await deletions.deleteProject(projectId, job.key)
    const waitMs = project.deletingSince.getTime() + settledAfterMs - clock().getTime()
    if (waitMs > 0) return { kind: 'again', inMs: waitMs }
    await projects.remove(projectId)
    log.info({ projectId }, 'Project deleted')
    return { kind: 'done' }
  }
}
