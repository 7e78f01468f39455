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
  /** The block that it is sealed in; absent while it is in none. Whoever replaces or deletes a model in a block has
   * readers look twice at it first (`suspect` in block-store.ts). */
  block?: string | null
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
