import type { StoredModel } from '../../domain/model.js'
import type { ColumnKey } from '../../domain/table/cells.js'
import {
  formatTableQuery,
  parseTableQuery,
  type QueryProblem,
  type TableQuery,
} from '../../domain/table/query.js'
import { selectionOf } from '../../domain/table/query-selection.js'
import type { Selection } from '../../domain/table/selection.js'
import { resultsView } from '../../render/pages/results.js'
import type { AnyProject } from '../../stores/project-store.js'
import type { TablePage } from '../../stores/model-table.js'
import { addressesOf, mergeRequestsOf, type PageContext, pageProject, type RenderedPage } from './context.js'

const rowsPerPage = 50
const mostValues = 100
/** Pipelines of one merge request, the newest. */
const mostPipelines = 1_000
const listed: ColumnKey[] = ['dataset', 'model', 'branch']

/** The flat table: an address that says all of what it shows. Answers with the address to go to where a form was sent. */
export async function readResultsPage(
  context: PageContext,
  project: AnyProject,
  params: URLSearchParams,
): Promise<RenderedPage | { location: string }> {
  const { modelTable, sealTrigger, users, addresses } = context
  const { query, selection, problems } = await readQuery(context, project, params)
  if (params.has('on') && problems.length === 0) {
    return { location: addresses.results(project.path, formatTableQuery(query)) }
  }
  const [page, keys, values, pinned] = await Promise.all([
    modelTable.select(project.id, selection, { start: query.start, limit: rowsPerPage }),
    modelTable.listKeys(project.id),
    modelTable.countValues(project.id, listed, mostValues),
    findPinned(context, project, query),
  ])
  sealTrigger.onRead(project.id, page.unsealed)
  const models = page.rows.map(({ model }) => model)
  if (query.pin !== null && pinned === null) {
    problems.push({ parameter: 'pin', value: query.pin, message: 'There is no such model.' })
    query.pin = null
  }
  const [usernames, pipelineMergeRequests] = await Promise.all([
    users.listUsernames([...new Set(models.map(({ userId }) => userId))]),
    mergeRequestsOf(context, project, models),
  ])
  const view = resultsView({
    project: pageProject(project),
    query,
    problems,
    models,
    pinned,
    page: { ...page, ...neighboursOf(page) },
    keys,
    values,
    usernames,
    pipelineMergeRequests,
    ...addressesOf(context, project),
  })
  return { page: 'results', view, status: problems.length === 0 ? 200 : 400 }
}

/** What the parameters ask for, with whom and what they name looked up. */
export async function readQuery(
  { users, pipelines, clock }: PageContext,
  project: AnyProject,
  params: URLSearchParams,
): Promise<{ query: TableQuery; selection: Selection; problems: QueryProblem[] }> {
  const { query, problems } = parseTableQuery(params)
  const userId = query.person === null ? null : await findUserId(users, query.person)
  if (query.person !== null && userId === null) {
    problems.push({
      parameter: 'person',
      value: query.person,
      message: 'Nobody of this name has signed in here.',
    })
    query.person = null
  }
  const pipelineIds =
    query.mergeRequest === null
      ? null
      : await pipelines.listIdsOfMergeRequest(project.id, query.mergeRequest, mostPipelines)
  return { query, problems, selection: selectionOf(query, { now: clock(), userId, pipelineIds }) }
}

async function findUserId(users: PageContext['users'], person: string): Promise<number | null> {
  if (/^\d{1,15}$/.test(person)) return Number(person)
  return (await users.findByUsername(person.replace(/^@/, '')))?.gitlabUserId ?? null
}

async function findPinned(
  { modelLists }: PageContext,
  project: AnyProject,
  { pin }: TableQuery,
): Promise<StoredModel | null> {
  return pin === null ? null : ((await modelLists.find(project.id, pin))?.model ?? null)
}

function neighboursOf({ rows, before, total }: TablePage): Record<'previous' | 'next', TableQuery['start']> {
  const [first, last] = [rows[0], rows.at(-1)]
  return {
    previous: before > 0 && first !== undefined ? { before: first.key } : null,
    next: before + rows.length < total && last !== undefined ? { after: last.key } : null,
  }
}
