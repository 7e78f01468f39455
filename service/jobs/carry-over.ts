import { isCarriable } from '../domain/baseline.js'
import { allNames, type BranchNames, wasCalled } from '../domain/branch-names.js'
import { groupBy } from '../domain/group.js'
import type { Model } from '../domain/model.js'
import type { GitLabMergeRequest } from '../gitlab/port.js'
import type { CarryOver, CarryOverStore } from '../stores/carry-over-store.js'
import type { ComparisonStore } from '../stores/comparison-store.js'
import type { ModelStore } from '../stores/model-store.js'
import type { PipelineStore } from '../stores/pipeline-store.js'
import type { Project } from '../stores/project-store.js'
import { jobKey } from './keys.js'
import { headFrom, speaksFor } from './merge-request-head.js'
import type { Queue } from './queue.js'

/** Where no webhook tells of a merge, this many merge requests are looked at this often at most for each branch. */
const lookedAtOnce = 20
const lookEveryMs = 10 * 60_000
const rememberedAtMost = 1_000

export interface CarryOverOptions {
  carryOvers: CarryOverStore
  comparisons: Pick<ComparisonStore, 'listOpenAgainst'>
  models: Pick<ModelStore, 'listOfCommits'>
  pipelines: Pick<PipelineStore, 'listOfHeads'>
  queue: Pick<Queue, 'enqueue'>
  clock: () => Date
}

type ModelsOfCommits = ModelStore['listOfCommits']

export type MergedMergeRequest = Pick<
  GitLabMergeRequest,
  'iid' | 'sha' | 'sourceBranch' | 'targetBranch' | 'sourceProjectId' | 'mergeCommitSha' | 'squashCommitSha'
>

type Asking = Pick<GitLabMergeRequest, 'iid' | 'targetBranch'>

/** What a merged merge request brought to a commit of its target branch. */
export interface Carried {
  row: CarryOver
  /** Trustworthy ones, of each model the newest; may be none. */
  models: Model[]
}

/** Lets the results of merged merge requests count for the branch that they were merged into. */
export function createCarryOver(options: CarryOverOptions) {
  const { carryOvers, comparisons, models, pipelines, queue, clock } = options
  const lookedAt = new Map<string, number>()

  /** Notes where the head of a merged merge request went, and has the notes against its target branch written anew
   * where that brings them a baseline. Costs no call to GitLab. */
  async function record(project: Project, mergeRequest: MergedMergeRequest): Promise<void> {
    const { iid: mrIid, sourceBranch, targetBranch, sha } = mergeRequest
    // What runs in forks is never carried over.
    if (sha === null || mergeRequest.sourceProjectId !== project.gitlabProjectId) return
    const commit = mergeRequest.mergeCommitSha ?? mergeRequest.squashCommitSha ?? sha
    const of = { projectId: project.id, mrIid, sourceBranch, targetBranch, headSha: sha, commit }
    const row = { ...of, jobIds: [], mergedAt: clock() }
    const [carried] = await read(project, [row])
    const jobIds = [...new Set(carried?.models.map((model) => model.job.id))].sort((a, b) => a - b)
    if (!(await carryOvers.save({ ...row, jobIds }))) return
    const open = await comparisons.listOpenAgainst(project.id, targetBranch)
    await queue.enqueue(open.map((other) => jobKey.note(project.id, other)))
  }

  /** Has the other open merge requests against the branch looked at anew, where no webhook would have told of their
   * merge. */
  async function lookForMerges(project: Project, { iid, targetBranch }: Asking): Promise<void> {
    const key = `${project.id}:${targetBranch}`
    const now = clock().getTime()
    if (project.hook.state === 'registered' || now - (lookedAt.get(key) ?? 0) < lookEveryMs) return
    const open = await comparisons.listOpenAgainst(project.id, targetBranch)
    const others = open.filter((mrIid) => mrIid !== iid).slice(0, lookedAtOnce)
    if (others.length === 0) return
    if (lookedAt.size >= rememberedAtMost) lookedAt.clear()
    lookedAt.set(key, now)
    await queue.enqueue(others.map((mrIid) => jobKey.note(project.id, mrIid)))
  }

  /** What was carried over to these commits of the branch, the newest merge request first. */
  async function listAt(project: Project, target: BranchNames, commits: string[]): Promise<Carried[]> {
    const rows = await carryOvers.listOfCommits(project.id, allNames(target), commits)
    return read(project, into(target, rows))
  }

  /** What was carried over to the branch last, the newest first. */
  async function listNewest(
    project: Project,
    target: BranchNames,
    { limit, listModels }: { limit: number; listModels?: ModelsOfCommits },
  ): Promise<Carried[]> {
    const rows = await carryOvers.listNewest(project.id, allNames(target), limit)
    return read(project, into(target, rows), listModels)
  }

  async function read(
    project: Project,
    rows: CarryOver[],
    listModels: ModelsOfCommits = models.listOfCommits,
  ): Promise<Carried[]> {
    if (rows.length === 0) return []
    const known = await pipelines.listOfHeads(project.id, [...new Set(rows.map((row) => row.headSha))])
    const found = await listModels(project.id, [...new Set(known.map((pipeline) => pipeline.sha))])
    const byHead = groupBy(known, (pipeline) => pipeline.headSha)
    const byCommit = groupBy(found, (model) => model.commit)
    return rows.map((row) => {
      const own = (byHead.get(row.headSha) ?? []).filter((pipeline) =>
        speaksFor(pipeline, { iid: row.mrIid, sourceBranch: row.sourceBranch }),
      )
      const reported = [...new Set(own.map((pipeline) => pipeline.sha))].flatMap(
        (sha) => byCommit.get(sha) ?? [],
      )
      const head = headFrom(row.headSha, own, reported)
      const jobs = own.flatMap((pipeline) => pipeline.jobs)
      const succeeded = new Set(jobs.filter((job) => job.status === 'success').map((job) => job.id))
      const isGood = (model: Model) =>
        isCarriable(model, { sourceBranch: row.sourceBranch, jobSucceeded: succeeded.has(model.job.id) })
      return { row, models: head.models.filter(isGood) }
    })
  }

  return { record, lookForMerges, listAt, listNewest }
}

function into(target: BranchNames, rows: CarryOver[]): CarryOver[] {
  return rows.filter(({ targetBranch, mergedAt }) => wasCalled(target, targetBranch, mergedAt))
}

export type CarryOvers = ReturnType<typeof createCarryOver>
