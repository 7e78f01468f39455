import { canConfigure, canPost } from '../domain/permissions.js'
import { GitLabError } from '../gitlab/errors.js'
import type { GitLab, GitLabUser } from '../gitlab/port.js'
import type { GitLabClients } from '../grants/gitlab-clients.js'
import { GrantError } from '../grants/grant-errors.js'
import { ownBotOwner, type SpeakerKind, type SpeakerProblem } from '../stores/connection-store.js'
import type { Project } from '../stores/project-store.js'
import type { Sealer } from '../stores/sealing.js'

/** Who speaks for a project in GitLab. */
export interface Speaker extends GitLabUser {
  kind: SpeakerKind
  gitlab: GitLab
}

/** Somebody who might speak: tells what keeps them from it. */
export interface Candidate {
  kind: SpeakerKind
  find(): Promise<{ speaker: Speaker | null; reason: SpeakerProblem['reason'] | null }>
}

export interface LadderOptions {
  clients: GitLabClients
  sealer: Sealer
  clock: () => Date
}

const renewalRetryMs = 2_000

export type Ladder = ReturnType<typeof createLadder>

/** Those who might speak for a project, the best first. */
export function createLadder(options: LadderOptions) {
  const { clients } = options
  const findBotUser = onceUnlessItFails(async () => {
    if (clients.bot === null) throw nobody('the instance has no bot')
    return clients.bot.getCurrentUser()
  })

  function candidatesOf(project: Project): Candidate[] {
    const { gitlabProjectId } = project
    const candidates: Candidate[] = []
    if (project.ownBot) {
      candidates.push({
        kind: 'project-bot',
        find: async () => {
          const own = ownBotOf(options, project)
          if (own.speaker === null) return own
          const found = await checked(own.speaker, gitlabProjectId, canPost)
          if (found.reason === 'refused') waitForRenewal(options, project)
          return found
        },
      })
    }
    const { bot } = clients
    if (bot !== null) {
      candidates.push({
        kind: 'instance-bot',
        find: async () => {
          const user = await unlessRefused(findBotUser)
          if (user === null) return { speaker: null, reason: 'refused' }
          return checked({ kind: 'instance-bot', ...user, gitlab: bot }, gitlabProjectId, canPost)
        },
      })
    }
    const maintainer = consentOf(clients, project)
    if (maintainer !== null) {
      candidates.push({
        kind: 'maintainer',
        find: () => checked(maintainer, gitlabProjectId, canConfigure),
      })
    }
    return candidates
  }

  async function userOf(project: Project, kind: SpeakerKind): Promise<GitLabUser | null> {
    const known = kind === 'project-bot' ? project.ownBot : kind === 'maintainer' ? project.consent : null
    if (known) return { id: known.gitlabUserId, username: known.username }
    return kind === 'instance-bot' ? unlessRefused(findBotUser) : null
  }

  return { findBotUser, candidatesOf, userOf }
}

/** Whether GitLab says that this user has the role now. */
export async function checked(
  speaker: Speaker,
  gitlabProjectId: number,
  isEnough: (accessLevel: number | null) => boolean,
): Promise<{ speaker: Speaker | null; reason: SpeakerProblem['reason'] | null }> {
  try {
    const level = await speaker.gitlab.findAccessLevel(gitlabProjectId, speaker.id)
    return isEnough(level) ? { speaker, reason: null } : { speaker: null, reason: 'role_too_low' }
  } catch (error) {
    if (isDeadGrant(error)) return { speaker: null, reason: 'no_grant' }
    if (isRefusal(error)) return { speaker: null, reason: 'refused' }
    throw error
  }
}

export function ownBotOf(
  { clients, sealer, clock }: LadderOptions,
  { id, ownBot }: Project,
): { speaker: Speaker | null; reason: SpeakerProblem['reason'] | null } {
  if (!ownBot) return { speaker: null, reason: null }
  if (ownBot.expiresAt <= clock()) return { speaker: null, reason: 'expired' }
  const token = sealer.open(ownBot.token, ownBotOwner(id))
  if (token === null) return { speaker: null, reason: 'unreadable' }
  const { gitlabUserId, username } = ownBot
  const gitlab = clients.forToken(token)
  return { speaker: { kind: 'project-bot', id: gitlabUserId, username, gitlab }, reason: null }
}

/** @throws GitLabError where the token has just ended for a new one, which is about to be known */
function waitForRenewal({ clock }: LadderOptions, { gitlabProjectId, ownBot }: Project): void {
  const until = ownBot?.renewing?.until
  if (until === undefined || until <= clock()) return
  throw new GitLabError({
    kind: 'unavailable',
    status: null,
    endpoint: 'not called',
    reason: `the bot of project ${gitlabProjectId} is given another token`,
    retryAfterMs: renewalRetryMs,
    outcomeUnknown: false,
  })
}

export function consentOf(clients: GitLabClients, { consent }: Project): Speaker | null {
  if (!consent) return null
  const { gitlabUserId, username } = consent
  const gitlab = clients.forPerson(gitlabUserId, 'posting')
  return gitlab && { kind: 'maintainer', id: gitlabUserId, username, gitlab }
}

export async function unlessRefused<T>(ask: () => Promise<T>): Promise<T | null> {
  try {
    return await ask()
  } catch (error) {
    if (isRefusal(error)) return null
    throw error
  }
}

export function isRefusal(error: unknown): boolean {
  if (isDeadGrant(error)) return true
  return (
    error instanceof GitLabError &&
    (error.kind === 'unauthorized' || error.kind === 'forbidden' || error.kind === 'not_found')
  )
}

/** 401, or the grant behind it is gone: nothing of the call has happened. */
export function isDeadToken(error: unknown): boolean {
  return isDeadGrant(error) || (error instanceof GitLabError && error.kind === 'unauthorized')
}

function isDeadGrant(error: unknown): boolean {
  return error instanceof GrantError && error.reason !== 'unavailable'
}

export function isSame(one: Speaker | null, other: Speaker | null): boolean {
  return one?.kind === other?.kind && one?.gitlab === other?.gitlab
}

export function isDisconnected({ disconnectedAt }: Project): boolean {
  return disconnectedAt !== undefined && disconnectedAt !== null
}

export function nobody(reason: string): GitLabError {
  return new GitLabError({
    kind: 'forbidden',
    status: null,
    endpoint: 'not called',
    reason,
    retryAfterMs: null,
    outcomeUnknown: false,
  })
}

function onceUnlessItFails<T>(call: () => Promise<T>): () => Promise<T> {
  let answer: Promise<T> | null = null
  return async () => {
    answer ??= call()
    try {
      return await answer
    } catch (error) {
      answer = null
      throw error
    }
  }
}
