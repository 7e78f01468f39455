import type { Addresses } from '../domain/addresses.js'
import { createGitLabAddresses } from '../domain/gitlab-addresses.js'
import type { PageAddress, TrainingAddress } from '../domain/page-address.js'
import type { ListedModel } from '../domain/trainings.js'
import { Problem } from '../errors.js'
import type { ProjectAccess } from '../plugins/project-access.js'
import type { PageFrame, PageName, Pages } from '../render/html.js'
import { historyView } from '../render/pages/history.js'
import { mergeRequestView } from '../render/pages/merge-request.js'
import { drawnCurves, modelView } from '../render/pages/model.js'
import { newestReports, projectView, shownMergeRequests } from '../render/pages/project.js'
import { projectsView } from '../render/pages/projects.js'
import type { ComparisonStore } from '../stores/comparison-store.js'
import type { CurveStore } from '../stores/curve-store.js'
import type { ModelLists } from '../stores/model-lists.js'
import type { PipelineStore } from '../stores/pipeline-store.js'
import type { Project, ProjectStore } from '../stores/project-store.js'
import { formatListKey, parseListKey } from './list-key.js'

export interface PageReaderOptions {
  access: ProjectAccess
  projects: ProjectStore
  modelLists: ModelLists
  curves: CurveStore
  comparisons: ComparisonStore
  pipelines: PipelineStore
  addresses: Addresses
  /** For the lines to paste. */
  publicUrl: string
}

/** A page and what it is rendered from. */
export type RenderedPage = { [P in PageName]: { page: P; view: Pages[P] & PageFrame } }[PageName]

const projectsPerPage = 30
/** The page of a project is made of so many of its newest models: a few milliseconds whatever else there is. */
const overviewModels = 500
const historyRows = 50

/** Reads what a page shows.
 * @throws Problem NOT_FOUND, INVALID_QUERY, GITLAB_UNAVAILABLE */
export function createPageReader(options: PageReaderOptions) {
  const { access, projects, modelLists, curves, comparisons, pipelines, addresses, publicUrl } = options

  async function read(address: PageAddress, query: URLSearchParams): Promise<RenderedPage> {
    if (address.page === 'projects') return readProjects(query)
    const project = await access.getOpen(address.path)
    switch (address.page) {
      case 'project':
        return readProject(project, query)
      case 'history':
        return readHistory(project, address, query)
      case 'model':
        return readModel(project, address, query)
      case 'merge-request':
        return readMergeRequest(project, address.mrIid)
    }
  }

  async function readProjects(query: URLSearchParams): Promise<RenderedPage> {
    const after = query.get('after')
    const found = await projects.listOpen(projectsPerPage + 1, after)
    const shown = found.slice(0, projectsPerPage)
    const [states, times] = await Promise.all([
      Promise.all(shown.map(openState)),
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

  async function openState(project: Project): Promise<'open' | 'closed' | 'unknown'> {
    try {
      return (await access.isOpen(project)) ? 'open' : 'closed'
    } catch (error) {
      if (error instanceof Problem && error.code === 'GITLAB_UNAVAILABLE') return 'unknown'
      throw error
    }
  }

  async function readProject(project: Project, query: URLSearchParams): Promise<RenderedPage> {
    const before = parseListKey(query.get('before'))
    const [list, mergeRequests] = await Promise.all([
      modelLists.listNewest(project.id, null, { limit: overviewModels, before }),
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
      pipelineMergeRequests: await mergeRequestsOf(project, reported),
      serviceUrl: publicUrl,
      ...addressesOf(project),
    })
    return { page: 'project', view }
  }

  async function readHistory(
    project: Project,
    { name, dataset }: { name: string; dataset: string },
    query: URLSearchParams,
  ): Promise<RenderedPage> {
    const before = parseListKey(query.get('before'))
    const list = await modelLists.listNewest(project.id, { name, dataset }, { limit: historyRows, before })
    if (list.models.length === 0 && before === null)
      throw notFound('No model of this name was reported on this dataset.')
    const view = historyView({
      project,
      name,
      dataset,
      models: list.models,
      isFirstPage: before === null,
      older: list.next === null ? null : formatListKey(list.next),
      pipelineMergeRequests: await mergeRequestsOf(project, list.models),
      ...addressesOf(project),
    })
    return { page: 'history', view }
  }

  async function readModel(
    project: Project,
    address: { name: string; dataset: string; training: TrainingAddress },
    query: URLSearchParams,
  ): Promise<RenderedPage> {
    const siblings = await listSiblings(project, address)
    const chosen = chooseTraining(siblings, query)
    const found = chosen === undefined ? null : await modelLists.find(project.id, chosen.id)
    if (found === null) throw notFound('No model of this name was reported on this dataset for this commit.')
    const { model, upload } = found
    const drawn = model.curves.slice(0, drawnCurves).map((_curve, index) => index)
    const [points, pipelineMergeRequests] = await Promise.all([
      curves.readCurves(upload, drawn),
      mergeRequestsOf(project, [model]),
    ])
    const view = modelView({
      project,
      model,
      points,
      siblings: siblings.filter(({ commit }) => commit === model.commit),
      pipelineMergeRequests,
      ...addressesOf(project),
    })
    return { page: 'model', view }
  }

  /** Newest pipeline first. */
  async function listSiblings(
    project: Project,
    { name, dataset, training }: { name: string; dataset: string; training: TrainingAddress },
  ): Promise<ListedModel[]> {
    const commitPrefix =
      training.kind === 'commit'
        ? training.prefix
        : await modelLists.findNewestCommit(project.id, { name, dataset, branch: training.branch })
    if (commitPrefix === null) return []
    const found = await modelLists.listOfCommit(project.id, { name, dataset, commitPrefix })
    return found.sort((a, b) => b.pipeline.id - a.pipeline.id || b.job.id - a.job.id)
  }

  async function readMergeRequest(project: Project, mrIid: number): Promise<RenderedPage> {
    const comparison = await comparisons.find(project.id, mrIid)
    if (comparison === null) throw notFound('No model was reported for a merge request of this number.')
    return {
      page: 'merge-request',
      view: mergeRequestView({ ...comparison, project, ...addressesOf(project) }),
    }
  }

  /** Of those models that merge-request pipelines made. */
  async function mergeRequestsOf(
    project: Project,
    models: readonly Pick<ListedModel, 'origin' | 'pipeline'>[],
  ): Promise<Map<number, number[]>> {
    const ids = models.filter(({ origin }) => /^(mr|fork):/.test(origin)).map(({ pipeline }) => pipeline.id)
    const found = await pipelines.listByIds(project.id, [...new Set(ids)])
    return new Map(found.map(({ pipelineId, mrIids }) => [pipelineId, mrIids]))
  }

  function addressesOf(project: Project) {
    return { addresses, gitlab: createGitLabAddresses(project.webUrl) }
  }

  return read
}

/** The newest pipeline's, unless the address names another; without a label the one that has none, else the first. */
function chooseTraining(siblings: readonly ListedModel[], query: URLSearchParams): ListedModel | undefined {
  const [repeat, trial, pipeline] = [query.get('repeat'), query.get('trial'), query.get('pipeline')]
  const candidates = siblings.filter(
    (model) =>
      (repeat === null || model.repeat === repeat) &&
      (trial === null || model.trial === trial) &&
      (pipeline === null || String(model.pipeline.id) === pipeline),
  )
  const newest = candidates.filter((model) => model.pipeline.id === candidates[0]?.pipeline.id)
  const unlabelled = (model: ListedModel) =>
    (trial !== null || model.trial === null) && (repeat !== null || model.repeat === null)
  return (
    newest.find(unlabelled) ?? newest.find((model) => trial !== null || model.trial === null) ?? newest[0]
  )
}

function notFound(message: string): Problem {
  return new Problem('NOT_FOUND', { message })
}
