import { mergeRequestView } from '../../render/pages/merge-request.js'
import type { Project } from '../../stores/project-store.js'
import { addressesOf, notFound, type PageContext, type RenderedPage, standingOf } from './context.js'

/** What was last said of a merge request, whole. */
export async function readMergeRequestPage(
  context: PageContext,
  project: Project,
  mrIid: number,
): Promise<RenderedPage> {
  const comparison = await context.comparisons.find(project.id, mrIid)
  if (comparison === null) throw notFound('No model was reported for a merge request of this number.')
  const view = mergeRequestView({
    ...comparison,
    project: { ...project, standing: standingOf(project) },
    publicUrl: context.publicUrl,
    ...addressesOf(context, project),
  })
  return { page: 'merge-request', view }
}
