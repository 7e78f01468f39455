import { compositeStatus, isFinished } from '../pipeline-status.js'
import type { Job, JobStatus } from '../state.js'

/**
 * What becomes of a job that was created, from the jobs that it waits for; `null` while it has to wait. As in
 * GitLab's `Ci::ProcessBuildService`.
 */
export function nextStatus(job: Job, jobs: Job[]): JobStatus | null {
  const before = jobsBefore(job, jobs)
  const status = before.length === 0 ? 'success' : compositeStatus(before)
  if (!isFinished(status)) return null
  if (!acceptable(job).includes(status)) return 'skipped'
  return job.when === 'manual' ? 'manual' : 'pending'
}

/** The jobs whose end, and whose artifacts, a job waits for. */
export function jobsBefore(job: Job, jobs: Job[]): Job[] {
  const needs = job.compiled?.needs ?? null
  if (needs !== null) return jobs.filter((other) => needs.includes(other.name))
  return jobs.filter((other) => other.stageIndex < job.stageIndex)
}

function acceptable(job: Job): JobStatus[] {
  if (job.when === 'always') return ['success', 'failed', 'skipped', 'canceled']
  if (job.when === 'on_failure') return ['failed']
  return job.compiled?.needs == null ? ['success', 'skipped'] : ['success']
}
