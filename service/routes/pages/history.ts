import { historyView } from '../../render/pages/history.js'
import type { AnyProject } from '../../stores/project-store.js'
import { formatListKey, parseListKey } from '../list-key.js'
import {
  addressesOf,
  mergeRequestsOf,
  notFound,
  type PageContext,
  pageProject,
  type RenderedPage,
} from './context.js'

const rowsPerPage = 50

export async function readHistoryPage(
  context: PageContext,
  project: AnyProject,
  { name, dataset, query }: { name: string; dataset: string; query: URLSearchParams },
): Promise<RenderedPage> {
  const before = parseListKey(query.get('before'))
  const page = { limit: rowsPerPage, before }
  const list = await context.modelLists.listNewest(project.id, { name, dataset }, page)
  if (list.models.length === 0 && before === null) {
    throw notFound('No model of this name was reported on this dataset.')
  }
  const view = historyView({
    project: pageProject(project),
    name,
    dataset,
    models: list.models,
    isFirstPage: before === null,
    older: list.next === null ? null : formatListKey(list.next),
    pipelineMergeRequests: await mergeRequestsOf(context, project, list.models),
    ...addressesOf(context, project),
  })
  return { page: 'history', view }
}
