import type { Person } from '../../plugins/person-identity.js'
import { projectsView } from '../../render/pages/projects.js'
import { type PageContext, pageProject, type RenderedPage } from './context.js'

const projectsPerPage = 30

/** Projects that they may read; `?after=` is the last path of the page before. */
export async function readProjectsPage(
  context: PageContext,
  person: Person | null,
  query: URLSearchParams,
): Promise<RenderedPage> {
  const { anyAccess, modelLists, addresses, publicUrl } = context
  const after = query.get('after')
  const page = await anyAccess.listReadable(person, { limit: projectsPerPage, after })
  const times = await modelLists.listNewestTimes(page.projects.map(({ id }) => id))
  const view = projectsView({
    projects: page.projects.map((project) => ({
      project: pageProject(project),
      reportedAt: times.get(project.id) ?? null,
    })),
    isFirstPage: after === null,
    isSignedIn: person !== null,
    next: page.next,
    unconfirmed: page.unconfirmed,
    serviceUrl: publicUrl,
    addresses,
  })
  return { page: 'projects', view }
}
