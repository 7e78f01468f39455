import { standaloneLevel } from '../domain/standalone.js'
import { Problem } from '../errors.js'
import type { GitLabPerson } from '../gitlab/port.js'
import type { PageByPath } from '../stores/project-lists.js'
import type { AnyProject, ProjectStore, StandaloneProject } from '../stores/project-store.js'
import type { PersonAccess } from './person-access.js'
import { type PersonAction, refusalOf } from './person-actions.js'
import type { Person } from './person-identity.js'
import { noSuchProject } from './project-access.js'
import type { ProjectPage } from './readable-projects.js'

/** Somebody beside a project of either kind; `user` is null for who is not signed in. */
export interface AnyReader {
  user: GitLabPerson | null
  project: AnyProject
  accessLevel: number | null
}

/** A person beside a project of either kind. */
export interface AnyVisitor extends AnyReader {
  user: GitLabPerson
}

export interface StandaloneVisitor extends AnyVisitor {
  project: StandaloneProject
}

/** What a person may do in connected and in standalone projects. */
export interface AnyProjectAccess {
  /** @throws Problem USER_NOT_ACTIVE, NOT_FOUND also for what they may not see, GITLAB_UNAVAILABLE */
  getReadable(person: Person, idOrPath: string): Promise<AnyVisitor>
  getReadable(person: Person | null, idOrPath: string): Promise<AnyReader>
  /** @throws Problem ROLE_TOO_LOW, API_TOKEN_READ_ONLY, and all of `getReadable` */
  getAllowed(person: Person, idOrPath: string, action: PersonAction): Promise<AnyVisitor>
  /** The same where only a standalone project will do. */
  getAllowedStandalone(person: Person, idOrPath: string, action: PersonAction): Promise<StandaloneVisitor>
  /** Projects of both kinds that they may read, by path. A page can be shorter than asked for.
   * @throws Problem USER_NOT_ACTIVE, GITLAB_UNAVAILABLE */
  listReadable(person: Person | null, page: PageByPath): Promise<AnyProjectPage>
}

export interface AnyProjectPage extends Omit<ProjectPage, 'projects'> {
  projects: AnyProject[]
}

export interface AnyProjectAccessOptions {
  personAccess: PersonAccess
  projects: Pick<ProjectStore, 'findAny' | 'findAnyByPath' | 'listOfMember'>
}

export function createAnyProjectAccess({
  personAccess,
  projects,
}: AnyProjectAccessOptions): AnyProjectAccess {
  function getReadable(person: Person, idOrPath: string): Promise<AnyVisitor>
  function getReadable(person: Person | null, idOrPath: string): Promise<AnyReader>
  async function getReadable(person: Person | null, idOrPath: string): Promise<AnyReader> {
    const found = person === null ? null : await findStandalone(idOrPath)
    if (person === null || found === null) return personAccess.getReadable(person, idOrPath)
    return readStandalone(person, found)
  }

  async function getAllowed(person: Person, idOrPath: string, action: PersonAction): Promise<AnyVisitor> {
    const found = await findStandalone(idOrPath)
    if (found === null) return personAccess.getAllowed(person, idOrPath, action)
    const visitor = await readStandalone(person, found)
    const refusal = refusalOf(person, visitor, action)
    if (refusal !== null) throw refusal
    return visitor
  }

  async function getAllowedStandalone(person: Person, idOrPath: string, action: PersonAction) {
    const { user, project, accessLevel } = await getAllowed(person, idOrPath, action)
    if (project.gitlabProjectId === null) return { user, project, accessLevel }
    throw new Problem('NOT_STANDALONE', { message: `${project.path} is connected to a repository.` })
  }

  async function readStandalone(person: Person, project: StandaloneProject): Promise<AnyVisitor> {
    const accessLevel = standaloneLevel(project, person.gitlabUserId)
    const isOutside = person.projectIds !== null && !person.projectIds.includes(project.id)
    if (accessLevel === null || isOutside) throw noSuchProject()
    return { user: await personAccess.getUser(person), project, accessLevel }
  }

  async function findStandalone(idOrPath: string): Promise<StandaloneProject | null> {
    if (/^\d{1,15}$/.test(idOrPath)) return null
    const found = idOrPath.includes('/')
      ? await projects.findAnyByPath(idOrPath)
      : await projects.findAny(idOrPath)
    return found?.gitlabProjectId === null ? found : null
  }

  async function listReadable(person: Person | null, page: PageByPath): Promise<AnyProjectPage> {
    if (person === null) return personAccess.listReadable(null, page)
    // Standalone projects stand behind all connected ones: no path of GitLab begins with a letter behind theirs.
    const isBehind = page.after?.startsWith('~') === true
    const connected = isBehind ? await nothing(person) : await personAccess.listReadable(person, page)
    if (connected.next !== null) return connected
    const after = isBehind ? page.after : null
    const room = page.limit - connected.projects.length
    const found = await projects.listOfMember(person.gitlabUserId, {
      limit: room + 1,
      after,
      among: person.projectIds,
    })
    const shown = [...connected.projects, ...found.slice(0, room)]
    const next = found.length > room ? (shown.at(-1)?.path ?? null) : null
    return { ...connected, projects: shown, next }
  }

  /** A page without connected projects, for who is active in GitLab. */
  async function nothing(person: Person): Promise<ProjectPage> {
    await personAccess.getUser(person)
    return { projects: [], next: null, unconfirmed: 0 }
  }

  return { getReadable, getAllowed, getAllowedStandalone, listReadable }
}
