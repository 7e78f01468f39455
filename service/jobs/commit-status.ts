import { verdictText } from '../render/verdict.js'
import type { NoteInput } from '../render/note-input.js'
import { GitLabError } from '../gitlab/errors.js'
import type { GitLab, GitLabCommitStatus, GitLabCommitStatusOutcome } from '../gitlab/port.js'
import type { Pipeline, PipelineStore } from '../stores/pipeline-store.js'
import type { Project } from '../stores/project-store.js'
import { LeaseTooShortError } from './note-attempt.js'
import type { JobContext } from './worker.js'

const statusName = 'mlmm'
/** GitLab's limit for descriptions and addresses. */
const mostCharacters = 255

export interface CommitStatusOptions {
  gitlab: Pick<GitLab, 'setCommitStatus'>
  pipelines: Pick<PipelineStore, 'saveStatus'>
  /** The longest that a call to GitLab may take; nothing is set with less time left of the lease. */
  requestTimeoutMs: number
}

export interface StatusToSet {
  project: Project
  /** The one to set it on: its own commit, so that GitLab makes no other pipeline. */
  pipeline: Pipeline
  input: NoteInput
  context: Pick<JobContext, 'signal' | 'remainingLeaseMs' | 'log'>
}

export type CommitStatusWriter = (status: StatusToSet) => Promise<void>

/** Sets the final status of a pipeline, once for each thing there is to say: a pending one would hold the pipeline. */
export function createCommitStatusWriter(options: CommitStatusOptions): CommitStatusWriter {
  const { gitlab, pipelines, requestTimeoutMs } = options

  return async ({ project, pipeline, input, context }) => {
    const state = input.verdict.state === 'fail' ? 'failed' : 'success'
    const description = shortened(verdictText(input))
    const targetUrl = input.links.comparison
    const known = pipeline.commitStatus
    if (known !== null && known.state === state && known.description === description) return
    requireLease(context)
    const outcome = await set(project, pipeline, {
      pipelineId: pipeline.pipelineId,
      state,
      name: statusName,
      description,
      targetUrl: targetUrl.length > mostCharacters ? project.webUrl.slice(0, mostCharacters) : targetUrl,
    })
    await pipelines.saveStatus(project.id, pipeline.pipelineId, { state, description, outcome })
    const ids = { projectId: project.id, pipelineId: pipeline.pipelineId, outcome }
    if (outcome === 'not_possible') context.log.warn(ids, 'Commit status refused')
    else context.log.info(ids, 'Commit status set')
  }

  /** Whoever holds the lease now may have set a newer one. */
  function requireLease({ signal, remainingLeaseMs }: StatusToSet['context']): void {
    signal.throwIfAborted()
    const remainingMs = remainingLeaseMs()
    if (remainingMs <= requestTimeoutMs) throw new LeaseTooShortError(remainingMs)
  }

  async function set(
    project: Project,
    { sha }: Pipeline,
    status: GitLabCommitStatus,
  ): Promise<GitLabCommitStatusOutcome> {
    try {
      return await gitlab.setCommitStatus(project.gitlabProjectId, sha, status)
    } catch (error) {
      if (error instanceof GitLabError && error.kind === 'rejected') return 'not_possible'
      throw error
    }
  }
}

function shortened(text: string): string {
  return text.length <= mostCharacters ? text : `${text.slice(0, mostCharacters - 1)}…`
}
