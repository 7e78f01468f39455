import { identityOf } from '../domain/baseline.js'
import { allNames, namesOfBranch } from '../domain/branch-names.js'
import type { HistoryPoint } from '../domain/comparison.js'
import { type ExcludedUpload, withoutExcluded } from '../domain/exclusions.js'
import { groupBy } from '../domain/group.js'
import type { Model } from '../domain/model.js'
import { sideOf } from '../domain/compare-results.js'
import type { HistoryLimits, HistoryStore, PastModel, PastPipeline } from '../stores/history-store.js'
import type { Project } from '../stores/project-store.js'
import type { Carried, CarryOvers } from './carry-over.js'

const pointsAtMost = 20
/** Some were trained several times and some failed. Reading 1,000 takes some ms, so there is an end to it. */
const modelsPerIdentity = 24
const modelsAtLeast = 200
const modelsAtMost = 2_000
const resultsAtMost = 40_000

export interface HistoryOptions {
  histories: HistoryStore
  carryOvers: Pick<CarryOvers, 'listNewest'>
}

export interface HistoryInput {
  project: Project
  targetBranch: string
  identities: readonly { dataset: string; name: string }[]
  /** These uploads are left out. */
  exclusions: readonly ExcludedUpload[]
}

/** A point with what it is ordered by and told apart by. */
interface Training {
  key: string
  pipelineId: number
  at: number
  isCarried: boolean
  point: HistoryPoint
}

/** Gathers the last trainings of models on a branch, without a call to GitLab. */
export function createHistory({ histories, carryOvers }: HistoryOptions) {
  /** By `identityOf`, one point per pipeline, the oldest first, at most 20, fewer where many models were asked for:
   * what the branch trained itself and what was merged into it and not trained again. */
  async function gather(input: HistoryInput): Promise<Map<string, HistoryPoint[]>> {
    if (input.identities.length === 0) return new Map()
    const limits = limitsFor(input.identities.length)
    const [own, carried] = await Promise.all([trained(input, limits), brought(input, limits)])
    const points = groupBy([...own, ...carried], ({ key }) => key)
    const histories = input.identities.map((identity) => {
      const key = identityOf(identity)
      return [key, inOrder(points.get(key) ?? [])] as const
    })
    return new Map(histories.filter(([, history]) => history.length > 0))
  }

  async function trained(input: HistoryInput, limits: HistoryLimits): Promise<Training[]> {
    const { project, targetBranch, identities, exclusions } = input
    const branch = namesOfBranch(project, targetBranch)
    const names = namesOf(identities)
    const found = await histories.listNewestOfBranch(project.id, { refs: allNames(branch), names }, limits)
    const whole = found.length < limits.models ? found : withoutLastPipeline(found)
    const ids = [...new Set(whole.map(({ pipelineId }) => pipelineId))]
    const pipelines = await histories.listPipelines(project.id, branch, ids)
    const good = whole.filter(({ pipelineId, job }) => pipelines.get(pipelineId)?.succeededJobs.has(job.id))
    const groups = groupBy(withoutExcluded(good, exclusions), trainingOf)
    return [...groups.values()].flatMap((repeats) => pointOf(repeats, pipelines))
  }

  async function brought(input: HistoryInput, limits: HistoryLimits): Promise<Training[]> {
    const { project, targetBranch, identities, exclusions } = input
    const limit = Math.max(1, Math.min(pointsAtMost, Math.floor(limits.models / identities.length)))
    const carried = await carryOvers.listNewest(project, namesOfBranch(project, targetBranch), {
      limit,
      listModels: (projectId, commits) =>
        histories.listOfCommits(projectId, { commits, names: namesOf(identities) }, limits),
    })
    return carried.flatMap(({ row, models }: Carried) => {
      const counted = withoutExcluded(models, exclusions).filter(({ trial }) => trial === null)
      const groups = groupBy(counted, identityOf)
      return [...groups.values()].flatMap((repeats) => carriedPoint(repeats, row))
    })
  }

  return { gather }
}

export type History = ReturnType<typeof createHistory>

function limitsFor(identities: number): HistoryLimits {
  const models = Math.max(modelsAtLeast, Math.min(modelsAtMost, identities * modelsPerIdentity))
  return { models, resultsOfEach: Math.floor(resultsAtMost / models) }
}

function namesOf(identities: HistoryInput['identities']): string[] {
  return [...new Set(identities.map(({ name }) => name))]
}

/** The rest of its models may not have been read. */
function withoutLastPipeline(models: PastModel[]): PastModel[] {
  const last = models.at(-1)?.pipelineId
  return models.filter(({ pipelineId }) => pipelineId !== last)
}

function trainingOf(model: PastModel): string {
  return `${model.pipelineId} ${identityOf(model)}`
}

function pointOf(repeats: PastModel[], pipelines: ReadonlyMap<number, PastPipeline>): Training[] {
  const [first] = repeats
  const pipeline = first === undefined ? undefined : pipelines.get(first.pipelineId)
  if (first === undefined || pipeline === undefined) return []
  return [
    {
      key: identityOf(first),
      pipelineId: first.pipelineId,
      at: pipeline.firstSeenAt.getTime(),
      isCarried: false,
      point: { commit: pipeline.commit, repeats: repeats.length, results: sideOf(repeats).means },
    },
  ]
}

/** Most were trained once, which needs no adding up. */
function carriedPoint(repeats: Model[], row: Carried['row']): Training[] {
  const [first] = repeats
  if (first === undefined) return []
  return [
    {
      key: identityOf(first),
      pipelineId: first.pipeline.id,
      at: row.mergedAt.getTime(),
      isCarried: true,
      point: { commit: row.commit, repeats: repeats.length, results: sideOf(repeats).means },
    },
  ]
}

/** The branch's own pipelines in their order, however they ended, and between them what was carried over: only to commits
 * that were not trained themselves, and of each pipeline once. */
function inOrder(trainings: readonly Training[]): HistoryPoint[] {
  const own = trainings.filter(({ isCarried }) => !isCarried).sort((a, b) => a.pipelineId - b.pipelineId)
  let latest = 0
  const placed = own.map((training) => {
    latest = Math.max(latest, training.at)
    return { ...training, at: latest }
  })
  const commits = new Set(own.map(({ point }) => point.commit))
  const carried = trainings.filter(({ isCarried, point }) => isCarried && !commits.has(point.commit))
  const once = new Map(carried.map((training) => [training.pipelineId, training]))
  return [...placed, ...once.values()]
    .sort((a, b) => a.at - b.at || a.pipelineId - b.pipelineId)
    .slice(-pointsAtMost)
    .map(({ point }) => point)
}
