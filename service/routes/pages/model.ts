import type { TrainingAddress } from '../../domain/page-address.js'
import type { ListedModel } from '../../domain/trainings.js'
import { canDelete } from '../../domain/permissions.js'
import type { AnyReader } from '../../plugins/any-project-access.js'
import { drawnCurves, modelView } from '../../render/pages/model.js'
import type { AnyProject } from '../../stores/project-store.js'
import {
  addressesOf,
  mergeRequestsOf,
  notFound,
  type PageContext,
  pageProject,
  type RenderedPage,
} from './context.js'

interface ModelAddress {
  name: string
  dataset: string
  training: TrainingAddress
}

export async function readModelPage(
  context: PageContext,
  { project, accessLevel }: AnyReader,
  { query, ...address }: ModelAddress & { query: URLSearchParams },
): Promise<RenderedPage> {
  const { modelLists, curves } = context
  const siblings = await listSiblings(context, project, address)
  const chosen = chooseTraining(siblings, query)
  const found = chosen === undefined ? null : await modelLists.find(project.id, chosen.id)
  if (found === null) {
    throw notFound('No model of this name was reported on this dataset for this commit.')
  }
  const { model, upload } = found
  const drawn = model.curves.slice(0, drawnCurves).map((_curve, index) => index)
  const [points, pipelineMergeRequests] = await Promise.all([
    curves.readCurves(upload, drawn),
    mergeRequestsOf(context, project, [model]),
  ])
  const view = modelView({
    project: pageProject(project),
    mayDelete: canDelete(accessLevel),
    model,
    points,
    siblings: siblings.filter(({ commit }) => commit === model.commit),
    pipelineMergeRequests,
    ...addressesOf(context, project),
  })
  return { page: 'model', view }
}

/** All that was trained of the model from that commit, the newest pipeline first. */
async function listSiblings(
  { modelLists }: PageContext,
  project: AnyProject,
  { name, dataset, training }: ModelAddress,
): Promise<ListedModel[]> {
  if (training.kind === 'version') {
    return modelLists.listOfVersion(project.id, { name, dataset, version: training.version })
  }
  const commitPrefix =
    training.kind === 'commit'
      ? training.prefix
      : await modelLists.findNewestCommit(project.id, { name, dataset, branch: training.branch })
  if (commitPrefix === null) return []
  const found = await modelLists.listOfCommit(project.id, { name, dataset, commitPrefix })
  return found.sort((a, b) => pipelineIdOf(b) - pipelineIdOf(a) || (b.job?.id ?? 0) - (a.job?.id ?? 0))
}

/** What persons reported comes after all pipelines. */
function pipelineIdOf({ pipeline }: ListedModel): number {
  return pipeline?.id ?? 0
}

/** The newest pipeline's, unless the address names another; without a label the one that has none, else the first. */
function chooseTraining(siblings: readonly ListedModel[], query: URLSearchParams): ListedModel | undefined {
  const [repeat, trial, pipeline] = [query.get('repeat'), query.get('trial'), query.get('pipeline')]
  const byId = siblings.find((model) => model.id === query.get('model'))
  if (byId !== undefined) return byId
  const named = siblings.filter(
    (model) =>
      (repeat === null || model.repeat === repeat) &&
      (trial === null || model.trial === trial) &&
      (pipeline === null || String(pipelineIdOf(model)) === pipeline),
  )
  const newest = named.filter((model) => model.pipeline?.id === named[0]?.pipeline?.id)
  const isNoTrial = (model: ListedModel) => trial !== null || model.trial === null
  const isNoRepeat = (model: ListedModel) => repeat !== null || model.repeat === null
  return newest.find((model) => isNoTrial(model) && isNoRepeat(model)) ?? newest.find(isNoTrial) ?? newest[0]
}
