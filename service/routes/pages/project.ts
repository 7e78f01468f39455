import { newestReports, projectView, shownMergeRequests } from '../../render/pages/project.js'
import type { Project } from '../../stores/project-store.js'
import { formatListKey, parseListKey } from '../list-key.js'
import { addressesOf, mergeRequestsOf, type PageContext, type RenderedPage } from './context.js'

/** The page is made of so many models, read newest first through an index: it costs the same however many there are. */
const modelsPerPage = 500

export async function readProjectPage(
  context: PageContext,
  project: Project,
  query: URLSearchParams,
): Promise<RenderedPage> {
  const { modelLists, comparisons, publicUrl } = context
  const before = parseListKey(query.get('before'))
  const [list, mergeRequests] = await Promise.all([
    modelLists.listNewest(project.id, null, { limit: modelsPerPage, before }),
    before === null ? comparisons.listOpen(project.id, shownMergeRequests + 1) : [],
  ])
  const reported = newestReports(list.models).flatMap(([model]) => model ?? [])
  const view = projectView({
    project,
    models: list.models,
    isFirstPage: before === null,
    older: list.next === null ? null : formatListKey(list.next),
    isResultsCut: list.isResultsCut,
    mergeRequests,
    pipelineMergeRequests: await mergeRequestsOf(context, project, reported),
    serviceUrl: publicUrl,
    ...addressesOf(context, project),
  })
  return { page: 'project', view }
}
