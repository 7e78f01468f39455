import { isGateJob } from '../domain/gate-job.js'
import { hasEnded, type PipelineTarget, pipelineTarget } from '../domain/target.js'
import { GitLabError } from '../gitlab/errors.js'
import type { GitLab, GitLabJob, GitLabPipeline } from '../gitlab/port.js'
import { createProjectRefresh } from '../project-refresh.js'
import type { ModelStore } from '../stores/model-store.js'
import type { ComparisonStore } from '../stores/comparison-store.js'
import type { Pipeline, PipelineStore } from '../stores/pipeline-store.js'
import type { Project, ProjectStore } from '../stores/project-store.js'
import { jobKey, parseKey } from './keys.js'
import type { Queue } from './queue.js'
import type { JobHandler, JobResult } from './worker.js'

/** Below this age what GitLab said of a running pipeline is not asked again, unless a webhook spoke. */
const freshMs = 8_000
/** The same in a pipeline's first seconds where no webhook tells of its end: it may be as short as its jobs' burst. */
const youngFreshMs = 1_500
const hourMs = 3_600_000
/** A pipeline that runs longer is given up; a later report or webhook takes it up again. */
const followedForMs = 72 * hourMs

export interface PipelineJobOptions {
  gitlab: GitLab
  projects: ProjectStore
  pipelines: PipelineStore
  models: ModelStore
  comparisons: ComparisonStore
  queue: Pick<Queue, 'enqueue'>
  clock: () => Date
}

type Facts = Omit<Pipeline, 'silent' | 'heardAt'>

/** Finds out which merge requests a pipeline's models are for, has their notes written, and follows it to its end. */
export function createPipelineJob(options: PipelineJobOptions): JobHandler {
  const { gitlab, projects, pipelines, models, comparisons, queue, clock } = options
  const refreshProject = createProjectRefresh(options)

  return async (job) => {
    const { projectId, number: pipelineId } = parseKey(job.key)
    const stored = await projects.find(projectId)
    if (stored === null) return { kind: 'done' }
    const project = await refreshProject(stored)
    const known = await pipelines.find(projectId, pipelineId)
    if (known !== null && (await isFresh(known, project))) {
      await enqueueNotes(known)
      return after(known, project)
    }
    return look(project, pipelineId, known)
  }

  async function isFresh(known: Pipeline, project: Project): Promise<boolean> {
    if (known.heardAt !== null && known.heardAt >= known.checkedAt) return false
    // A job that reports after the end was started again.
    if (known.ended) return !(await hasReportedSince(known))
    return clock().getTime() - known.checkedAt.getTime() < freshFor(known, project)
  }

  async function hasReportedSince({ projectId, pipelineId, checkedAt, silent }: Pipeline): Promise<boolean> {
    return silent.some((job) => job.at > checkedAt) || models.hasNewer(projectId, pipelineId, checkedAt)
  }

  async function look(project: Project, pipelineId: number, known: Pipeline | null): Promise<JobResult> {
    const checkedAt = clock()
    // People wait for the end, so both are asked at once; the first look at a running pipeline needs no jobs.
    const [found, jobsAtOnce] = await Promise.all([
      gitlab.findPipeline(project.gitlabProjectId, pipelineId),
      known === null ? [] : listJobs(gitlab, project, pipelineId),
    ])
    if (found === null) return { kind: 'done' }
    const target = pipelineTarget(found)
    const [merge, mrIids, jobs] = await Promise.all([
      mergeOf(project, found, target, known),
      mergeRequestsOf(project, target),
      isOf(jobsAtOnce, found) ? jobsAtOnce : listJobs(gitlab, project, pipelineId),
    ])
    const facts: Facts = {
      projectId: project.id,
      pipelineId,
      sha: found.sha,
      ...merge,
      ref: found.ref,
      kind: target.kind,
      source: found.source,
      status: found.status,
      webUrl: found.webUrl,
      mrIids,
      ended: hasEnded(found.status) || allEnded(jobs),
      jobs: jobs.map(({ id, name, status, allowFailure }) => ({ id, name, status, allowFailure })),
      firstSeenAt: known?.firstSeenAt ?? checkedAt,
      checkedAt,
    }
    await pipelines.save(facts)
    await enqueueNotes(facts)
    if (target.kind === 'branch') await enqueueNotesAgainst(project, target.branch, facts, known)
    return after(facts, project)
  }

  /** In merged-results pipelines the commit is in no branch: its parents are the target's and the source's heads. */
  async function mergeOf(
    project: Project,
    found: GitLabPipeline,
    target: PipelineTarget,
    known: Pipeline | null,
  ) {
    if (target.kind !== 'merge_request' || !target.mergedResults)
      return { headSha: found.sha, targetSha: null }
    const merge = known ?? (await parentsOf(project, found.sha))
    await models.markSourceCommit(project.id, found.sha, merge.headSha)
    return { headSha: merge.headSha, targetSha: merge.targetSha }
  }

  async function parentsOf(project: Project, sha: string) {
    const [commit] = await gitlab.listCommits(project.gitlabProjectId, sha, 1)
    const [targetSha = null, headSha = sha] = commit?.parentIds ?? []
    return { headSha, targetSha }
  }

  async function mergeRequestsOf(project: Project, target: PipelineTarget): Promise<number[]> {
    if (target.kind === 'merge_request') return [target.mrIid]
    if (target.kind === 'none') return []
    const open = await gitlab.listOpenMergeRequests(project.gitlabProjectId, target.branch)
    return open.filter((mr) => mr.sourceProjectId === project.gitlabProjectId).map((mr) => mr.iid)
  }

  async function enqueueNotes({ projectId, mrIids }: Facts): Promise<void> {
    await queue.enqueue(mrIids.map((mrIid) => jobKey.note(projectId, mrIid)))
  }

  /** The models of a branch are what others are compared with, once GitLab says that their jobs succeeded. */
  async function enqueueNotesAgainst(project: Project, branch: string, facts: Facts, known: Pipeline | null) {
    const before = new Set(known?.jobs.filter(succeeded).map((job) => job.id))
    if (facts.jobs.filter(succeeded).every((job) => before.has(job.id))) return
    const mrIids = await comparisons.listOpenAgainst(project.id, branch)
    await queue.enqueue(mrIids.map((mrIid) => jobKey.note(project.id, mrIid)))
  }

  function after(pipeline: Facts, project: Project): JobResult {
    const ageMs = clock().getTime() - pipeline.firstSeenAt.getTime()
    if (pipeline.ended || ageMs > followedForMs) return { kind: 'done' }
    return { kind: 'again', inMs: pollInterval(ageMs, project.hook.state === 'registered') }
  }
}

/** None where the pipeline is gone. */
async function listJobs(gitlab: GitLab, project: Project, pipelineId: number): Promise<GitLabJob[]> {
  try {
    return await gitlab.listPipelineJobs(project.gitlabProjectId, pipelineId)
  } catch (error) {
    if (error instanceof GitLabError && error.kind === 'not_found') return []
    throw error
  }
}

/** Asked at the same moment, the jobs may be those of a moment before the pipeline ended. */
function isOf(jobs: GitLabJob[], pipeline: GitLabPipeline): boolean {
  if (!hasEnded(pipeline.status)) return true
  return jobs.length > 0 && jobs.every((job) => hasEnded(job.status))
}

function succeeded(job: { status: string }): boolean {
  return job.status === 'success'
}

function allEnded(jobs: GitLabJob[]): boolean {
  return jobs.length > 0 && jobs.every((job) => isGateJob(job) || hasEnded(job.status))
}

/** Where no webhook tells of the end, a young pipeline is asked about sooner, less and less often. */
function freshFor({ firstSeenAt, checkedAt }: Pipeline, project: Project): number {
  if (project.hook.state === 'registered') return freshMs
  return Math.min(Math.max(checkedAt.getTime() - firstSeenAt.getTime(), youngFreshMs), freshMs)
}

/** Quick at first, when people wait; rarely where a webhook tells of the end anyway. */
function pollInterval(ageMs: number, hasHook: boolean): number {
  if (hasHook) return 60_000
  if (ageMs < 10 * 60_000) return 10_000
  return ageMs < 6 * hourMs ? 60_000 : 5 * 60_000
}
