import type { ProjectStore } from '../stores/project-store.js'
import { jobKey, parseKey } from './keys.js'
import type { NoteWriter } from './note-writer.js'
import type { Queue } from './queue.js'
import type { JobHandler } from './worker.js'

export interface NoteCheckJobOptions {
  projects: ProjectStore
  writer: NoteWriter
  queue: Pick<Queue, 'enqueue'>
}

/** The second look, a minute after a note was created with an unknown outcome: a late twin is removed. */
export function createNoteCheckJob({ projects, writer, queue }: NoteCheckJobOptions): JobHandler {
  return async (job, { fence, remainingLeaseMs }) => {
    const { projectId, number: mrIid } = parseKey(job.key)
    const project = await projects.find(projectId)
    if (project === null) return { kind: 'done' }
    const { gitlabProjectId } = project
    const checked = await writer.checkNote({ projectId, gitlabProjectId, mrIid, fence, remainingLeaseMs })
    if (checked.kind === 'stale') await queue.enqueue(jobKey.note(projectId, mrIid))
    if (checked.checkAgainAfterMs === null) return { kind: 'done' }
    return { kind: 'again', inMs: checked.checkAgainAfterMs }
  }
}
