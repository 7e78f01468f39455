import { canAccept } from '../../domain/permissions.js'
import { withAcceptances } from '../../domain/stored-verdict.js'
import { mergeRequestView } from '../../render/pages/merge-request.js'
import type { Project } from '../../stores/project-store.js'
import { addressesOf, notFound, type PageContext, type RenderedPage, standingOf } from './context.js'

/** What was last said of a merge request, whole. What was accepted since is in it before its note says so. */
export async function readMergeRequestPage(
  context: PageContext,
  { project, accessLevel }: { project: Project; accessLevel: number | null },
  { mrIid, query }: { mrIid: number; query: URLSearchParams },
): Promise<RenderedPage> {
  const comparison = await context.comparisons.find(project.id, mrIid)
  if (comparison === null) throw notFound('No model was reported for a merge request of this number.')
  const { verdict, headSha } = comparison
  const acceptances =
    verdict === undefined ? [] : await context.decisions.findAcceptances(project.id, mrIid, headSha)
  const view = mergeRequestView({
    ...comparison,
    ...(verdict && { verdict: withAcceptances(verdict, acceptances) }),
    project: { ...project, standing: standingOf(project) },
    mayAccept: canAccept(accessLevel),
    result: query.get('result'),
    publicUrl: context.publicUrl,
    ...addressesOf(context, project),
  })
  return { page: 'merge-request', view }
}
