import { isOpenToEveryone, canPost } from '../domain/permissions.js'
import { matchesPath } from '../domain/path-pattern.js'
import { Problem } from '../errors.js'
import { GitLabError } from '../gitlab/errors.js'
import type { GitLab, GitLabProject, GitLabUser } from '../gitlab/port.js'
import type { Queue } from '../jobs/queue.js'
import { jobKey } from '../jobs/keys.js'
import { createProjectRefresh, projectFacts } from '../connection/project-refresh.js'
import type { Project, ProjectStore } from '../stores/project-store.js'

const connectedForMs = 10_000
const refusedForMs = 30_000
const mostRemembered = 10_000

export interface ProjectAccessOptions {
  gitlab: GitLab
  projects: ProjectStore
  queue: Pick<Queue, 'enqueue'>
  autoConnect: string[]
  clock: () => Date
}

/** Who may reach which project. */
export interface ProjectAccess {
  /** The project that an ID token speaks for; connects it where `AUTO_CONNECT` allows.
   * @throws Problem PROJECT_NOT_CONNECTED, GITLAB_UNAVAILABLE */
  getForJob(gitlabProjectId: number): Promise<Project>
  /** Has the project looked up again. */
  forget(gitlabProjectId: number): void
  /** Whether jobs of forks may report now, whatever is remembered of the project. */
  allowsForks(project: Project): Promise<boolean>
  /** The project if everyone may read it now. GitLab's word on that is at most 5 minutes old. */
  isOpen(project: Project): Promise<boolean>
}

export function createProjectAccess(options: ProjectAccessOptions): ProjectAccess {
  const { gitlab, projects, queue, autoConnect, clock } = options
  const refresh = createProjectRefresh(options)
  const remembered = new Map<number, { untilMs: number; answer: Promise<Project> }>()

  function getForJob(gitlabProjectId: number): Promise<Project> {
    const nowMs = clock().getTime()
    const known = remembered.get(gitlabProjectId)
    if (known !== undefined && known.untilMs > nowMs) return known.answer
    if (remembered.size >= mostRemembered) remembered.clear()
    const answer = findOrConnect(gitlabProjectId)
    remembered.set(gitlabProjectId, { untilMs: nowMs + connectedForMs, answer })
    answer.catch((error: unknown) => {
      const isFinal = error instanceof Problem && !error.retryable
      if (isFinal) remembered.set(gitlabProjectId, { untilMs: nowMs + refusedForMs, answer })
      else remembered.delete(gitlabProjectId)
    })
    return answer
  }

  async function allowsForks({ id }: Project): Promise<boolean> {
    return (await projects.find(id))?.forkReports === 'allowed'
  }

  async function findOrConnect(gitlabProjectId: number): Promise<Project> {
    const known = await projects.findByGitLabId(gitlabProjectId)
    if (known !== null) return connectedStill(known)
    if (autoConnect.length === 0) throw notConnected(`GitLab project ${gitlabProjectId} is not connected.`)
    const { project, bot } = await askGitLab(() => connectable(gitlabProjectId))
    const { id: gitlabUserId, username } = bot
    const connected = await projects.connect(projectFacts(project), clock(), {
      poster: { kind: 'instance-bot', gitlabUserId, username, checkedAt: clock(), problems: [] },
    })
    await queue.enqueue(jobKey.hook(connected.id))
    return connected
  }

  async function connectable(gitlabProjectId: number): Promise<{ project: GitLabProject; bot: GitLabUser }> {
    const project = await gitlab.findProject(gitlabProjectId)
    if (project === null) throw notConnected(`The bot cannot see GitLab project ${gitlabProjectId}.`)
    if (!matchesPath(project.path, autoConnect)) {
      throw notConnected(`${project.path} is not connected, and no pattern of AUTO_CONNECT names it.`)
    }
    const bot = await gitlab.getCurrentUser()
    if (!canPost(await gitlab.findAccessLevel(gitlabProjectId, bot.id))) {
      throw notConnected(`${project.path} is not connected, and ${bot.username} is not a Developer of it.`)
    }
    return { project, bot }
  }

  async function isOpen(project: Project): Promise<boolean> {
    return (await openNow(project)) !== null
  }

  async function openNow(project: Project): Promise<Project | null> {
    if (!isOpenToEveryone(project)) return null
    const fresh = await askGitLab(() => refresh(project))
    return isOpenToEveryone(fresh) ? fresh : null
  }

  return {
    getForJob,
    allowsForks,
    isOpen,
    forget: (gitlabProjectId) => void remembered.delete(gitlabProjectId),
  }
}

export function noSuchProject(): Problem {
  return new Problem('NOT_FOUND', { message: 'There is no such project, or you may not see it.' })
}

/** A project that was disconnected waits for a maintainer who connects it again. */
function connectedStill(project: Project): Project {
  if (!project.disconnectedAt) return project
  throw notConnected(`${project.path} was disconnected at ${project.disconnectedAt.toISOString()}.`)
}

function notConnected(message: string): Problem {
  return new Problem('PROJECT_NOT_CONNECTED', { message })
}

/** @throws Problem GITLAB_UNAVAILABLE for whatever went wrong in GitLab or on the way to it */
export async function askGitLab<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask()
  } catch (error) {
    if (!(error instanceof GitLabError)) throw error
    const retryAfterSeconds = Math.ceil((error.retryAfterMs ?? 10_000) / 1000)
    throw new Problem('GITLAB_UNAVAILABLE', {
      message: 'GitLab could not be asked.',
      retryAfterSeconds,
      cause: error,
    })
  }
}
