import type { Collection, Db, ObjectId } from 'mongodb'
import type { Artifact, CurveSummary, Json, Model, Named, StoredModel, TokenModel } from '../domain/model.js'

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

type OfJobs =
  | 'pipelineId'
  | 'pipelineSource'
  | 'ref'
  | 'refType'
  | 'refProtected'
  | 'jobId'
  | 'jobName'
  | 'jobStatus'
  | 'jobUrl'

/** What a person reported with an API token. It has no `ref`, so that it is never read as one of a branch. */
export interface TokenModelDoc extends Omit<ModelDoc, OfJobs | 'commit' | 'sourceCommit'> {
  commit: string | null
  branch: string | null
  pipelineId: null
  jobId: null
  jobName: null
  /** The last report that it was in. */
  reportId: string
}

export type AnyModelDoc = ModelDoc | TokenModelDoc

export interface HistoryPage {
  models: StoredModel[]
  /** Pass as `before` to get the next page; null on the last. */
  next: { uploadedAt: Date; id: string } | null
}

/** Decoding this many holds the event loop for some 10 ms. */
const modelsPerTurn = 250

export function modelCollection(db: Db): Collection<ModelDoc> {
  return db.collection<ModelDoc>('models')
}

/** The same collection for what reads or writes models of persons, too. */
export function anyModelCollection(db: Db): Collection<AnyModelDoc> {
  return db.collection<AnyModelDoc>('models')
}

/** Of a query for models that jobs reported. */
export const ofJobs = { pipelineId: { $gt: 0 } } as const

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

function fromTokenDoc(doc: TokenModelDoc): TokenModel {
  const {
    _id: id,
    schema: _,
    pipelineId: __,
    jobId: ___,
    jobName: ____,
    reportId: _____,
    upload: ______,
    ...rest
  } = doc
  return { id, ...rest, chosen: doc.chosen ?? false, sourceCommit: null, pipeline: null, job: null }
}

export function fromAnyModelDoc(doc: AnyModelDoc): StoredModel {
  return doc.pipelineId === null ? fromTokenDoc(doc) : fromModelDoc(doc)
}

/** Reads models. Every query names the project, so that one project never sees another's. */
export function createModelStore(db: Db) {
  const models = modelCollection(db)
  const anyModels = anyModelCollection(db)

  async function findModel(projectId: string, id: string): Promise<StoredModel | null> {
    const doc = await anyModels.findOne({ _id: id, projectId })
    return doc === null ? null : fromAnyModelDoc(doc)
  }

  /** What a person's report holds, newest first, at most 500. */
  async function listOfTokenReport(projectId: string, reportId: string): Promise<StoredModel[]> {
    const docs = await anyModels.find({ reportId, projectId }).limit(500).toArray()
    return docs.map(fromAnyModelDoc)
  }

  async function listOfReport(projectId: string, commit: string, pipelineId: number, jobId: number) {
    const docs = await models.find({ projectId, commit, pipelineId, jobId }).limit(500).toArray()
    return docs.map(fromModelDoc)
  }

  /** Models of these commits, at most 5,000 of them: candidates and baselines of one comparison. */
  async function listOfCommits(projectId: string, commits: string[]): Promise<Model[]> {
    if (commits.length === 0) return []
    const docs = await models
      .find({ projectId, commit: { $in: commits }, ...ofJobs }, { batchSize: modelsPerTurn })
      .limit(5_000)
      .toArray()
    return docs.map(fromModelDoc)
  }

  /** The newest uploads of a branch's own pipelines, at most `limit`. */
  async function listNewestOfBranch(projectId: string, refs: string[], limit: number): Promise<Model[]> {
    const docs = await models
      .find({
        projectId,
        ref: { $in: refs },
        refType: 'branch',
        pipelineSource: { $ne: 'merge_request_event' },
      })
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
    const docs = await anyModels
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
    const shown = docs.slice(0, page.limit).map(fromAnyModelDoc)
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
        { $match: { projectId: { $in: projectIds }, uploadedAt: { $gte: since }, ...ofJobs } },
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
      { projectId, uploadedAt: { $gt: since }, commit: { $in: commits }, ...ofJobs },
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
    await models.updateMany({ projectId, commit, sourceCommit: null, ...ofJobs }, { $set: { sourceCommit } })
  }

  return {
    findModel,
    listOfTokenReport,
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
