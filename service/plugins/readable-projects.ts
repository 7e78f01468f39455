import { canRead, isOpenToEveryone } from '../domain/permissions.js'
import { Problem } from '../errors.js'
import type { GitLabPerson } from '../gitlab/port.js'
import type { MembershipStore } from '../stores/membership-store.js'
import type { PageByPath } from '../stores/project-lists.js'
import type { Project, ProjectStore } from '../stores/project-store.js'
import type { GitLabPeople, OwnGitLab } from './gitlab-people.js'
import { askGitLab } from './project-access.js'

/** With so few, the role in each is asked for, which also serves their pages. */
const fewClosed = 20
/** Roles that are asked for to make one page. */
const mostAsked = 100
const atOnce = 4
/** GitLab answers no further than so many pages of 100. */
const mostPages = 500

export interface ReadableProjectsOptions {
  projects: Pick<ProjectStore, 'listFor' | 'listClosed' | 'findNumbers'>
  memberships: MembershipStore
  people: GitLabPeople
  refresh: (project: Project) => Promise<Project>
  clock: () => Date
}

export interface ProjectPage {
  projects: Project[]
  /** The path below which the next page starts; null on the last one. */
  next: string | null
  /** Projects of which GitLab could not be asked whether they are still open. */
  unconfirmed: number
}

/** A page of the connected projects that somebody may read; it can be shorter than asked for. `among`: our ids, beyond
 * which there is nothing.
 * @throws Problem USER_NOT_ACTIVE, GITLAB_UNAVAILABLE */
export type ListReadable = (
  user: GitLabPerson | null,
  among: readonly string[] | null,
  page: PageByPath,
) => Promise<ProjectPage>

export function createReadableProjects(options: ReadableProjectsOptions): ListReadable {
  const { projects, memberships, people, refresh, clock } = options
  const reading = new Map<number, Promise<number[] | null>>()

  return async (user, among, page) => {
    if (user?.admin === true) return listAll(among, page)
    const open = user?.external === false ? 'signed-in' : 'everyone'
    const memberOf = user === null ? [] : await listMemberships(user, open)
    if (user !== null && memberOf === null) return walk(user, among, page)
    const found = await projects.listFor({ open, memberOf: memberOf ?? [], among }, overOne(page))
    const isMember = new Set(memberOf)
    const shown = found.slice(0, page.limit)
    const states = await Promise.all(
      shown.map((project) =>
        isMember.has(project.gitlabProjectId) ? 'open' : stateOf(project, user?.external ?? true),
      ),
    )
    return {
      projects: shown.filter((_project, index) => states[index] === 'open'),
      next: nextAfter(found, page.limit),
      unconfirmed: states.filter((state) => state === 'unknown').length,
    }
  }

  async function listAll(among: readonly string[] | null, page: PageByPath): Promise<ProjectPage> {
    const found = await projects.listFor({ open: 'all', memberOf: [], among }, overOne(page))
    return { projects: found.slice(0, page.limit), next: nextAfter(found, page.limit), unconfirmed: 0 }
  }

  async function stateOf(project: Project, external: boolean): Promise<'open' | 'closed' | 'unknown'> {
    try {
      const fresh = await askGitLab(() => refresh(project))
      return canRead(fresh, { accessLevel: null, external }) ? 'open' : 'closed'
    } catch (error) {
      if (error instanceof Problem && error.code === 'GITLAB_UNAVAILABLE') return 'unknown'
      throw error
    }
  }

  /** GitLab's numbers of closed projects that the person may read; null where there are many, and no consent to list
   * them with. */
  async function listMemberships(
    user: GitLabPerson,
    open: 'everyone' | 'signed-in',
  ): Promise<number[] | null> {
    const closed = await projects.listClosed(open, fewClosed + 1)
    if (closed.length > fewClosed) return readMemberships(user.id)
    const readable = await mapFew(closed, (project) => mayRead(user, project))
    return closed.filter((_project, index) => readable[index]).map((project) => project.gitlabProjectId)
  }

  async function mayRead(user: GitLabPerson, project: Project): Promise<boolean> {
    if (isOpenToEveryone(project)) return true
    const accessLevel = await people.findLevel(user, project.gitlabProjectId)
    return canRead(project, { accessLevel, external: user.external })
  }

  async function readMemberships(gitlabUserId: number): Promise<number[] | null> {
    const known = await memberships.find(gitlabUserId, clock())
    if (known !== null) return known
    const under = reading.get(gitlabUserId) ?? readFromGitLab(gitlabUserId)
    reading.set(gitlabUserId, under)
    try {
      return await under
    } finally {
      reading.delete(gitlabUserId)
    }
  }

  async function readFromGitLab(gitlabUserId: number): Promise<number[] | null> {
    const readAt = clock()
    const numbers = await projects.findNumbers()
    if (numbers === null) return []
    const range = { idAfter: numbers.lowest - 1, idBefore: numbers.highest + 1 }
    const ids = await askGitLab(() => people.asThemselves(gitlabUserId, (own) => readPages(own, range)))
    if (ids === null) await memberships.drop(gitlabUserId)
    else await memberships.save(gitlabUserId, ids, readAt)
    return ids
  }

  /** Asks for the role in one closed project after the other, as far as a page goes. */
  async function walk(
    user: GitLabPerson,
    among: readonly string[] | null,
    { limit, after }: PageByPath,
  ): Promise<ProjectPage> {
    const readable: Project[] = []
    let key = after
    for (let asked = 0; asked < mostAsked && readable.length < limit; asked += limit) {
      const some = await projects.listFor({ open: 'all', memberOf: [], among }, { limit, after: key })
      const may = await mapFew(some, (project) => mayRead(user, project))
      const found = some.filter((_project, index) => may[index])
      readable.push(...found.slice(0, limit - readable.length))
      const isFull = readable.length === limit
      key = (isFull ? readable.at(-1) : some.at(-1))?.path ?? null
      if (some.length < limit && !isFull) return { projects: readable, next: null, unconfirmed: 0 }
    }
    return { projects: readable, next: key, unconfirmed: 0 }
  }
}

/** All pages: the first alone, because most people need no other, then several at a time. */
async function readPages(own: OwnGitLab, range: { idAfter: number; idBefore: number }): Promise<number[]> {
  const ids: number[] = []
  let page = 1
  while (page <= mostPages) {
    const pages = Array.from(
      { length: page === 1 ? 1 : atOnce - ((page - 1) % atOnce) },
      (_, at) => page + at,
    )
    const answers = await Promise.all(
      pages.map((one) => own.listMemberProjects({ minAccessLevel: 20, ...range }, one)),
    )
    ids.push(...answers.flatMap((answer) => answer.gitlabProjectIds))
    if (answers.some((answer) => !answer.hasNextPage)) break
    page += pages.length
  }
  return [...new Set(ids)]
}

async function mapFew<T, R>(items: readonly T[], ask: (item: T) => Promise<R>): Promise<R[]> {
  const answers: R[] = []
  for (let at = 0; at < items.length; at += atOnce) {
    answers.push(...(await Promise.all(items.slice(at, at + atOnce).map(ask))))
  }
  return answers
}

function overOne({ limit, after }: PageByPath): PageByPath {
  return { limit: limit + 1, after }
}

function nextAfter(found: readonly Project[], limit: number): string | null {
  return found.length > limit ? (found[limit - 1]?.path ?? null) : null
}
