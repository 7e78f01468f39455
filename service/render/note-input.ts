import type { Comparison } from '../domain/comparison.js'
import type { ToldExclusion } from '../domain/exclusions.js'
import type { Model } from '../domain/model.js'
import type { RuleChange } from '../domain/rule-changes.js'
import type { RulesProblem } from '../domain/rules.js'
import type { Verdict } from '../domain/verdict.js'

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
  /** Names of jobs that are expected and have not reported; while the pipeline runs they still may. */
  silentJobs: string[]
}

/** The rules as they were read at the target branch. */
export interface NoteRules {
  /** `unreadable`: there is a file with errors, so that directions come from names and no gate holds. */
  state: 'none' | 'read' | 'unreadable'
  /** Of the file in the repository. */
  path: string
  /** The target branch's head when it was read. */
  commit: string | null
  /** Why it is unreadable, or what in it matches nothing. */
  problems: RulesProblem[]
}

/** The rules of the merge request's own head, where they differ. They hold once it is merged. */
export interface EditedRules {
  changes: RuleChange[]
  /** Why they cannot be read, or what in them matches nothing. */
  problems: RulesProblem[]
  /** What they would say of this comparison; null where they cannot be read, or are gone. */
  verdict: Verdict | null
}

/** Addresses of our own pages. */
export interface NoteLinks {
  model(model: Model): string
  /** The full comparison of this merge request. */
  comparison: string
  /** How broken rules are accepted. */
  accept: string
  /** A first `.mlmm.yml` and what may stand in it. */
  rules: string
}

/** Two files that are compared instead of commits. */
export interface NotePreview {
  /** Null where there is nothing to compare with. */
  base: string | null
  head: string
}

/** All that a note, or the lines in a job's log, say. Names and addresses may hold anything. */
export interface NoteInput {
  /** Of the GitLab project, for links to its commits. */
  projectUrl: string
  targetBranch: string
  headSha: string
  /** The head is of another project, so that it is never a baseline and no gate of this one. */
  isFork: boolean
  pipeline: NotePipeline
  comparison: Comparison
  rules: NoteRules
  verdict: Verdict
  /** Null where the merge request does not touch them. */
  editedRules: EditedRules | null
  exclusions: ToldExclusion[]
  /** Rows of one folder together: what stands before the last `/` of a model's name. */
  groupBy: 'folder' | null
  /** What the head before this one had, to tell what the last push changed; null where there was none. */
  previous: { headSha: string; comparison: Comparison } | null
  /** Whether this GitLab draws Mermaid's `xychart-beta`. */
  drawsCharts: boolean
  links: NoteLinks
  /** Where no commit and no pipeline stands behind it: nothing is said of either, and all addresses are empty. */
  preview?: NotePreview
}
