import { Problem } from '../../errors.js'
import { projectsView } from '../../render/pages/projects.js'
import type { Project } from '../../stores/project-store.js'
import type { PageContext, RenderedPage } from './context.js'

const projectsPerPage = 30

/** Projects that are open to everyone; `?after=` is the last path of the page before. */
export async function readProjectsPage(context: PageContext, query: URLSearchParams): Promise<RenderedPage> {
  const { projects, modelLists, addresses, publicUrl } = context
  const after = query.get('after')
  const found = await projects.listOpen(projectsPerPage + 1, after)
  const shown = found.slice(0, projectsPerPage)
  const [states, times] = await Promise.all([
    Promise.all(shown.map((project) => openState(context, project))),
    modelLists.listNewestTimes(shown.map(({ id }) => id)),
  ])
  const view = projectsView({
    projects: shown
      .filter((_project, index) => states[index] === 'open')
      .map((project) => ({ project, reportedAt: times.get(project.id) ?? null })),
    isFirstPage: after === null,
    next: found.length > projectsPerPage ? (shown.at(-1)?.path ?? null) : null,
    unconfirmed: states.filter((state) => state === 'unknown').length,
    serviceUrl: publicUrl,
    addresses,
  })
  return { page: 'projects', view }
}

async function openState({ access }: PageContext, project: Project): Promise<'open' | 'closed' | 'unknown'> {
  try {
    return (await access.isOpen(project)) ? 'open' : 'closed'
  } catch (error) {
    if (error instanceof Problem && error.code === 'GITLAB_UNAVAILABLE') return 'unknown'
    throw error
  }
}
