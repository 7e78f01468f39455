import { choosePerIdentity } from '../domain/baseline.js'
import type { Model } from '../domain/model.js'
import type { GitLabMergeRequest } from '../gitlab/port.js'
import { hasRun } from './described-pipeline.js'
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

/** A head of a merge request, and the branch it is on. */
export type HeadOf = Pick<GitLabMergeRequest, 'iid' | 'sourceBranch'> & { sha: string }

/** The pipelines that speak for a head: the merge request's own and those of its branch, newest first. Tags, and other
 * merge requests from the same branch, may have the same commit and other code around it. */
export type HeadPipelines = (project: Project, head: HeadOf) => Promise<Pipeline[]>

export function createHeadPipelines({
  pipelines,
}: {
  pipelines: Pick<PipelineStore, 'listOfHead'>
}): HeadPipelines {
  return async (project, { iid, sha, sourceBranch }) => {
    const rows = await pipelines.listOfHead(project.id, sha)
    return rows.filter((row) => speaksFor(row, { iid, sourceBranch }))
  }
}

/** Whether the pipeline is the merge request's own, or one of its branch. */
export function speaksFor(row: Pipeline, { iid, sourceBranch }: Omit<HeadOf, 'sha'>): boolean {
  return row.mrIids.includes(iid) || (row.kind === 'branch' && row.ref === sourceBranch)
}

export interface HeadReaderOptions {
  listPipelines: HeadPipelines
  models: Pick<ModelStore, 'listOfCommits'>
}

export type HeadReader = (project: Project, head: HeadOf, known?: Pipeline[]) => Promise<Head>

export function createHeadReader({ listPipelines, models }: HeadReaderOptions): HeadReader {
  return async (project, head, known) => {
    const rows = known ?? (await listPipelines(project, head))
    const found = await models.listOfCommits(project.id, [...new Set(rows.map((row) => row.sha))])
    return headFrom(head.sha, rows, found)
  }
}

/** What the pipelines of a head, newest first, say by the models of their commits. */
export function headFrom(sha: string, rows: Pipeline[], found: readonly Model[]): Head {
  const ids = new Set(rows.map((row) => row.pipelineId))
  const reported = found.filter((model) => ids.has(model.pipeline.id))
  const isNewest = newestTries(rows, reported)
  return {
    sha,
    pipelines: rows,
    models: choosePerIdentity(reported.filter((model) => isNewest(model.pipeline.id, model.job))),
    silent: rows.flatMap((row) => row.silent.filter((job) => isNewest(row.pipelineId, job))),
  }
}

interface JobTry {
  id: number
  name: string
}

/** Tells the newest try of each job, of those that reported or ended: what an earlier one said no longer counts. */
function newestTries(rows: Pipeline[], reported: Model[]): (pipelineId: number, job: JobTry) => boolean {
  const newest = new Map<string, number>()
  const add = (pipelineId: number, { id, name }: JobTry) => {
    const key = `${pipelineId}:${name}`
    newest.set(key, Math.max(id, newest.get(key) ?? 0))
  }
  for (const row of rows) {
    for (const job of [...row.silent, ...row.jobs.filter(hasRun)]) add(row.pipelineId, job)
  }
  for (const model of reported) add(model.pipeline.id, model.job)
  return (pipelineId, { id, name }) => newest.get(`${pipelineId}:${name}`) === id
}

export function reportedJobs(head: Head): number[] {
  return [...new Set([...head.models.map((model) => model.job.id), ...head.silent.map((job) => job.id)])]
}

/** Names of the jobs that ran to an end of any kind; what was skipped or waits for a hand did not run. */
export function endedJobs(head: Head): Set<string> {
  const jobs = head.pipelines.flatMap((row) => row.jobs)
  return new Set(jobs.filter(hasRun).map((job) => job.name))
}
