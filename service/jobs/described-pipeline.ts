import type { Baseline } from '../domain/baseline.js'
import { baseJobName } from '../domain/expected-jobs.js'
import type { NotePipeline } from '../render/note-input.js'
import type { Pipeline } from '../stores/pipeline-store.js'
import type { Project } from '../stores/project-store.js'
import type { Head } from './merge-request-head.js'

/** A head's pipelines as one, for people. Training jobs are those that hold our ID token, that reported here, or that
 * reported at the baseline. */
export function describePipeline(project: Project, head: Head, baselines: readonly Baseline[]): NotePipeline {
  const root = rootOf(head)
  const isFinished = hasFinished(head)
  const reported = new Set(head.models.map((model) => model.job.name))
  const expected = expectedJobs(head)
  const before = baselines.flatMap(({ models }) => models.map((model) => model.job.name))
  const training = new Set([
    ...reported,
    ...head.silent.map((job) => job.name),
    ...(expected ?? []),
    ...before,
  ])
  const failed = failedJobs(head).filter((job) => training.has(job.name))
  const failedNames = new Set(failed.map((job) => job.name))
  const silent = [...new Set([...(expected ?? []), ...head.silent.map((job) => job.name)])].filter(
    (name) => !reported.has(name) && !failedNames.has(name),
  )
  const ended = new Set([...reported, ...failedNames, ...silent]).size
  return {
    id: root?.pipelineId ?? 0,
    url: root?.webUrl ?? project.webUrl,
    state: isFinished ? 'finished' : 'running',
    jobsReported: reported.size,
    jobsTotal: isFinished ? ended : runningTotal(head, { reported, expected, before }),
    failedJobs: failed.map(({ id, name, status }) => ({
      name,
      status,
      url: `${project.webUrl}/-/jobs/${id}`,
    })),
    silentJobs: silent,
  }
}

/** A child may be known before the pipeline that started it, whose end is the one that counts. */
function hasFinished({ pipelines }: Head): boolean {
  const known = new Set(pipelines.map((row) => row.pipelineId))
  return pipelines.every((row) => row.ended && (row.rootId === null || known.has(row.rootId)))
}

/** The newest pipeline that is no child of another. */
export function rootOf({ pipelines }: Head): Pipeline | undefined {
  return pipelines.find((row) => row.rootId === null) ?? pipelines[0]
}

/** Whether a job that is to report runs, or has run and sent nothing. */
export function expectsReports(head: Head): boolean {
  return (expectedJobs(head) ?? []).length > 0
}

/** Jobs of the newest pipeline that are to report; null where nobody knows. What waits for a hand is not. */
function expectedJobs(head: Head): string[] | null {
  const root = rootOf(head)
  if (root === undefined || root.expected === null) return null
  const known = new Set(root.expected.names)
  return root.jobs.flatMap(({ name, status }) =>
    known.has(baseJobName(name)) && !isIdle(status) ? [name] : [],
  )
}

interface Known {
  reported: ReadonlySet<string>
  expected: readonly string[] | null
  before: readonly string[]
}

/** As configured, else as many as at the baseline; null where child pipelines may bring more, or nobody knows. */
function runningTotal(head: Head, { reported, expected, before }: Known): number | null {
  if (rootOf(head)?.expected?.startsPipelines === true) return null
  const names = expected ?? before
  return names.length === 0 ? null : new Set([...names, ...reported]).size
}

interface JobTry {
  id: number
  name: string
  status: string
}

/** The newest try of each job, by name, that failed or was cancelled: GitLab's word before the job's own. */
function failedJobs(head: Head): JobTry[] {
  const tries = [
    ...head.models.map((model) => model.job),
    ...head.silent,
    ...head.pipelines.flatMap((row) => row.jobs.filter(hasRun)),
  ]
  const newest = new Map<string, JobTry>()
  for (const { id, name, status } of tries) {
    const known = newest.get(name)
    if (known === undefined || known.id <= id) newest.set(name, { id, name, status })
  }
  return [...newest.values()].filter(isFailed)
}

/** Whether a job ran to an end of its own. */
export function hasRun(job: { status: string }): boolean {
  return job.status === 'success' || isFailed(job)
}

function isFailed({ status }: { status: string }): boolean {
  return status === 'failed' || status === 'canceled'
}

function isIdle(status: string): boolean {
  return status === 'manual' || status === 'skipped' || status === 'scheduled'
}
