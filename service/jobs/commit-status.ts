import { verdictText } from '../render/verdict.js'
import type { NoteInput } from '../render/note-input.js'
import { GitLabError } from '../gitlab/errors.js'
import type { GitLab, GitLabCommitStatus, GitLabCommitStatusOutcome } from '../gitlab/port.js'
import type { Pipeline, PipelineStore, PipelineVerdict, SetStatus } from '../stores/pipeline-store.js'
import type { Project } from '../stores/project-store.js'
import { LeaseTooShortError } from './note-attempt.js'
import type { JobContext } from './worker.js'

const statusName = 'mlmm'
/** GitLab's limit for descriptions and addresses. */
const mostCharacters = 255
const mostTries = 5

export interface CommitStatusOptions {
  gitlab: Pick<GitLab, 'setCommitStatus'>
  pipelines: Pick<PipelineStore, 'saveStatus' | 'saveVerdict'>
  /** The longest that a call to GitLab may take; nothing is set with less time left of the lease. */
  requestTimeoutMs: number
}

export interface StatusToSet {
  project: Project
  /** The one to set it on: its own commit, so that GitLab makes no other pipeline. */
  pipeline: Pipeline
  mrIid: number
  input: NoteInput
  context: Pick<JobContext, 'signal' | 'remainingLeaseMs' | 'log'>
}

export type CommitStatusWriter = (status: StatusToSet) => Promise<void>

/** Sets the final status of a pipeline, once for each thing there is to say: a pending one would hold the pipeline. */
export function createCommitStatusWriter(options: CommitStatusOptions): CommitStatusWriter {
  const { gitlab, pipelines, requestTimeoutMs } = options

  return async ({ project, pipeline: { pipelineId }, mrIid, input, context }) => {
    const state = input.verdict.state === 'fail' ? 'failed' : 'success'
    const own = { state, description: verdictText(input), targetUrl: input.links.comparison } as const
    for (let tries = 0; tries < mostTries; tries += 1) {
      const row = await pipelines.saveVerdict(project.id, pipelineId, { mrIid, ...own })
      if (row === null) return
      const wanted = statusOf(row, project)
      if (isSame(row.commitStatus, wanted)) return
      requireLease(context)
      const outcome = await set(project, row, { pipelineId, name: statusName, ...wanted })
      await pipelines.saveStatus(project.id, pipelineId, { ...wanted, outcome })
      const ids = { projectId: project.id, pipelineId, outcome }
      if (outcome === 'not_possible') context.log.warn(ids, 'Commit status refused')
      else context.log.info(ids, 'Commit status set')
      // Another merge request of the same pipeline may have been judged meanwhile.
    }
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

/** The worst of the merge requests that the pipeline is for: a branch may have several. */
function statusOf({ verdicts, mrIids }: Pipeline, { webUrl }: Project) {
  const open = verdicts.filter(({ mrIid }) => mrIids.includes(mrIid))
  const [worst] = open.toSorted((a, b) => rankOf(a) - rankOf(b) || a.mrIid - b.mrIid)
  const { state = 'success', description = '', targetUrl = '', mrIid = 0 } = worst ?? {}
  return {
    state,
    description: shortened(open.length > 1 ? `!${mrIid}: ${description}` : description),
    targetUrl: targetUrl.length > mostCharacters ? webUrl.slice(0, mostCharacters) : targetUrl,
  }
}

function rankOf({ state }: PipelineVerdict): number {
  return state === 'failed' ? 0 : 1
}

function isSame(known: SetStatus | null, wanted: { state: string; description: string }): boolean {
  return known !== null && known.state === wanted.state && known.description === wanted.description
}

function shortened(text: string): string {
  return text.length <= mostCharacters ? text : `${text.slice(0, mostCharacters - 1)}…`
}
