import { GitLabError } from '../gitlab/errors.js'
import type { GitLab, GitLabProject } from '../gitlab/port.js'
import type { Project, ProjectFacts, ProjectStore } from '../stores/project-store.js'

const checkedForMs = 5 * 60_000

export interface ProjectRefreshOptions {
  gitlab: Pick<GitLab, 'findProject' | 'getCurrentUser'>
  projects: Pick<ProjectStore, 'refresh' | 'close' | 'markOrphaned' | 'listOpenAt'>
  clock: () => Date
}

/** Looks at a project with other eyes than those of who speaks for it. */
export type OtherEyes = (gitlabProjectId: number) => Promise<GitLabProject | null>

/** Answers with the project as GitLab told it within the last 5 minutes; asks where that is longer ago.
 * @throws GitLabError */
export type ProjectRefresh = (project: Project, otherEyes?: OtherEyes) => Promise<Project>

export function createProjectRefresh({ gitlab, projects, clock }: ProjectRefreshOptions): ProjectRefresh {
  return async (project, otherEyes = async () => null) => {
    if (isFresh(project)) return project
    const fresh = await ask(project, otherEyes)
    // GitLab gives each path once: whoever else has this one here was renamed or deleted.
    const others = (await projects.listOpenAt(fresh.path)).filter((other) => other.id !== fresh.id)
    for (const other of others) if (!isFresh(other)) await ask(other, otherEyes)
    return fresh
  }

  function isFresh({ checkedAt }: Project): boolean {
    return clock().getTime() - checkedAt.getTime() < checkedForMs
  }

  async function ask(project: Project, otherEyes: OtherEyes): Promise<Project> {
    const found = await look(project.gitlabProjectId, otherEyes)
    if (found === null) return miss(project)
    const facts = projectFacts(found)
    const checkedAt = clock()
    await projects.refresh(project.id, facts, checkedAt)
    return { ...project, ...facts, checkedAt, missingSince: null, orphanedAt: null }
  }

  async function look(gitlabProjectId: number, otherEyes: OtherEyes): Promise<GitLabProject | null> {
    let refusal: unknown = null
    const found = await gitlab.findProject(gitlabProjectId).catch((error: unknown) => {
      if (!isRefusal(error)) throw error
      refusal = error
      return null
    })
    const seen = found ?? (await otherEyes(gitlabProjectId))
    if (seen === null && refusal !== null) throw refusal
    return seen
  }

  /** Closes it at once. Missed again, with a token that GitLab takes, it is gone; should it come back, it is found. */
  async function miss(project: Project): Promise<Project> {
    const now = clock()
    const closed = { ...project, visibility: 'private', checkedAt: now } as const
    await projects.close(project.id, now)
    if (!project.missingSince) return { ...closed, missingSince: now }
    await gitlab.getCurrentUser()
    await projects.markOrphaned(project.id, now)
    return { ...closed, orphanedAt: project.orphanedAt ?? now }
  }
}

function isRefusal(error: unknown): boolean {
  return error instanceof GitLabError && (error.kind === 'unauthorized' || error.kind === 'forbidden')
}

export function projectFacts(project: GitLabProject): ProjectFacts {
  const { id, path, webUrl, defaultBranch, visibility, pipelinesOpen, archived } = project
  return { gitlabProjectId: id, path, webUrl, defaultBranch, visibility, pipelinesOpen, archived }
}
