import { canRead, isOpenToEveryone } from '../domain/permissions.js'
import type { GitLab, GitLabPerson } from '../gitlab/port.js'
import { createProjectRefresh } from '../connection/project-refresh.js'
import type { MembershipStore } from '../stores/membership-store.js'
import type { PageByPath } from '../stores/project-lists.js'
import type { Project, ProjectStore } from '../stores/project-store.js'
import { createGitLabPeople, type OwnGitLab } from './gitlab-people.js'
import { type PersonAction, refusalOf } from './person-actions.js'
import type { Person } from './person-identity.js'
import { askGitLab, noSuchProject } from './project-access.js'
import { createReadableProjects, type ProjectPage } from './readable-projects.js'

/** Somebody beside a project that they may read. */
export interface Reader {
  /** Null for who is not signed in. */
  user: GitLabPerson | null
  project: Project
  /** Null for no member; 60 for an administrator. */
  accessLevel: number | null
}

/** A person beside a project. */
export interface Visitor extends Reader {
  user: GitLabPerson
}

/** What people may do, as GitLab told it within the last 5 minutes. `null` is who is not signed in. */
export interface PersonAccess {
  /** @throws Problem USER_NOT_ACTIVE, GITLAB_UNAVAILABLE */
  getUser(person: Person): Promise<GitLabPerson>
  /** A project that they may read, by GitLab's number, our id, its path or a path it had before.
   * @throws Problem USER_NOT_ACTIVE, NOT_FOUND also for what they may not see, GITLAB_UNAVAILABLE */
  getReadable(person: Person, idOrPath: string): Promise<Visitor>
  getReadable(person: Person | null, idOrPath: string): Promise<Reader>
  /** The same for a project in which the person may do that.
   * @throws Problem ROLE_TOO_LOW, API_TOKEN_READ_ONLY, and all of `getReadable` */
  getAllowed(person: Person, idOrPath: string, action: PersonAction): Promise<Visitor>
  /** Connected projects that they may read, by path. A page can be shorter than asked for.
   * @throws Problem USER_NOT_ACTIVE, GITLAB_UNAVAILABLE */
  listReadable(person: Person | null, page: PageByPath): Promise<ProjectPage>
}

export interface PersonAccessOptions {
  /** Whoever speaks for the project that a call is about. */
  gitlab: Pick<GitLab, 'findUser' | 'findMembership' | 'findProject' | 'getCurrentUser'>
  /** GitLab as the person sees it. */
  forPerson: (gitlabUserId: number) => OwnGitLab | null
  projects: ProjectStore
  memberships: MembershipStore
  clock: () => Date
}

export function createPersonAccess(options: PersonAccessOptions): PersonAccess {
  const { projects, memberships } = options
  const people = createGitLabPeople(options)
  const refresh = createProjectRefresh(options)
  const list = createReadableProjects({ ...options, people, refresh })

  function getUser({ gitlabUserId }: Person): Promise<GitLabPerson> {
    return people.getUser(gitlabUserId)
  }

  function getReadable(person: Person, idOrPath: string): Promise<Visitor>
  function getReadable(person: Person | null, idOrPath: string): Promise<Reader>
  async function getReadable(person: Person | null, idOrPath: string): Promise<Reader> {
    const user = person === null ? null : await getUser(person)
    const first = await findReadable(person, user, idOrPath)
    // What GitLab said just now may have given the path to another project.
    const found = first?.hasMoved ? await findReadable(person, user, idOrPath) : first
    if (found === null) throw noSuchProject()
    return found.reader
  }

  async function findReadable(
    person: Person | null,
    user: GitLabPerson | null,
    idOrPath: string,
  ): Promise<{ reader: Reader; hasMoved: boolean } | null> {
    for (const known of await listNamed(idOrPath)) {
      const isBeyond = person?.projectIds && !person.projectIds.includes(known.id)
      const reader = isBeyond ? null : await look(user, known)
      if (reader !== null) return { reader, hasMoved: reader.project.path !== known.path }
    }
    return null
  }

  async function listNamed(idOrPath: string): Promise<Project[]> {
    if (idOrPath.includes('/')) return projects.listAtPath(idOrPath)
    const isNumber = /^\d{1,15}$/.test(idOrPath)
    const found = await (isNumber ? projects.findByGitLabId(Number(idOrPath)) : projects.find(idOrPath))
    return found === null ? [] : [found]
  }

  async function look(user: GitLabPerson | null, known: Project): Promise<Reader | null> {
    // Nobody who is not signed in makes calls about closed projects.
    if (user === null && !isOpenToEveryone(known)) return null
    const project = await askGitLab(() => refresh(known, (id) => lookThemselves(user, id)))
    const accessLevel = user === null ? null : await people.findLevel(user, project.gitlabProjectId)
    if (canRead(project, { accessLevel, external: user?.external ?? true })) {
      return { user, project, accessLevel }
    }
    if (user !== null) await drop(user, project)
    return null
  }

  async function lookThemselves(user: GitLabPerson | null, gitlabProjectId: number) {
    if (user === null) return null
    return people.asThemselves(user.id, (own) => own.findProject(gitlabProjectId))
  }

  async function getAllowed(person: Person, idOrPath: string, action: PersonAction): Promise<Visitor> {
    const visitor = await getReadable(person, idOrPath)
    const refusal = refusalOf(person, visitor, action)
    if (refusal === null) return visitor
    if (refusal.code === 'ROLE_TOO_LOW') await drop(visitor.user, visitor.project)
    throw refusal
  }

  async function listReadable(person: Person | null, page: PageByPath): Promise<ProjectPage> {
    const user = person === null ? null : await getUser(person)
    return list(user, person?.projectIds ?? null, page)
  }

  async function drop(user: GitLabPerson, { gitlabProjectId }: Project): Promise<void> {
    people.dropLevel(user.id, gitlabProjectId)
    await memberships.dropProject(user.id, gitlabProjectId)
  }

  return { getUser, getReadable, getAllowed, listReadable }
}
