import type { StoredModel } from '../domain/model.js'
import { Problem } from '../errors.js'
import { jobKey } from '../jobs/keys.js'
import type { Queue } from '../jobs/queue.js'
import type { AnyProjectAccess, AnyVisitor } from '../plugins/any-project-access.js'
import type { PersonAccess } from '../plugins/person-access.js'
import type { Person } from '../plugins/person-identity.js'
import type { AuditStore } from '../stores/audit-store.js'
import type { DeletionStore } from '../stores/deletion-store.js'
import type { ModelStore } from '../stores/model-store.js'
import type { AnyProject, ProjectStore } from '../stores/project-store.js'
import type { UserStore } from '../stores/user-store.js'
import type { Disconnect } from '../connection/disconnecting.js'
import type { KeptAccess } from '../grants/kept-access.js'
import type { TouchedNotes } from './touched-notes.js'

export interface DeletingOptions {
  anyAccess: AnyProjectAccess
  personAccess: Pick<PersonAccess, 'getUser'>
  projects: Pick<ProjectStore, 'markDeleting' | 'listOnlyMaintainedBy' | 'leaveAll'>
  models: Pick<ModelStore, 'findModel'>
  users: Pick<UserStore, 'erase'>
  deletions: DeletionStore
  audit: AuditStore
  /** Null where nobody can sign in. */
  keptAccess: KeptAccess | null
  touchedNotes: TouchedNotes
  disconnect: Disconnect
  queue: Pick<Queue, 'enqueue'>
  clock: () => Date
}

export interface DeletedModel {
  project: AnyProject
  model: StoredModel
}

/** Deletes for good, for who may, and leaves a line in the audit log. `from` is the address that asks. */
export interface Deleting {
  /** `isConfirmed`: whether the person meant this model.
   * @throws Problem NOT_FOUND, ROLE_TOO_LOW, NOT_CONFIRMED */
  deleteModel(
    person: Person,
    of: { projectId: string; modelId: string; from: string; isConfirmed?: (model: StoredModel) => boolean },
  ): Promise<DeletedModel>
  /** @throws Problem NOT_FOUND, ROLE_TOO_LOW, NOT_CONFIRMED */
  deleteProject(
    person: Person,
    of: { projectId: string; confirm: string | undefined; from: string },
  ): Promise<AnyProject>
  /** @throws Problem API_TOKEN_READ_ONLY, NOT_CONFIRMED, LAST_MAINTAINER */
  deletePerson(person: Person, confirm: string | undefined): Promise<void>
}

const crashedAfterMs = 60_000

export function createDeleting(parts: DeletingOptions): Deleting {
  const { anyAccess, projects, models, deletions, audit, touchedNotes, disconnect, queue, clock } = parts

  const deleteModel: Deleting['deleteModel'] = async (person, { projectId, modelId, from, isConfirmed }) => {
    const visitor = await anyAccess.getAllowed(person, projectId, 'delete')
    const { project } = visitor
    const model = await models.findModel(project.id, modelId)
    if (model === null) throw new Problem('NOT_FOUND', { message: 'There is no such model in this project.' })
    if (isConfirmed?.(model) === false) throw notConfirmed(model.name)
    const notes = model.pipeline === null ? [] : await touchedNotes.listAll(model)
    const subject = `${project.path}: ${model.name} on ${model.dataset}`
    await record(visitor, { action: 'model_deleted', subject, from })
    // Asked for first, in a while: after a crash in between nobody could find them again.
    await queue.enqueue(notes, { delayMs: crashedAfterMs })
    await deletions.deleteModel(model)
    await queue.enqueue(notes)
    return { project, model }
  }

  const deleteProject: Deleting['deleteProject'] = async (person, { projectId, confirm, from }) => {
    const visitor = await anyAccess.getAllowed(person, projectId, 'delete')
    const { project } = visitor
    requireConfirmed(confirm, project.path)
    await record(visitor, { action: 'project_deleted', subject: project.path, from })
    // Asked for first, in a while: a crash in between leaves a job that finishes it, or finds nothing to do.
    await queue.enqueue(jobKey.deleteProject(project.id), { delayMs: crashedAfterMs })
    if (project.gitlabProjectId !== null) await disconnect(project, visitor.user.id)
    await projects.markDeleting(project.id, clock())
    await queue.enqueue(jobKey.deleteProject(project.id))
    return project
  }

  function record(
    { project, user }: AnyVisitor,
    line: { action: 'model_deleted' | 'project_deleted'; subject: string; from: string },
  ): Promise<void> {
    const by = { gitlabUserId: user.id, username: user.username }
    return audit.record({ ...line, at: clock(), projectId: project.id, by })
  }

  return {
    deleteModel,
    deleteProject,
    deletePerson: (person, confirm) => deletePerson(parts, person, confirm),
  }
}

async function deletePerson(
  parts: DeletingOptions,
  person: Person,
  confirm: string | undefined,
): Promise<void> {
  const { personAccess, projects, users, deletions, audit, keptAccess, queue, clock } = parts
  if (person.scope !== 'write' || person.projectIds !== null) {
    throw new Problem('API_TOKEN_READ_ONLY', { message: 'The token may not delete its person.' })
  }
  const { id, username } = await personAccess.getUser(person)
  requireConfirmed(confirm, username)
  const owned = await projects.listOnlyMaintainedBy(id)
  if (owned.length > 0) {
    const paths = owned.slice(0, 5).map(({ path }) => path)
    throw new Problem('LAST_MAINTAINER', {
      message: `Nobody else is a Maintainer of ${paths.join(', ')}${owned.length > 5 ? ' and others' : ''}.`,
    })
  }
  await queue.enqueue(jobKey.deletePerson(id))
  await keptAccess?.forget(id)
  await projects.leaveAll(id)
  await deletions.deletePerson(id)
  await users.erase(id)
  await audit.forgetPerson(id)
  const nobody = { projectId: null, by: null, from: null }
  await audit.record({ action: 'person_deleted', at: clock(), subject: 'a former user', ...nobody })
}

function requireConfirmed(confirm: string | undefined, wanted: string): void {
  if (confirm !== wanted) throw notConfirmed(wanted, confirm)
}

function notConfirmed(wanted: string, value?: string): Problem {
  return new Problem('NOT_CONFIRMED', {
    message: `To delete ${wanted} for good, its name has to be given again.`,
    field: 'confirm',
    value,
  })
}
