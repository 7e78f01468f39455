import type { Addresses } from '../domain/addresses.js'
import type { GitLab } from '../gitlab/port.js'
import { renderWithdrawnNote } from '../render/withdrawn-note.js'
import type { ComparisonStore } from '../stores/comparison-store.js'
import type { NoteStore } from '../stores/note-store.js'
import type { Project, ProjectStore } from '../stores/project-store.js'
import { expectsReports } from './described-pipeline.js'
import { jobKey, parseKey } from './keys.js'
import type { HeadReader } from './merge-request-head.js'
import { isOpen } from './note.js'
import type { NoteWriter } from './note-writer.js'
import type { Queue } from './queue.js'
import type { JobContext, JobHandler } from './worker.js'

export interface CleanNoteJobOptions {
  gitlab: Pick<GitLab, 'findMergeRequest'>
  projects: Pick<ProjectStore, 'find'>
  comparisons: Pick<ComparisonStore, 'remove'>
  notes: Pick<NoteStore, 'find'>
  readHead: HeadReader
  writer: NoteWriter
  queue: Pick<Queue, 'enqueue'>
  addresses: Addresses
}

/** GitLab lets nobody edit a note of an archived project, until it is one no longer. */
const untilUnarchivedMs = 24 * 3_600_000

/** After the deletion of a model that the note shows. An open merge request is compared anew. A closed one is not: rules
 * and baselines are others by now. Its note says no more than that something was deleted, and so does that of an open one
 * of which nothing is left. */
export function createCleanNoteJob(options: CleanNoteJobOptions): JobHandler {
  const { gitlab, projects, comparisons, readHead, queue } = options

  return async (job, context) => {
    const { projectId, number: mrIid } = parseKey(job.key)
    const project = await projects.find(projectId)
    if (project === null) return { kind: 'done' }
    if (project.archived === true) return { kind: 'again', inMs: untilUnarchivedMs }
    const mergeRequest = await gitlab.findMergeRequest(project.gitlabProjectId, mrIid)
    if (mergeRequest === null || !isOpen(mergeRequest)) {
      await comparisons.remove(projectId, mrIid)
      if (mergeRequest !== null) await withdraw(options, project, mrIid, context)
      return { kind: 'done' }
    }
    const { sha } = mergeRequest
    const head = sha === null ? null : await readHead(project, { ...mergeRequest, sha })
    if (head !== null && head.models.length + head.silent.length === 0 && !expectsReports(head)) {
      await comparisons.remove(projectId, mrIid)
      await withdraw(options, project, mrIid, context)
    }
    await queue.enqueue(jobKey.note(projectId, mrIid))
    return { kind: 'done' }
  }
}

async function withdraw(
  { notes, writer, queue, addresses }: CleanNoteJobOptions,
  { id: projectId, gitlabProjectId, path }: Project,
  mrIid: number,
  { fence, remainingLeaseMs, log }: JobContext,
): Promise<void> {
  if ((await notes.find({ projectId, mrIid })) === null) return
  const body = renderWithdrawnNote({ path, url: addresses.project(path) })
  const to = { projectId, gitlabProjectId, mrIid, fence, remainingLeaseMs }
  const written = await writer.writeNote({ ...to, body })
  log.info({ projectId, mrIid, noteId: written.noteId, outcome: written.kind }, 'Note withdrawn')
  if (written.checkAgainAfterMs === null) return
  await queue.enqueue(jobKey.noteCheck(projectId, mrIid), { delayMs: written.checkAgainAfterMs })
}
