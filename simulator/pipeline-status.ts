import type { Job, JobStatus } from './state.js'

type Weighed = JobStatus | 'success_with_warnings' | 'ignored'

/**
 * The state of a pipeline from the latest try of each of its jobs and external statuses, as GitLab's
 * `Gitlab::Ci::Status::Composite` derives it.
 */
export function compositeStatus(jobs: Pick<Job, 'status' | 'allowFailure'>[]): JobStatus {
  if (jobs.length === 0) return 'created'
  const present = new Set(jobs.map(weigh))
  function only(...allowed: Weighed[]): boolean {
    return [...present].every((status) => allowed.includes(status))
  }
  function any(...wanted: Weighed[]): boolean {
    return wanted.some((status) => present.has(status))
  }
  if (only('skipped', 'ignored')) return 'skipped'
  if (only('success', 'skipped', 'success_with_warnings', 'ignored')) return 'success'
  if (only('created', 'success_with_warnings', 'ignored')) return 'created'
  if (only('canceled', 'success', 'skipped', 'success_with_warnings', 'ignored')) return 'canceled'
  if (only('pending', 'created', 'skipped', 'success_with_warnings', 'ignored')) return 'pending'
  if (any('running', 'pending')) return 'running'
  if (any('manual')) return 'manual'
  if (any('scheduled')) return 'scheduled'
  return any('created') ? 'running' : 'failed'
}

function weigh(job: Pick<Job, 'status' | 'allowFailure'>): Weighed {
  if (!job.allowFailure) return job.status
  if (job.status === 'failed' || job.status === 'canceled') return 'success_with_warnings'
  return job.status === 'manual' ? 'ignored' : job.status
}

const finished: ReadonlySet<JobStatus> = new Set(['success', 'failed', 'canceled', 'skipped'])

export function isFinished(status: JobStatus): boolean {
  return finished.has(status)
}
