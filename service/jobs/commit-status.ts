import { verdictText } from '../render/verdict.js'
import type { NoteInput } from '../render/note-input.js'
import type { GitLab } from '../gitlab/port.js'
import type { Pipeline, PipelineStore } from '../stores/pipeline-store.js'
import type { Project } from '../stores/project-store.js'
import type { JobContext } from './worker.js'

const statusName = 'mlmm'
/** GitLab's limit for descriptions and addresses. */
const mostCharacters = 255

export interface CommitStatusOptions {
  gitlab: Pick<GitLab, 'setCommitStatus'>
  pipelines: Pick<PipelineStore, 'saveStatus'>
}

export interface StatusToSet {
  project: Project
  /** The one to set it on: its own commit, so that GitLab makes no other pipeline. */
  pipeline: Pipeline
  input: NoteInput
  log: JobContext['log']
}

export type CommitStatusWriter = (status: StatusToSet) => Promise<void>

/** Sets the final status of a pipeline, once for each thing there is to say: a pending one would hold the pipeline. */
export function createCommitStatusWriter({ gitlab, pipelines }: CommitStatusOptions): CommitStatusWriter {
  return async ({ project, pipeline, input, log }) => {
    const state = input.verdict.state === 'fail' ? 'failed' : 'success'
    const description = shortened(verdictText(input))
    const targetUrl = input.links.comparison
    const known = pipeline.commitStatus
    if (known !== null && known.state === state && known.description === description) return
    const outcome = await gitlab.setCommitStatus(project.gitlabProjectId, pipeline.sha, {
      pipelineId: pipeline.pipelineId,
      state,
      name: statusName,
      description,
      targetUrl: targetUrl.length > mostCharacters ? project.webUrl.slice(0, mostCharacters) : targetUrl,
    })
    await pipelines.saveStatus(project.id, pipeline.pipelineId, { state, description, outcome })
    const ids = { projectId: project.id, pipelineId: pipeline.pipelineId, outcome }
    if (outcome === 'not_possible') log.warn(ids, 'Commit status refused')
    else log.info(ids, 'Commit status set')
  }
}

function shortened(text: string): string {
  return text.length <= mostCharacters ? text : `${text.slice(0, mostCharacters - 1)}…`
}
