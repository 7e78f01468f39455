import type { Collection } from 'mongodb'
import type { DeletedProject, ProjectDoc } from './project-documents.js'

/** The end of any project: what it had is deleted in the background. */
export function createProjectEndings(projects: Collection<ProjectDoc>) {
  /** Hides the project at once and frees its path and its GitLab project; false where somebody did so before. */
  async function markDeleting(projectId: string, now: Date): Promise<boolean> {
    const doc = {
      schema: 1,
      gitlabProjectId: null,
      // No page and no other project has such a path.
      path: `-/${projectId}`,
      visibility: 'private',
      pipelinesOpen: false,
      deletingSince: now,
    } as const
    const { matchedCount } = await projects.replaceOne(
      { _id: projectId, deletingSince: { $exists: false } },
      doc,
    )
    return matchedCount === 1
  }

  /** A project whose documents are being deleted. */
  async function findDeleting(projectId: string): Promise<DeletedProject | null> {
    const doc = await projects.findOne({ _id: projectId })
    return doc !== null && 'deletingSince' in doc ? { id: doc._id, deletingSince: doc.deletingSince } : null
  }

  /** The row of a project whose documents are gone. */
  async function remove(projectId: string): Promise<void> {
    await projects.deleteOne({ _id: projectId, deletingSince: { $exists: true } })
  }

  return { markDeleting, findDeleting, remove }
}
