import type { RegisterHook } from '../connection/hook-registration.js'
import type { ProjectStore } from '../stores/project-store.js'
import { parseKey } from './keys.js'
import type { JobHandler } from './worker.js'

const againMs = 10_000

export interface HookJobOptions {
  registerHook: RegisterHook
  projects: Pick<ProjectStore, 'find'>
}

/** Registers the webhook of a connected project where the bot may; all works without it, only slower. */
export function createHookJob({ registerHook, projects }: HookJobOptions): JobHandler {
  return async (job, { log }) => {
    const { projectId } = parseKey(job.key)
    const project = await projects.find(projectId)
    if (project === null || project.disconnectedAt || project.hook.state === 'registered')
      return { kind: 'done' }
    const outcome = await registerHook(projectId)
    if (outcome === 'busy') return { kind: 'again', inMs: againMs }
    if (outcome !== 'registered') log.info({ projectId, outcome }, 'No webhook; pipelines are polled')
    return { kind: 'done' }
  }
}
