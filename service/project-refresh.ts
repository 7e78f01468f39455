import type { GitLab, GitLabProject } from './gitlab/port.js'
import type { Project, ProjectFacts, ProjectStore } from './stores/project-store.js'

const checkedForMs = 5 * 60_000

export interface ProjectRefreshOptions {
  gitlab: Pick<GitLab, 'findProject'>
  projects: Pick<ProjectStore, 'refresh' | 'close' | 'listOpenAt'>
  clock: () => Date
}

/** Answers with the project as GitLab told it within the last 5 minutes; asks where that is longer ago.
 * @throws GitLabError */
export type ProjectRefresh = (project: Project) => Promise<Project>

export function createProjectRefresh({ gitlab, projects, clock }: ProjectRefreshOptions): ProjectRefresh {
  return async (project) => {
    if (isFresh(project)) return project
    const fresh = await ask(project)
    // GitLab gives each path once: whoever else has this one here was renamed or deleted.
    const others = (await projects.listOpenAt(fresh.path)).filter((other) => other.id !== fresh.id)
    for (const other of others) if (!isFresh(other)) await ask(other)
    return fresh
  }

  function isFresh({ checkedAt }: Project): boolean {
    return clock().getTime() - checkedAt.getTime() < checkedForMs
  }

  async function ask(project: Project): Promise<Project> {
    const found = await gitlab.findProject(project.gitlabProjectId)
    if (found === null) {
      await projects.close(project.id, clock())
      return { ...project, visibility: 'private' }
    }
    const facts = projectFacts(found)
    const checkedAt = clock()
    await projects.refresh(project.id, facts, checkedAt)
    return { ...project, ...facts, checkedAt }
  }
}

export function projectFacts(project: GitLabProject): ProjectFacts {
  const { id, path, webUrl, defaultBranch, visibility, pipelinesOpen } = project
  return { gitlabProjectId: id, path, webUrl, defaultBranch, visibility, pipelinesOpen }
}
