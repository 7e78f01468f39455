import type { Collection, Db, ObjectId } from 'mongodb'
import type { Artifact, CurveSummary, Json, Model, Named } from '../domain/model.js'

export interface ModelDoc {
  _id: string
  schema: 1
  projectId: string
  origin: string
  commit: string
  sourceCommit: string | null
  pipelineId: number
  pipelineSource: string
  ref: string
  refType: 'branch' | 'tag'
  refProtected: boolean
  jobId: number
  jobName: string
  jobStatus: string
  jobUrl: string | null
  userId: number
  dataset: string
  name: string
  repeat: string | null
  trial: string | null
  /** Absent in documents that were stored before trials could be chosen. */
  chosen?: boolean
  version: string | null
  parameters: Named<Json>[]
  hyperparameters: Named<Json>[]
  results: Named<number>[]
  curves: CurveSummary[]
  datasetDigest: string | null
  testSize: number | null
  artifacts: Artifact[]
  uploadedAt: Date
  /** Tells this upload from an earlier one of the same model; also the set that its curves belong to. */
  upload: ObjectId
}

export interface HistoryPage {
  models: Model[]
  /** Pass as `before` to get the next page; null on the last. */
  next: { uploadedAt: Date; id: string } | null
}

/** Decoding this many holds the event loop for some 10 ms. */
const modelsPerTurn = 250

export function modelCollection(db: Db): Collection<ModelDoc> {
  return db.collection<ModelDoc>('models')
}

export function fromModelDoc(doc: Omit<ModelDoc, 'schema' | 'upload'>): Model {
  return {
    id: doc._id,
    projectId: doc.projectId,
    origin: doc.origin,
    commit: doc.commit,
    sourceCommit: doc.sourceCommit,
    pipeline: {
      id: doc.pipelineId,
      source: doc.pipelineSource,
      ref: doc.ref,
      refType: doc.refType,
      refProtected: doc.refProtected,
    },
    job: { id: doc.jobId, name: doc.jobName, status: doc.jobStatus, url: doc.jobUrl },
    userId: doc.userId,
    dataset: doc.dataset,
    name: doc.name,
    repeat: doc.repeat,
    trial: doc.trial,
    chosen: doc.chosen ?? false,
    version: doc.version,
    parameters: doc.parameters,
    hyperparameters: doc.hyperparameters,
    results: doc.results,
    curves: doc.curves,
    datasetDigest: doc.datasetDigest,
    testSize: doc.testSize,
    artifacts: doc.artifacts,
    uploadedAt: doc.uploadedAt,
  }
}

/** Reads models. Every query names the project, so that one project never sees another's. */
export function createModelStore(db: Db) {
  const models = modelCollection(db)

  async function findModel(projectId: string, id: string): Promise<Model | null> {
    const doc = await models.findOne({ _id: id, projectId })
    return doc === null ? null : fromModelDoc(doc)
  }

  async function listOfReport(projectId: string, commit: string, pipelineId: number, jobId: number) {
    const docs = await models.find({ projectId, commit, pipelineId, jobId }).limit(500).toArray()
    return docs.map(fromModelDoc)
  }

  /** Models of these commits, at most 5,000 of them: candidates and baselines of one comparison. */
  async function listOfCommits(projectId: string, commits: string[]): Promise<Model[]> {
    if (commits.length === 0) return []
    const docs = await models
      .find({ projectId, commit: { $in: commits } }, { batchSize: modelsPerTurn })
      .limit(5_000)
      .toArray()
    return docs.map(fromModelDoc)
  }

  /** The newest uploads of a branch's own pipelines, at most `limit`. */
  async function listNewestOfBranch(projectId: string, branch: string, limit: number): Promise<Model[]> {
    const docs = await models
      .find({ projectId, ref: branch, refType: 'branch', pipelineSource: { $ne: 'merge_request_event' } })
      .sort({ uploadedAt: -1 })
      .limit(limit)
      .toArray()
    return docs.map(fromModelDoc)
  }

  /** Newest first, by key; `filter` narrows to one model name and dataset. */
  async function listNewest(
    projectId: string,
    filter: { name?: string; dataset?: string },
    page: { limit: number; before: { uploadedAt: Date; id: string } | null },
  ): Promise<HistoryPage> {
    const key = page.before
    const docs = await models
      .find({
        projectId,
        ...filter,
        ...(key && {
          uploadedAt: { $lte: key.uploadedAt },
          $or: [{ uploadedAt: { $lt: key.uploadedAt } }, { _id: { $lt: key.id } }],
        }),
      })
      .sort({ uploadedAt: -1, _id: -1 })
      .limit(page.limit + 1)
      .toArray()
    const shown = docs.slice(0, page.limit).map(fromModelDoc)
    const last = shown.at(-1)
    return {
      models: shown,
      next: docs.length > page.limit && last ? { uploadedAt: last.uploadedAt, id: last.id } : null,
    }
  }

  /** The newest upload of each pipeline that reported since `since`, for these projects. */
  async function listReportingPipelines(projectIds: string[], since: Date) {
    return models
      .aggregate<{ _id: { projectId: string; pipelineId: number }; newest: Date }>([
        { $match: { projectId: { $in: projectIds }, uploadedAt: { $gte: since } } },
        {
          $group: {
            _id: { projectId: '$projectId', pipelineId: '$pipelineId' },
            newest: { $max: '$uploadedAt' },
          },
        },
      ])
      .toArray()
  }

  /** When the newest model of these commits came, if that was after `since`. */
  async function findUploadAfter(projectId: string, commits: string[], since: Date): Promise<Date | null> {
    const doc = await models.findOne(
      { projectId, uploadedAt: { $gt: since }, commit: { $in: commits } },
      { projection: { uploadedAt: 1 }, sort: { uploadedAt: -1, _id: -1 } },
    )
    return doc?.uploadedAt ?? null
  }

  /** Whether the pipeline has reported a model after `since`. */
  async function hasNewer(projectId: string, pipelineId: number, since: Date): Promise<boolean> {
    const filter = { projectId, pipelineId, uploadedAt: { $gt: since } }
    return (await models.findOne(filter, { projection: { _id: 1 }, sort: { uploadedAt: -1 } })) !== null
  }

  /** Notes the head that a merge-result commit was made for. */
  async function markSourceCommit(projectId: string, commit: string, sourceCommit: string): Promise<void> {
    await models.updateMany({ projectId, commit, sourceCommit: null }, { $set: { sourceCommit } })
  }

  return {
    findModel,
    listOfReport,
    listOfCommits,
    listNewestOfBranch,
    listNewest,
    listReportingPipelines,
    findUploadAfter,
    hasNewer,
    markSourceCommit,
  }
}

export type ModelStore = ReturnType<typeof createModelStore>
