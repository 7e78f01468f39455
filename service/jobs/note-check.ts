import type { ProjectStore } from '../stores/project-store.js'
import { parseKey } from './keys.js'
import type { NoteWriter } from './note-writer.js'
import type { JobHandler } from './worker.js'

export interface NoteCheckJobOptions {
  projects: ProjectStore
  writer: NoteWriter
}

/** The second look, a minute after a note was created with an unknown outcome: a late twin is removed. */
export function createNoteCheckJob({ projects, writer }: NoteCheckJobOptions): JobHandler {
  return async (job, { fence, remainingLeaseMs }) => {
    const { projectId, number: mrIid } = parseKey(job.key)
    const project = await projects.find(projectId)
    if (project === null) return { kind: 'done' }
    await writer.checkNote({
      projectId,
      gitlabProjectId: project.gitlabProjectId,
      mrIid,
      fence,
      remainingLeaseMs,
    })
    return { kind: 'done' }
  }
}
