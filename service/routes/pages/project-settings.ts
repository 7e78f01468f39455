import { GitLabError } from '../../gitlab/errors.js'
import { projectSettingsView } from '../../render/pages/project-settings.js'
import type { Rung } from '../../connection/speakers.js'
import type { Project } from '../../stores/project-store.js'
import { addressesOf, type PageContext, type RenderedPage } from './context.js'

const shownLines = 50

export async function readProjectSettings(
  context: PageContext,
  project: Project,
  query: URLSearchParams,
): Promise<RenderedPage> {
  const [rungs, audit] = await Promise.all([
    project.disconnectedAt ? [] : lookAtSpeakers(context, project),
    context.audit.list(project.id, shownLines),
  ])
  const view = projectSettingsView({
    project,
    rungs,
    audit,
    result: query.get('result'),
    serviceUrl: context.publicUrl,
    ...addressesOf(context, project),
  })
  return { page: 'project-settings', view }
}

/** Null where GitLab could not be asked. */
async function lookAtSpeakers({ speakers }: PageContext, project: Project): Promise<Rung[] | null> {
  try {
    return await speakers.look(project)
  } catch (error) {
    if (error instanceof GitLabError) return null
    throw error
  }
}
