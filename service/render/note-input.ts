import type { Comparison } from '../domain/compare.js'
import type { Model } from '../domain/model.js'

/** A job of the pipeline that ended without success, so that its models may be absent. */
export interface FailedJob {
  name: string
  /** GitLab's word: `failed`, `canceled`, … */
  status: string
  url: string
}

export interface NotePipeline {
  id: number
  url: string
  state: 'running' | 'finished'
  /** Jobs whose report has come. */
  jobsReported: number
  /** Jobs that are expected to report; null where nobody knows. */
  jobsTotal: number | null
  failedJobs: FailedJob[]
}

/** Addresses of our own pages. */
export interface NoteLinks {
  model(model: Model): string
  /** The full comparison of this merge request. */
  comparison: string
}

/** All that a note, or the lines in a job's log, say. Names and addresses may hold anything. */
export interface NoteInput {
  /** Of the GitLab project, for links to its commits. */
  projectUrl: string
  targetBranch: string
  headSha: string
  pipeline: NotePipeline
  comparison: Comparison
  /** What the head before this one had, to tell what the last push changed; null where there was none. */
  previous: { headSha: string; comparison: Comparison } | null
  links: NoteLinks
}
