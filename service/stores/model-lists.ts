import type { Collection, Db, Filter, ObjectId } from 'mongodb'
import type { StoredModel } from '../domain/model.js'
import type { ListedModel } from '../domain/trainings.js'
import { type AnyModelDoc, anyModelCollection, fromAnyModelDoc, type ModelDoc } from './model-documents.js'

/** Where a page of a list ends: the next one starts below it. */
export interface ListKey {
  uploadedAt: Date
  id: string
}

export interface ModelList {
  models: ListedModel[]
  /** Some model has more results than are read for lists. */
  isResultsCut: boolean
  /** Null on the last page. */
  next: ListKey | null
}

/** How many results of one model are read for lists. */
export const listedResults = 100

const listFields = {
  origin: 1,
  commit: 1,
  sourceCommit: 1,
  pipelineId: 1,
  pipelineSource: 1,
  ref: 1,
  refType: 1,
  refProtected: 1,
  jobId: 1,
  jobName: 1,
  dataset: 1,
  name: 1,
  repeat: 1,
  trial: 1,
  version: 1,
  results: { $slice: listedResults + 1 },
  uploadedAt: 1,
} as const

type ListedJobDoc = Pick<ModelDoc, '_id' | keyof typeof listFields>
type ListedDoc =
  ListedJobDoc | (Omit<ListedJobDoc, 'commit' | 'pipelineId'> & { commit: string | null; pipelineId: null })

/** What pages read of models: lists without settings and curves, and one model with all of it. */
export function createModelLists(db: Db) {
  const models = anyModelCollection(db)
  return {
    /** Newest first, by key; `filter` narrows to one model name and dataset. */
    listNewest: (
      projectId: string,
      filter: ModelName | null,
      page: { limit: number; before: ListKey | null },
    ) => listNewest(models, projectId, filter, page),
    /** Every origin, repeat and trial of a model that was trained from a commit, given by its first digits. */
    listOfCommit: (projectId: string, model: ModelName & { commitPrefix: string }) =>
      listOfCommit(models, projectId, model),
    /** The same of what has no commit. */
    listOfVersion: (projectId: string, model: ModelName & { version: string }) =>
      listOfVersion(models, projectId, model),
    /** The commit that the branch's newest model of this name was trained from. */
    findNewestCommit: (projectId: string, model: ModelName & { branch: string }) =>
      findNewestCommit(models, projectId, model),
    /** A model and the key of its curves. */
    find: (projectId: string, id: string) => find(models, projectId, id),
    /** When each of these projects was last reported to, by one step through the index for each. */
    listNewestTimes: (projectIds: string[]) => listNewestTimes(models, projectIds),
  }
}

export type ModelLists = ReturnType<typeof createModelLists>

interface ModelName {
  name: string
  dataset: string
}

async function listNewest(
  models: Collection<AnyModelDoc>,
  projectId: string,
  filter: ModelName | null,
  page: { limit: number; before: ListKey | null },
): Promise<ModelList> {
  const docs = await models
    .find<ListedDoc>({ projectId, ...filter, ...olderThan(page.before) }, { projection: listFields })
    .sort({ uploadedAt: -1, _id: -1 })
    .limit(page.limit + 1)
    .toArray()
  const shown = docs.slice(0, page.limit)
  const last = shown.at(-1)
  return {
    models: shown.map(fromListedDoc),
    isResultsCut: shown.some((doc) => doc.results.length > listedResults),
    next: docs.length > page.limit && last ? { uploadedAt: last.uploadedAt, id: last._id } : null,
  }
}

async function listOfCommit(
  models: Collection<AnyModelDoc>,
  projectId: string,
  model: ModelName & { commitPrefix: string },
): Promise<ListedModel[]> {
  const { name, dataset, commitPrefix } = model
  const docs = await models
    .find<ListedDoc>(
      { projectId, commit: { $gte: commitPrefix, $lt: `${commitPrefix}g` }, name, dataset },
      { projection: listFields },
    )
    .limit(2_000)
    .toArray()
  return docs.map(fromListedDoc)
}

/** What persons reported without a commit, the newest first. */
async function listOfVersion(
  models: Collection<AnyModelDoc>,
  projectId: string,
  { version, ...model }: ModelName & { version: string },
): Promise<ListedModel[]> {
  const docs = await models
    .find<ListedDoc>({ projectId, ...model, commit: null, version }, { projection: listFields })
    .sort({ uploadedAt: -1 })
    .limit(2_000)
    .toArray()
  return docs.map(fromListedDoc)
}

async function findNewestCommit(
  models: Collection<AnyModelDoc>,
  projectId: string,
  model: ModelName & { branch: string },
): Promise<string | null> {
  const { name, dataset, branch } = model
  const doc = await models.findOne(
    {
      projectId,
      name,
      dataset,
      ref: branch,
      refType: 'branch',
      pipelineSource: { $ne: 'merge_request_event' },
    },
    { projection: { commit: 1 }, sort: { uploadedAt: -1, _id: -1 } },
  )
  return doc?.commit ?? null
}

async function find(
  models: Collection<AnyModelDoc>,
  projectId: string,
  id: string,
): Promise<{ model: StoredModel; upload: ObjectId } | null> {
  const doc = await models.findOne({ _id: id, projectId })
  return doc === null ? null : { model: fromAnyModelDoc(doc), upload: doc.upload }
}

async function listNewestTimes(
  models: Collection<AnyModelDoc>,
  projectIds: string[],
): Promise<Map<string, Date>> {
  if (projectIds.length === 0) return new Map()
  const rows = await models
    .aggregate<{ _id: string; at: Date }>([
      { $match: { projectId: { $in: projectIds } } },
      { $sort: { projectId: 1, uploadedAt: -1 } },
      { $group: { _id: '$projectId', at: { $first: '$uploadedAt' } } },
    ])
    .toArray()
  return new Map(rows.map((row) => [row._id, row.at]))
}

/** What comes after a page of a list. */
export function olderThan(key: ListKey | null): Filter<AnyModelDoc> {
  if (key === null) return {}
  return {
    uploadedAt: { $lte: key.uploadedAt },
    $or: [{ uploadedAt: { $lt: key.uploadedAt } }, { _id: { $lt: key.id } }],
  }
}

function fromListedDoc(doc: ListedDoc): ListedModel {
  return {
    id: doc._id,
    origin: doc.origin,
    commit: doc.commit,
    ...jobFields(doc),
    dataset: doc.dataset,
    name: doc.name,
    repeat: doc.repeat,
    trial: doc.trial,
    version: doc.version,
    results: doc.results.slice(0, listedResults),
    uploadedAt: doc.uploadedAt,
  }
}

function jobFields(doc: ListedDoc): Pick<ListedModel, 'sourceCommit' | 'pipeline' | 'job'> {
  if (doc.pipelineId === null) return { sourceCommit: null, pipeline: null, job: null }
  const { pipelineId: id, pipelineSource: source, ref, refType, refProtected, sourceCommit } = doc
  return {
    sourceCommit,
    pipeline: { id, source, ref, refType, refProtected },
    job: { id: doc.jobId, name: doc.jobName },
  }
}
