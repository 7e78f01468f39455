import type { Db } from 'mongodb'
import { allNames, type BranchNames, wasCalled } from '../domain/branch-names.js'
import type { Model, Named } from '../domain/model.js'
import { fromModelDoc, type ModelDoc, modelCollection, ofJobs } from './model-documents.js'
import { pipelineCollection } from './pipeline-store.js'

/** How much of a history is read: results are cut where models have more. */
export interface HistoryLimits {
  models: number
  resultsOfEach: number
}

const pastFields = { pipelineId: 1, jobId: 1, dataset: 1, name: 1 } as const

const fields = {
  origin: 1,
  commit: 1,
  pipelineId: 1,
  pipelineSource: 1,
  ref: 1,
  refType: 1,
  jobId: 1,
  jobName: 1,
  dataset: 1,
  name: 1,
  repeat: 1,
  uploadedAt: 1,
} as const

type HistoryDoc = Pick<ModelDoc, '_id' | 'results' | keyof typeof fields>
type Unread = Omit<ModelDoc, keyof HistoryDoc | 'schema' | 'upload' | 'projectId'>

const unread: Unread = {
  sourceCommit: null,
  refProtected: false,
  jobStatus: '',
  jobUrl: null,
  userId: 0,
  trial: null,
  version: null,
  parameters: [],
  hyperparameters: [],
  curves: [],
  datasetDigest: null,
  testSize: null,
  artifacts: [],
}

/** What a model of the history was, and no more: a thousand of them are read at once. */
export interface PastModel {
  id: string
  pipelineId: number
  job: { id: number }
  dataset: string
  name: string
  results: Named<number>[]
}

/** A pipeline of the branch that people know by its commit. */
export interface PastPipeline {
  commit: string
  firstSeenAt: Date
  /** As GitLab says. */
  succeededJobs: ReadonlySet<number>
}

/** Reads results of many trainings and nothing else of them: no settings, no curves, no trials. */
export function createHistoryStore(db: Db) {
  const models = modelCollection(db)
  const pipelines = pipelineCollection(db)

  /** What a branch's own pipelines uploaded last, newest first. */
  async function listNewestOfBranch(
    projectId: string,
    { refs, names }: { refs: string[]; names: string[] },
    limits: HistoryLimits,
  ): Promise<PastModel[]> {
    const docs = await models
      .find({
        projectId,
        ref: { $in: refs },
        name: { $in: names },
        refType: 'branch',
        pipelineSource: { $ne: 'merge_request_event' },
        origin: { $in: [...refs.map((ref) => `branch:${ref}`), /^schedule:/] },
        trial: null,
      })
      .project<PastDoc>({ ...pastFields, results: { $slice: limits.resultsOfEach } })
      .sort({ uploadedAt: -1 })
      .limit(limits.models)
      .toArray()
    return docs.map(({ _id: id, jobId, ...rest }) => ({ ...rest, id, job: { id: jobId } }))
  }

  async function listOfCommits(
    projectId: string,
    { commits, names }: { commits: string[]; names: string[] },
    limits: HistoryLimits,
  ): Promise<Model[]> {
    if (commits.length === 0) return []
    const docs = await models
      .find({ projectId, commit: { $in: commits }, name: { $in: names }, trial: null, ...ofJobs })
      .project<HistoryDoc>({ ...fields, results: { $slice: limits.resultsOfEach } })
      .limit(limits.models)
      .toArray()
    return docs.map((doc) => fromDoc(projectId, doc))
  }

  /** Those of these pipelines that are the branch's own. */
  async function listPipelines(
    projectId: string,
    branch: BranchNames,
    pipelineIds: number[],
  ): Promise<Map<number, PastPipeline>> {
    if (pipelineIds.length === 0) return new Map()
    const succeeded = { $filter: { input: '$jobs', cond: { $eq: ['$$this.status', 'success'] } } }
    const jobs = { $map: { input: succeeded, in: '$$this.id' } }
    const rows = await pipelines
      .find({
        _id: { $in: pipelineIds.map((id) => `${projectId}:${id}`) },
        kind: 'branch',
        ref: { $in: allNames(branch) },
      })
      .project<PipelineFields>({ _id: 0, pipelineId: 1, ref: 1, sha: 1, firstSeenAt: 1, jobs })
      .toArray()
    const own = rows.filter(({ ref, firstSeenAt }) => wasCalled(branch, ref, firstSeenAt))
    return new Map(
      own.map(({ pipelineId, sha, firstSeenAt, jobs: ids }) => [
        pipelineId,
        { commit: sha, firstSeenAt, succeededJobs: new Set(ids) },
      ]),
    )
  }

  return { listNewestOfBranch, listOfCommits, listPipelines }
}

export type HistoryStore = ReturnType<typeof createHistoryStore>

type PastDoc = Pick<ModelDoc, '_id' | 'results' | keyof typeof pastFields>

interface PipelineFields {
  pipelineId: number
  ref: string
  sha: string
  firstSeenAt: Date
  jobs: number[]
}

/** What was not read is empty. */
function fromDoc(projectId: string, doc: HistoryDoc): Model {
  return fromModelDoc({ projectId, ...unread, ...doc })
}
