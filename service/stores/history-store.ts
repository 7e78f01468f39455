import type { Db } from 'mongodb'
import type { Model } from '../domain/model.js'
import { fromModelDoc, type ModelDoc, modelCollection } from './model-store.js'
import { pipelineCollection } from './pipeline-store.js'

/** How much of a history is read: results are cut where models have more. */
export interface HistoryLimits {
  models: number
  resultsOfEach: number
}

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

/** Reads results of many trainings and nothing else of them: no settings, no curves, no trials. */
export function createHistoryStore(db: Db) {
  const models = modelCollection(db)
  const pipelines = pipelineCollection(db)

  /** What a branch's own pipelines uploaded last, newest first. */
  async function listNewestOfBranch(
    projectId: string,
    of: { branch: string; names: string[] },
    limits: HistoryLimits,
  ): Promise<Model[]> {
    const docs = await models
      .find({
        projectId,
        ref: of.branch,
        name: { $in: of.names },
        refType: 'branch',
        pipelineSource: { $ne: 'merge_request_event' },
        trial: null,
      })
      .project<HistoryDoc>(projectionOf(limits))
      .sort({ uploadedAt: -1 })
      .limit(limits.models)
      .toArray()
    return docs.map((doc) => fromDoc(projectId, doc))
  }

  async function listOfCommits(
    projectId: string,
    commits: string[],
    limits: HistoryLimits,
  ): Promise<Model[]> {
    if (commits.length === 0) return []
    const docs = await models
      .find({ projectId, commit: { $in: commits }, trial: null })
      .project<HistoryDoc>(projectionOf(limits))
      .limit(limits.models)
      .toArray()
    return docs.map((doc) => fromDoc(projectId, doc))
  }

  /** The jobs of these pipelines of the branch that ended well, as GitLab says. */
  async function listSucceededJobs(
    projectId: string,
    branch: string,
    pipelineIds: number[],
  ): Promise<Set<number>> {
    if (pipelineIds.length === 0) return new Set()
    const succeeded = { $filter: { input: '$jobs', cond: { $eq: ['$$this.status', 'success'] } } }
    const rows = await pipelines
      .find({ _id: { $in: pipelineIds.map((id) => `${projectId}:${id}`) }, kind: 'branch', ref: branch })
      .project<{ ids: number[] }>({ _id: 0, ids: { $map: { input: succeeded, in: '$$this.id' } } })
      .toArray()
    return new Set(rows.flatMap((row) => row.ids))
  }

  return { listNewestOfBranch, listOfCommits, listSucceededJobs }
}

export type HistoryStore = ReturnType<typeof createHistoryStore>

function projectionOf({ resultsOfEach }: HistoryLimits) {
  return { ...fields, results: { $slice: resultsOfEach } }
}

/** What was not read is empty. */
function fromDoc(projectId: string, doc: HistoryDoc): Model {
  return fromModelDoc({ projectId, ...unread, ...doc })
}
