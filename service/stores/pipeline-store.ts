import type { Collection, Db } from 'mongodb'
import type { ExpectedJobs } from '../domain/expected-jobs.js'

/** A job of a pipeline as GitLab's jobs API last told it. */
export interface PipelineJob {
  id: number
  name: string
  status: string
  allowFailure: boolean
}

/** A job that reported without a model: it failed, was cancelled or wrote nothing. Its own word. */
export interface SilentJob {
  id: number
  name: string
  status: string
  at: Date
}

/** What is finally said of one of the merge requests that a pipeline is for. */
export interface PipelineVerdict {
  mrIid: number
  state: 'success' | 'failed'
  description: string
  targetUrl: string
}

/** The commit status that was last set, and what GitLab made of it. */
export interface SetStatus {
  state: 'success' | 'failed'
  description: string
  outcome: string
}

/** A pipeline that reported, or whose child did. `headSha` is the commit people know: of a merged-results pipeline the merge request's head,
 * else `sha` itself. */
export interface Pipeline {
  projectId: string
  pipelineId: number
  sha: string
  headSha: string
  /** First parent of a merge-result commit: the target branch's commit that it was made with. */
  targetSha: string | null
  ref: string
  /** What it was run for: a merge request, a branch, or nothing that gets a note (tags, merge trains). */
  kind: 'merge_request' | 'branch' | 'none'
  source: string
  status: string
  webUrl: string
  mrIids: number[]
  /** Whether nothing more will come of it, its child pipelines included. */
  ended: boolean
  jobs: PipelineJob[]
  /** Null where GitLab did not say, and of child pipelines. */
  expected: ExpectedJobs | null
  /** Whether GitLab could not say just then, so that it is asked again. */
  asksExpected: boolean
  /** Of a child pipeline the one that people started; null for any other. */
  rootId: number | null
  silent: SilentJob[]
  /** When this service first asked for the pipeline, and when it last did. */
  firstSeenAt: Date
  checkedAt: Date
  /** When a webhook last spoke of it, or its gate asked. */
  heardAt: Date | null
  commitStatus: SetStatus | null
  verdicts: PipelineVerdict[]
}

/** What a look at GitLab tells of a pipeline. */
export type PipelineFacts = Omit<Pipeline, 'silent' | 'heardAt' | 'commitStatus' | 'verdicts'>

/** Facts of the pipeline are absent until GitLab has been asked about it. */
interface PipelineDoc extends Partial<Omit<Pipeline, 'silent' | 'verdicts' | 'projectId' | 'pipelineId'>> {
  _id: string
  schema: 1
  projectId: string
  pipelineId: number
  silent?: Record<string, SilentJob>
  verdicts?: Record<string, PipelineVerdict>
  /** Jobs whose report came after that of a newer try, so that nothing of it was kept. */
  supersededJobs?: number[]
}

export function pipelineCollection(db: Db): Collection<PipelineDoc> {
  return db.collection<PipelineDoc>('pipelines')
}

function idOf(projectId: string, pipelineId: number): string {
  return `${projectId}:${pipelineId}`
}

/** Null for a row that only holds silent or superseded jobs or a webhook's word. */
function fromDoc({
  _id: _,
  schema: __,
  silent,
  verdicts,
  supersededJobs: ___,
  heardAt,
  ...facts
}: PipelineDoc): Pipeline | null {
  if (facts.checkedAt === undefined) return null
  return {
    ...(facts as PipelineFacts),
    // Rows of earlier versions do not have these.
    expected: facts.expected ?? null,
    asksExpected: facts.asksExpected ?? false,
    rootId: facts.rootId ?? null,
    commitStatus: facts.commitStatus ?? null,
    silent: Object.values(silent ?? {}),
    verdicts: Object.values(verdicts ?? {}),
    heardAt: heardAt ?? null,
  }
}

export function createPipelineStore(db: Db) {
  const pipelines = pipelineCollection(db)

  async function find(projectId: string, pipelineId: number): Promise<Pipeline | null> {
    const doc = await pipelines.findOne({ _id: idOf(projectId, pipelineId) })
    return doc === null ? null : fromDoc(doc)
  }

  /** Keeps what jobs and webhooks said in the meantime. */
  async function save(pipeline: PipelineFacts): Promise<void> {
    const { projectId, pipelineId } = pipeline
    await pipelines.updateOne(
      { _id: idOf(projectId, pipelineId) },
      { $set: { ...pipeline, schema: 1 } },
      { upsert: true },
    )
  }

  /** Notes that a webhook spoke of a pipeline that has reported here; false for any other. */
  async function markHeard(projectId: string, pipelineId: number, at: Date): Promise<boolean> {
    const result = await pipelines.updateOne({ _id: idOf(projectId, pipelineId) }, { $set: { heardAt: at } })
    return result.matchedCount > 0
  }

  /** The same of a pipeline that GitLab is being asked about for the first time. */
  async function markHeardEarly(projectId: string, pipelineId: number, at: Date): Promise<void> {
    await pipelines.updateOne(
      { _id: idOf(projectId, pipelineId) },
      { $set: { projectId, pipelineId, schema: 1, heardAt: at } },
      { upsert: true },
    )
  }

  /** Pipelines of one head, newest first. */
  async function listOfHead(projectId: string, headSha: string): Promise<Pipeline[]> {
    const docs = await pipelines.find({ projectId, headSha }).sort({ pipelineId: -1 }).limit(50).toArray()
    return docs.map(fromDoc).filter((pipeline) => pipeline !== null)
  }

  /** Pipelines of several heads, newest first. */
  async function listOfHeads(projectId: string, headShas: string[]): Promise<Pipeline[]> {
    if (headShas.length === 0) return []
    const docs = await pipelines
      .find({ projectId, headSha: { $in: headShas } })
      .sort({ pipelineId: -1 })
      .limit(1_000)
      .toArray()
    return docs.map(fromDoc).filter((pipeline) => pipeline !== null)
  }

  /** The head of the newest pipeline that is known to be for this merge request. */
  async function findNewestHead(projectId: string, mrIid: number): Promise<string | null> {
    const doc = await pipelines.findOne(
      { projectId, mrIids: mrIid },
      { sort: { pipelineId: -1 }, projection: { headSha: 1 } },
    )
    return doc?.headSha ?? null
  }

  async function listByIds(projectId: string, pipelineIds: number[]): Promise<Pipeline[]> {
    if (pipelineIds.length === 0) return []
    const docs = await pipelines
      .find({ _id: { $in: pipelineIds.map((id) => idOf(projectId, id)) } })
      .toArray()
    return docs.map(fromDoc).filter((pipeline) => pipeline !== null)
  }

  /** The merge requests of those of these pipelines that are known. */
  async function listMergeRequests(projectId: string, pipelineIds: number[]): Promise<Map<number, number[]>> {
    if (pipelineIds.length === 0) return new Map()
    const docs = await pipelines
      .find({ _id: { $in: pipelineIds.map((id) => idOf(projectId, id)) } })
      .project<Pick<PipelineDoc, 'pipelineId' | 'mrIids'>>({ _id: 0, pipelineId: 1, mrIids: 1 })
      .toArray()
    return new Map(docs.map(({ pipelineId, mrIids }) => [pipelineId, mrIids ?? []]))
  }

  /** The newest pipelines of a merge request. */
  async function listIdsOfMergeRequest(projectId: string, mrIid: number, limit: number): Promise<number[]> {
    const docs = await pipelines
      .find({ projectId, mrIids: mrIid })
      .sort({ pipelineId: -1 })
      .limit(limit)
      .project<Pick<PipelineDoc, 'pipelineId'>>({ _id: 0, pipelineId: 1 })
      .toArray()
    return docs.map(({ pipelineId }) => pipelineId)
  }

  /** Pipelines that ran when they were last looked at, before `before`; those older than three days are given up. */
  async function listUnended(
    before: Date,
    limit: number,
  ): Promise<Pick<Pipeline, 'projectId' | 'pipelineId'>[]> {
    const givenUp = new Date(before.getTime() - 72 * 3_600_000)
    return pipelines
      .find({ ended: false, checkedAt: { $gt: givenUp, $lt: before } })
      .project<{ projectId: string; pipelineId: number }>({ projectId: 1, pipelineId: 1 })
      .limit(limit)
      .toArray()
  }

  return {
    find,
    save,
    ...createStatuses(pipelines),
    ...createJobWords(pipelines),
    listUnended,
    markHeard,
    markHeardEarly,
    listOfHead,
    listOfHeads,
    findNewestHead,
    listByIds,
    listMergeRequests,
    listIdsOfMergeRequest,
  }
}

/** What is finally said of a pipeline, to GitLab as a commit status. */
function createStatuses(pipelines: Collection<PipelineDoc>) {
  /** Keeps what is said of one merge request; answers with the pipeline and all that is said, null where it is not known. */
  async function saveVerdict(
    projectId: string,
    pipelineId: number,
    verdict: PipelineVerdict,
  ): Promise<Pipeline | null> {
    const doc = await pipelines.findOneAndUpdate(
      { _id: idOf(projectId, pipelineId) },
      { $set: { [`verdicts.${verdict.mrIid}`]: verdict } },
      { returnDocument: 'after' },
    )
    return doc === null ? null : fromDoc(doc)
  }

  async function saveStatus(projectId: string, pipelineId: number, commitStatus: SetStatus): Promise<void> {
    await pipelines.updateOne({ _id: idOf(projectId, pipelineId) }, { $set: { commitStatus } })
  }

  return { saveVerdict, saveStatus }
}

/** What jobs that left no model said of themselves. */
function createJobWords(pipelines: Collection<PipelineDoc>) {
  async function addSilentJob(projectId: string, pipelineId: number, job: SilentJob): Promise<void> {
    await pipelines.updateOne(
      { _id: idOf(projectId, pipelineId) },
      { $set: { projectId, pipelineId, schema: 1, [`silent.${job.id}`]: job } },
      { upsert: true },
    )
  }

  async function findSilentJob(
    projectId: string,
    pipelineId: number,
    jobId: number,
  ): Promise<SilentJob | null> {
    const doc = await pipelines.findOne({ _id: idOf(projectId, pipelineId) }, { projection: { silent: 1 } })
    return doc?.silent?.[String(jobId)] ?? null
  }

  async function addSupersededJob(projectId: string, pipelineId: number, jobId: number): Promise<void> {
    await pipelines.updateOne(
      { _id: idOf(projectId, pipelineId) },
      { $set: { projectId, pipelineId, schema: 1 }, $addToSet: { supersededJobs: jobId } },
      { upsert: true },
    )
  }

  async function isSupersededJob(projectId: string, pipelineId: number, jobId: number): Promise<boolean> {
    const filter = { _id: idOf(projectId, pipelineId), supersededJobs: jobId }
    return (await pipelines.findOne(filter, { projection: { _id: 1 } })) !== null
  }

  return { addSilentJob, findSilentJob, addSupersededJob, isSupersededJob }
}

export type PipelineStore = ReturnType<typeof createPipelineStore>
