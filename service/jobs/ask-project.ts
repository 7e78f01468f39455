import type { GitLab } from '../gitlab/port.js'
import { createProjectRefresh } from '../connection/project-refresh.js'
import { isDisconnected, isRefusal } from '../connection/speaker-ladder.js'
import type { ProjectStore } from '../stores/project-store.js'
import { parseKey } from './keys.js'
import type { JobHandler } from './worker.js'

export interface AskProjectJobOptions {
  gitlab: GitLab
  projects: Pick<ProjectStore, 'find' | 'refresh' | 'close' | 'markOrphaned' | 'listOpenAt' | 'setAskedAt'>
  clock: () => Date
}

/** Asks GitLab what became of a project that nobody has looked at for long: renamed, archived, closed, gone or back. */
export function createAskProjectJob(options: AskProjectJobOptions): JobHandler {
  const { projects, clock } = options
  const gitlab = options.gitlab.withContext({ eventUuid: null, isBackground: true })
  const refresh = createProjectRefresh({ gitlab, projects, clock })

  return async (job, { log }) => {
    const project = await projects.find(parseKey(job.key).projectId)
    if (project === null || isDisconnected(project)) return { kind: 'done' }
    await projects.setAskedAt(project.id, clock())
    try {
      await refresh(project)
    } catch (error) {
      if (!isRefusal(error)) throw error
      log.info({ err: error, projectId: project.id }, 'Nobody may ask GitLab about the project')
    }
    return { kind: 'done' }
  }
}
