import { canRead } from '../domain/permissions.js'
import { Problem } from '../errors.js'
import type { GitLab, GitLabPerson } from '../gitlab/port.js'
import { createProjectRefresh } from '../project-refresh.js'
import type { Project, ProjectStore } from '../stores/project-store.js'
import { type PersonAction, refusalOf } from './person-actions.js'
import type { Person } from './person-identity.js'
import { askGitLab, lookUpProject, noSuchProject } from './project-access.js'

const heldForMs = 5 * 60_000
/** An answer that led to a refusal is asked for again, but not by every one of a thousand requests. */
const heldAfterRefusalMs = 1_000
const mostHeld = 10_000

/** A person beside a project. */
export interface Visitor {
  user: GitLabPerson
  project: Project
  accessLevel: number | null
}

/** What the person of a token may do, as GitLab told the bot within the last 5 minutes. */
export interface PersonAccess {
  /** @throws Problem USER_NOT_ACTIVE, GITLAB_UNAVAILABLE */
  getUser(person: Person): Promise<GitLabPerson>
  /** A project that the person may read, by GitLab's number, our id or its path.
   * @throws Problem USER_NOT_ACTIVE, NOT_FOUND also for what they may not see, GITLAB_UNAVAILABLE */
  getReadable(person: Person, idOrPath: string): Promise<Visitor>
  /** The same for a project in which the person may do that.
   * @throws Problem ROLE_TOO_LOW, API_TOKEN_READ_ONLY, and all of `getReadable` */
  getAllowed(person: Person, idOrPath: string, action: PersonAction): Promise<Visitor>
}

export interface PersonAccessOptions {
  gitlab: Pick<GitLab, 'findUser' | 'findAccessLevel' | 'findProject'>
  projects: ProjectStore
  clock: () => Date
}

export function createPersonAccess(options: PersonAccessOptions): PersonAccess {
  const { gitlab, projects, clock } = options
  const refresh = createProjectRefresh(options)
  const users = createHeld<GitLabPerson | null>(clock)
  const levels = createHeld<number | null>(clock)

  async function getUser({ gitlabUserId }: Person): Promise<GitLabPerson> {
    const user = await users.get(String(gitlabUserId), () => gitlab.findUser(gitlabUserId))
    if (user?.state === 'active') return user
    users.drop(String(gitlabUserId))
    const message =
      user === null
        ? `GitLab has no user ${gitlabUserId}.`
        : `The user ${user.username} is ${user.state} in GitLab.`
    throw new Problem('USER_NOT_ACTIVE', { message })
  }

  async function getReadable(person: Person, idOrPath: string): Promise<Visitor> {
    const [user, found] = await Promise.all([getUser(person), lookUpProject(projects, idOrPath)])
    if (found === null) throw noSuchProject()
    const project = await askGitLab(() => refresh(found))
    const accessLevel = await levels.get(levelKey(user, project), () =>
      gitlab.findAccessLevel(project.gitlabProjectId, user.id),
    )
    if (canRead(project, { accessLevel, external: user.external })) return { user, project, accessLevel }
    drop(user, project)
    throw noSuchProject()
  }

  async function getAllowed(person: Person, idOrPath: string, action: PersonAction): Promise<Visitor> {
    const visitor = await getReadable(person, idOrPath)
    const refusal = refusalOf(person, visitor, action)
    if (refusal === null) return visitor
    if (refusal.code === 'ROLE_TOO_LOW') drop(visitor.user, visitor.project)
    throw refusal
  }

  function drop(user: GitLabPerson, project: Project): void {
    users.drop(String(user.id))
    levels.drop(levelKey(user, project))
  }

  return { getUser, getReadable, getAllowed }
}

function levelKey(user: GitLabPerson, project: Project): string {
  return `${project.gitlabProjectId}:${user.id}`
}

interface Held<T> {
  get(key: string, ask: () => Promise<T>): Promise<T>
  drop(key: string): void
}

/** Answers of GitLab that hold for 5 minutes. Those who ask at the same time share one call. */
function createHeld<T>(clock: () => Date): Held<T> {
  const held = new Map<string, { untilMs: number; answer: Promise<T> }>()

  function get(key: string, ask: () => Promise<T>): Promise<T> {
    const nowMs = clock().getTime()
    const known = held.get(key)
    if (known !== undefined && known.untilMs > nowMs) return known.answer
    if (held.size >= mostHeld) held.clear()
    const answer = askGitLab(ask)
    held.set(key, { untilMs: nowMs + heldForMs, answer })
    answer.catch(() => {
      if (held.get(key)?.answer === answer) held.delete(key)
    })
    return answer
  }

  function drop(key: string): void {
    const known = held.get(key)
    if (known !== undefined) known.untilMs = Math.min(known.untilMs, clock().getTime() + heldAfterRefusalMs)
  }

  return { get, drop }
}
