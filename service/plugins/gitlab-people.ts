import { administratorLevel } from '../domain/permissions.js'
import { Problem } from '../errors.js'
import { GitLabError } from '../gitlab/errors.js'
import type { GitLab, GitLabMembership, GitLabPerson } from '../gitlab/port.js'
import { createHeld } from './held.js'

/** GitLab as a person sees it, by the consent of their sign-in. */
export type OwnGitLab = Pick<GitLab, 'getCurrentPerson' | 'findProject' | 'listMemberProjects'>

export interface GitLabPeopleOptions {
  /** The project's speaker. */
  gitlab: Pick<GitLab, 'findUser' | 'findMembership'>
  /** Null where nobody can sign in. Its calls may reject with a Problem `GRANT_…` where there is no usable consent. */
  forPerson: (gitlabUserId: number) => OwnGitLab | null
  clock: () => Date
}

/** What GitLab says of people, at most 5 minutes old. */
export interface GitLabPeople {
  /** @throws Problem USER_NOT_ACTIVE, GITLAB_UNAVAILABLE */
  getUser(gitlabUserId: number): Promise<GitLabPerson>
  /** The role that counts; of an administrator 60, a number that GitLab names but gives to nobody.
   * @throws Problem GITLAB_UNAVAILABLE */
  findLevel(user: GitLabPerson, gitlabProjectId: number): Promise<number | null>
  /** A call with the person's own eyes; null where there is no usable consent.
   * @throws Problem USER_NOT_ACTIVE, GITLAB_UNAVAILABLE */
  asThemselves<T>(gitlabUserId: number, call: (own: OwnGitLab) => Promise<T>): Promise<T | null>
  /** Has GitLab asked again, after a refusal. */
  dropUser(gitlabUserId: number): void
  dropLevel(gitlabUserId: number, gitlabProjectId: number): void
}

export function createGitLabPeople({ gitlab, forPerson, clock }: GitLabPeopleOptions): GitLabPeople {
  const users = createHeld<GitLabPerson | null>({ clock })
  const levels = createHeld<GitLabMembership | null>({ clock, endOf: (told) => told?.expiresAt ?? null })

  async function getUser(gitlabUserId: number): Promise<GitLabPerson> {
    const user = await users.get(String(gitlabUserId), () => askUser(gitlabUserId))
    if (user?.state === 'active') return user
    dropUser(gitlabUserId)
    const message =
      user === null
        ? `GitLab has no user ${gitlabUserId}.`
        : `The user ${user.username} is ${user.state} in GitLab.`
    throw new Problem('USER_NOT_ACTIVE', { message })
  }

  async function askUser(gitlabUserId: number): Promise<GitLabPerson | null> {
    const own = await asThemselves(gitlabUserId, (gitlab) => gitlab.getCurrentPerson())
    if (own?.id === gitlabUserId) return own
    const user = await gitlab.findUser(gitlabUserId)
    return user && { ...user, admin: null }
  }

  async function findLevel(user: GitLabPerson, gitlabProjectId: number): Promise<number | null> {
    if (user.admin === true) return administratorLevel
    const told = await levels.get(levelKey(user.id, gitlabProjectId), () =>
      askMembership(user, gitlabProjectId),
    )
    const hasEnded = told?.expiresAt && told.expiresAt <= clock()
    return told === null || hasEnded ? null : told.accessLevel
  }

  /** Who is no member for the speaker may be one by an invited group that GitLab before 17.4 hides from it. */
  async function askMembership(
    { id }: GitLabPerson,
    gitlabProjectId: number,
  ): Promise<GitLabMembership | null> {
    let refusal: unknown = null
    const told = await gitlab.findMembership(gitlabProjectId, id).catch((error: unknown) => {
      if (!isRefusal(error)) throw error
      refusal = error
      return null
    })
    if (told !== null) return told
    const own = await asThemselves(id, (gitlab) => askOwnLevel(gitlab, gitlabProjectId))
    if (own !== null) return own.accessLevel === 0 ? null : own
    if (refusal instanceof GitLabError && refusal.kind === 'unauthorized') throw refusal
    return null
  }

  async function asThemselves<T>(
    gitlabUserId: number,
    call: (own: OwnGitLab) => Promise<T>,
  ): Promise<T | null> {
    const own = forPerson(gitlabUserId)
    if (own === null) return null
    try {
      return await call(own)
    } catch (error) {
      if (isSuspended(error)) {
        dropUser(gitlabUserId)
        const message = 'GitLab lets this account do nothing at present.'
        throw new Problem('USER_NOT_ACTIVE', { message, cause: error })
      }
      if (!isRefusal(error)) throw error
      dropUser(gitlabUserId)
      return null
    }
  }

  function dropUser(gitlabUserId: number): void {
    users.drop(String(gitlabUserId))
  }

  function dropLevel(gitlabUserId: number, gitlabProjectId: number): void {
    dropUser(gitlabUserId)
    levels.drop(levelKey(gitlabUserId, gitlabProjectId))
  }

  return { getUser, findLevel, asThemselves, dropUser, dropLevel }
}

function levelKey(gitlabUserId: number, gitlabProjectId: number): string {
  return `${gitlabProjectId}:${gitlabUserId}`
}

/** By the lists of projects, which know of every group; 0 for who is no member. They do not tell when a role ends. */
async function askOwnLevel(own: OwnGitLab, gitlabProjectId: number): Promise<GitLabMembership> {
  async function isAtLeast(minAccessLevel: 10 | 20 | 30 | 40): Promise<boolean> {
    const range = { idAfter: gitlabProjectId - 1, idBefore: gitlabProjectId + 1 }
    const { gitlabProjectIds } = await own.listMemberProjects({ minAccessLevel, ...range }, 1)
    return gitlabProjectIds.includes(gitlabProjectId)
  }
  async function find(): Promise<number> {
    if (!(await isAtLeast(10))) return 0
    if (!(await isAtLeast(20))) return 10
    if (!(await isAtLeast(30))) return 20
    return (await isAtLeast(40)) ? 40 : 30
  }
  return { accessLevel: await find(), expiresAt: null }
}

function isSuspended(error: unknown): boolean {
  if (error instanceof Problem) return /^GITLAB_(?:USER_BLOCKED|PASSWORD_EXPIRED)$/.test(error.code)
  return (
    error instanceof GitLabError &&
    error.kind === 'forbidden' &&
    /\byour (?:account|password)\b/i.test(error.reason)
  )
}

/** The token is refused, or there is none: nothing is said of what was asked. */
function isRefusal(error: unknown): boolean {
  if (error instanceof Problem) return error.code.startsWith('GRANT_')
  return error instanceof GitLabError && (error.kind === 'unauthorized' || error.kind === 'forbidden')
}
