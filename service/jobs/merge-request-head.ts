import { choosePerIdentity, type Baseline } from '../domain/baseline.js'
import type { Model } from '../domain/model.js'
import type { FailedJob, NotePipeline } from '../render/note-input.js'
import type { ModelStore } from '../stores/model-store.js'
import type { Pipeline, PipelineStore, SilentJob } from '../stores/pipeline-store.js'
import type { Project } from '../stores/project-store.js'

/** What was reported for one head of a merge request. */
export interface Head {
  sha: string
  /** Newest first. */
  pipelines: Pipeline[]
  /** Of each model the newest. */
  models: Model[]
  silent: SilentJob[]
}

export interface HeadReaderOptions {
  pipelines: Pick<PipelineStore, 'listOfHead'>
  models: Pick<ModelStore, 'listOfCommits'>
}

export type HeadReader = (project: Project, sha: string, known?: Pipeline[]) => Promise<Head>

export function createHeadReader({ pipelines, models }: HeadReaderOptions): HeadReader {
  return async (project, sha, known) => {
    const rows = known ?? (await pipelines.listOfHead(project.id, sha))
    const ids = new Set(rows.map((row) => row.pipelineId))
    const found = await models.listOfCommits(project.id, [...new Set(rows.map((row) => row.sha))])
    return {
      sha,
      pipelines: rows,
      models: choosePerIdentity(found.filter((model) => ids.has(model.pipeline.id))),
      silent: rows.flatMap((row) => row.silent),
    }
  }
}

export function reportedJobs(head: Head): number[] {
  return [...new Set([...head.models.map((model) => model.job.id), ...head.silent.map((job) => job.id)])]
}

/** Names of the jobs that ran to an end of any kind; what was skipped or waits for a hand did not run. */
export function endedJobs(head: Head): Set<string> {
  const jobs = head.pipelines.flatMap((row) => row.jobs)
  return new Set(jobs.filter((job) => job.status === 'success' || isFailed(job)).map((job) => job.name))
}

/** Its pipelines as one, for people. */
export function describePipeline(project: Project, head: Head, baselines: Baseline[]): NotePipeline {
  const [newest] = head.pipelines
  const finished = head.pipelines.every((row) => row.ended)
  const failed = failedJobs(project, head, baselines)
  const reported = new Set(head.models.map((model) => model.job.id)).size
  return {
    id: newest?.pipelineId ?? 0,
    url: newest?.webUrl ?? project.webUrl,
    state: finished ? 'finished' : 'running',
    jobsReported: reported,
    jobsTotal: finished ? reported + failed.length : null,
    failedJobs: failed,
  }
}

interface JobTry {
  id: number
  name: string
  status: string
}

/** Training jobs that failed or were cancelled, unless a later try reported a model: those that said so themselves, and
 * those that could not (GitLab says so, and the baseline knows their names). */
function failedJobs(project: Project, head: Head, baselines: Baseline[]): FailedJob[] {
  const training = new Set(baselines.flatMap(({ models }) => models.map((model) => model.job.name)))
  const told = head.pipelines
    .flatMap((row) => row.jobs)
    .filter((job) => training.has(job.name) && isFailed(job))
  const reported = new Map(head.models.map((model) => [model.job.name, model.job.id]))
  return newestTries([...told, ...head.silent])
    .filter((job) => (reported.get(job.name) ?? 0) < job.id)
    .map(({ id, name, status }) => ({ name, status, url: `${project.webUrl}/-/jobs/${id}` }))
}

function isFailed({ status }: JobTry): boolean {
  return status === 'failed' || status === 'canceled'
}

function newestTries(tries: JobTry[]): JobTry[] {
  return [...new Map(tries.toSorted((a, b) => a.id - b.id).map((job) => [job.name, job])).values()]
}
