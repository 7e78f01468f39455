import { identityOf } from '../../domain/baseline.js'
import { canConfigure } from '../../domain/permissions.js'
import type { ListedModel } from '../../domain/trainings.js'
import type { AnyReader } from '../../plugins/any-project-access.js'
import { projectView, shownMergeRequests } from '../../render/pages/project.js'
import { formatListKey, parseListKey } from '../list-key.js'
import { addressesOf, mergeRequestsOf, type PageContext, pageProject, type RenderedPage } from './context.js'

/** The page is made of so many models, read newest first through an index, of so many names and datasets: it costs the
 * same however many there are. */
const modelsPerPage = 500
const rowsPerPage = 100

export async function readProjectPage(
  context: PageContext,
  { project, accessLevel }: AnyReader,
  query: URLSearchParams,
): Promise<RenderedPage> {
  const { modelLists, comparisons, publicUrl } = context
  const before = parseListKey(query.get('before'))
  const [list, mergeRequests] = await Promise.all([
    modelLists.listNewest(project.id, null, { limit: modelsPerPage, before }),
    before === null ? comparisons.listOpen(project.id, shownMergeRequests + 1) : [],
  ])
  const models = upToRows(list.models, rowsPerPage)
  const last = models.at(-1)
  const older = models.length < list.models.length && last ? last : list.next
  const view = projectView({
    project: pageProject(project),
    mayConfigure: canConfigure(accessLevel),
    models,
    isFirstPage: before === null,
    older: older === null ? null : formatListKey(older),
    isResultsCut: list.isResultsCut,
    mergeRequests,
    pipelineMergeRequests: await mergeRequestsOf(context, project, models),
    serviceUrl: publicUrl,
    ...addressesOf(context, project),
  })
  return { page: 'project', view }
}

/** The newest of `models` that make no more than `most` rows. */
function upToRows(models: ListedModel[], most: number): ListedModel[] {
  const rows = new Set<string>()
  const end = models.findIndex((model) => rows.add(identityOf(model)).size > most)
  return end === -1 ? models : models.slice(0, end)
}
