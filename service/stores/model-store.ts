import type { Db } from 'mongodb'
import type { Model, StoredModel } from '../domain/model.js'
import {
  anyModelCollection,
  fromAnyModelDoc,
  fromModelDoc,
  modelCollection,
  ofJobs,
} from './model-documents.js'
import { type ListKey, olderThan } from './model-lists.js'

export interface HistoryPage {
  models: StoredModel[]
  /** Pass as `before` to get the next page; null on the last. */
  next: ListKey | null
}

/** Decoding this many holds the event loop for some 10 ms. */
const modelsPerTurn = 250

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
    page: { limit: number; before: ListKey | null },
  ): Promise<HistoryPage> {
    const docs = await anyModels
      .find({ projectId, ...filter, ...olderThan(page.before) })
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
