import type { FastifyBaseLogger } from 'fastify'
import { canRegisterHook } from '../domain/permissions.js'
import type { GitLab, GitLabUser } from '../gitlab/port.js'
import { createSpeakingPort, type PortCall } from '../gitlab/speaking-port.js'
import {
  checked,
  consentOf,
  createLadder,
  isDeadToken,
  isDisconnected,
  isRefusal,
  isSame,
  type Ladder,
  type LadderOptions,
  nobody,
  ownBotOf,
  type Speaker,
  unlessRefused,
} from './speaker-ladder.js'
import type { ConnectionStore, Poster, SpeakerKind, SpeakerProblem } from '../stores/connection-store.js'
import type { Project, ProjectStore } from '../stores/project-store.js'

const checkedForMs = 5 * 60_000
/** How long a process goes by what it knows without a look at the project's row. */
const heldForMs = 10_000
/** After a refusal the roles are asked for again, but not once for each of many. */
const doubtAfterMs = 10_000
const mostHeld = 10_000

/** Whether somebody can speak for a project; `reason` is null where they can. */
export interface Rung {
  kind: SpeakerKind
  user: GitLabUser | null
  reason: SpeakerProblem['reason'] | null
}

export interface Speakers {
  /** The project's own bot, else that of the instance if it is a Developer, else a maintainer who consented and still
   * is one; nobody else.
   * @throws GitLabError `forbidden` where there is none */
  getSpeaker(gitlabProjectId: number): Promise<Speaker>
  /** The same with what keeps each from speaking, asked of GitLab now; the first without a reason speaks. */
  look(project: Project): Promise<Rung[]>
  /** The client of somebody who spoke for the project before and still has a token; they may speak no more there. */
  findFormer(gitlabProjectId: number, gitlabUserId: number): Promise<GitLab | null>
  /** A client that may look after the webhook: of a maintainer who consented, else the instance's bot if Maintainer. */
  findKeeper(gitlabProjectId: number): Promise<GitLab | null>
  /** Has roles asked for again. */
  forget(gitlabProjectId: number): void
  /** Makes every call as the speaker of the project that it names. What only reads is left to the instance's bot where
   * nobody may speak. */
  gitlab: GitLab
}

export interface SpeakersOptions extends LadderOptions {
  projects: Pick<ProjectStore, 'findByGitLabId'>
  connections: Pick<ConnectionStore, 'setPoster'>
  log: Pick<FastifyBaseLogger, 'warn' | 'info'>
}

interface Held {
  untilMs: number
  answer: Promise<Speaker | null>
}

export function createSpeakers(options: SpeakersOptions): Speakers {
  const { clients, projects, clock } = options
  const held = new Map<number, Held>()
  const ladder = createLadder(options)
  const { resolve, climb } = createClimb(options, ladder)
  const { findKeeper, forgetKeeper } = createKeepers(options, ladder)

  async function getSpeaker(gitlabProjectId: number): Promise<Speaker> {
    const speaker = await findSpeaker(gitlabProjectId)
    if (speaker !== null) return speaker
    throw nobody(`nobody may speak for project ${gitlabProjectId}`)
  }

  function findSpeaker(gitlabProjectId: number): Promise<Speaker | null> {
    const nowMs = clock().getTime()
    const known = held.get(gitlabProjectId)
    if (known !== undefined && known.untilMs > nowMs) return known.answer
    if (held.size >= mostHeld) held.clear()
    const answer = resolve(gitlabProjectId)
    held.set(gitlabProjectId, { untilMs: nowMs + heldForMs, answer })
    const drop = () => {
      if (held.get(gitlabProjectId)?.answer === answer) held.delete(gitlabProjectId)
    }
    // A project that is not connected is asked about just before it is: that nobody speaks for it must not be held.
    answer.then((speaker) => speaker ?? drop(), drop)
    return answer
  }

  async function speak(call: PortCall): Promise<unknown> {
    if (call.gitlabProjectId === null) return call.make(await instanceWide(call))
    if (call.need === 'maintain') return call.make(await getKeeper(call.gitlabProjectId))
    return speakIn(call, call.gitlabProjectId)
  }

  async function speakIn(call: PortCall, gitlabProjectId: number): Promise<unknown> {
    const speaker = await findSpeaker(gitlabProjectId)
    try {
      return await call.make(clientFor(call, gitlabProjectId, speaker))
    } catch (error) {
      if (!isRefusal(error)) throw error
      const next = await doubt(gitlabProjectId, isDeadToken(error))
      // A refused token has done nothing, so the call is free to be made by another.
      if (!isDeadToken(error) || isSame(next, speaker)) throw error
      return call.make(clientFor(call, gitlabProjectId, next))
    }
  }

  function clientFor(call: PortCall, gitlabProjectId: number, speaker: Speaker | null): GitLab {
    if (speaker !== null) return speaker.gitlab
    if (call.need === 'read' && clients.bot !== null) return clients.bot
    throw nobody(`nobody may speak for project ${gitlabProjectId}`)
  }

  /** Looks again who may speak, at once where a token is dead. */
  async function doubt(gitlabProjectId: number, isCertain: boolean): Promise<Speaker | null> {
    const project = await projects.findByGitLabId(gitlabProjectId)
    if (project === null || isDisconnected(project)) return null
    const ageMs = clock().getTime() - (project.poster?.checkedAt.getTime() ?? 0)
    if (!isCertain && ageMs < doubtAfterMs) return findSpeaker(gitlabProjectId)
    forget(gitlabProjectId)
    const answer = climb(project)
    held.set(gitlabProjectId, { untilMs: clock().getTime() + heldForMs, answer })
    answer.catch(() => held.delete(gitlabProjectId))
    return answer
  }

  async function instanceWide({ name }: PortCall): Promise<GitLab> {
    if (clients.bot !== null) return clients.bot
    throw nobody(`the instance has no bot for ${name}`)
  }

  async function getKeeper(gitlabProjectId: number): Promise<GitLab> {
    const keeper = await findKeeper(gitlabProjectId)
    if (keeper !== null) return keeper
    throw nobody(`nobody may look after the webhook of project ${gitlabProjectId}`)
  }

  function forget(gitlabProjectId: number): void {
    held.delete(gitlabProjectId)
    forgetKeeper(gitlabProjectId)
  }

  return {
    getSpeaker,
    ...createLooks(options, ladder),
    findKeeper,
    forget,
    gitlab: createSpeakingPort({ speak, getSpeaker }),
  }
}

function createClimb(options: SpeakersOptions, { findBotUser, candidatesOf }: Ladder) {
  const { clients, projects, connections, clock, log } = options

  async function resolve(gitlabProjectId: number): Promise<Speaker | null> {
    const project = await projects.findByGitLabId(gitlabProjectId)
    if (project === null || isDisconnected(project)) return null
    const { poster } = project
    if (poster && clock().getTime() - poster.checkedAt.getTime() < checkedForMs) {
      if (poster.kind === null) return null
      const speaker = await asKnown(project, poster.kind)
      if (speaker !== null) return speaker
    }
    return climb(project)
  }

  /** As was found out within the last minutes, without a call. */
  async function asKnown(project: Project, kind: SpeakerKind): Promise<Speaker | null> {
    if (kind === 'project-bot') return ownBotOf(options, project).speaker
    if (kind === 'maintainer') return consentOf(clients, project)
    return clients.bot === null ? null : { kind, ...(await findBotUser()), gitlab: clients.bot }
  }

  async function climb(project: Project): Promise<Speaker | null> {
    const problems: SpeakerProblem[] = []
    let speaker: Speaker | null = null
    for (const candidate of candidatesOf(project)) {
      const found = await candidate.find()
      speaker = found.speaker
      if (speaker !== null) break
      if (found.reason !== null) problems.push({ kind: candidate.kind, reason: found.reason })
    }
    await tell(project, speaker, problems)
    return speaker
  }

  async function tell(project: Project, speaker: Speaker | null, problems: SpeakerProblem[]): Promise<void> {
    const poster: Poster = {
      kind: speaker?.kind ?? null,
      gitlabUserId: speaker?.id ?? null,
      username: speaker?.username ?? null,
      checkedAt: clock(),
      problems,
    }
    await connections.setPoster(project.id, poster)
    const before = project.poster ?? null
    if (before !== null && before.gitlabUserId === poster.gitlabUserId && before.kind === poster.kind) return
    const facts = { projectId: project.id, from: before?.kind ?? null, to: poster.kind, problems }
    if (problems.length > 0) log.warn(facts, 'Who speaks for a project has changed')
    else log.info(facts, 'Who speaks for a project is known')
  }

  return { resolve, climb }
}

function createLooks(
  options: SpeakersOptions,
  { findBotUser, candidatesOf, userOf }: Ladder,
): Pick<Speakers, 'look' | 'findFormer'> {
  const { clients, projects } = options

  async function look(project: Project): Promise<Rung[]> {
    const rungs: Rung[] = []
    for (const candidate of candidatesOf(project)) {
      const { speaker, reason } = await candidate.find()
      const user = speaker === null ? await userOf(project, candidate.kind) : speaker
      rungs.push({ kind: candidate.kind, user: user && { id: user.id, username: user.username }, reason })
    }
    return rungs
  }

  async function findFormer(gitlabProjectId: number, gitlabUserId: number): Promise<GitLab | null> {
    const project = await projects.findByGitLabId(gitlabProjectId)
    if (project === null) return null
    if (project.ownBot?.gitlabUserId === gitlabUserId)
      return ownBotOf(options, project).speaker?.gitlab ?? null
    if (project.consent?.gitlabUserId === gitlabUserId) return consentOf(clients, project)?.gitlab ?? null
    const user = clients.bot === null ? null : await unlessRefused(findBotUser)
    return user?.id === gitlabUserId ? clients.bot : null
  }

  return { look, findFormer }
}

function createKeepers({ clients, projects, clock }: SpeakersOptions, { findBotUser }: Ladder) {
  const keepers = new Map<number, { untilMs: number; answer: Promise<GitLab | null> }>()

  function findKeeper(gitlabProjectId: number): Promise<GitLab | null> {
    const nowMs = clock().getTime()
    const known = keepers.get(gitlabProjectId)
    if (known !== undefined && known.untilMs > nowMs) return known.answer
    if (keepers.size >= mostHeld) keepers.clear()
    const answer = lookForKeeper(gitlabProjectId)
    keepers.set(gitlabProjectId, { untilMs: nowMs + heldForMs, answer })
    answer.catch(() => keepers.delete(gitlabProjectId))
    return answer
  }

  async function lookForKeeper(gitlabProjectId: number): Promise<GitLab | null> {
    const project = await projects.findByGitLabId(gitlabProjectId)
    const maintainer = project === null ? null : consentOf(clients, project)
    if (maintainer !== null) {
      const { speaker } = await checked(maintainer, gitlabProjectId, canRegisterHook)
      if (speaker !== null) return speaker.gitlab
    }
    if (clients.bot === null) return null
    const user = await unlessRefused(findBotUser)
    if (user === null) return null
    const bot: Speaker = { kind: 'instance-bot', ...user, gitlab: clients.bot }
    return (await checked(bot, gitlabProjectId, canRegisterHook)).speaker?.gitlab ?? null
  }

  return { findKeeper, forgetKeeper: (gitlabProjectId: number) => void keepers.delete(gitlabProjectId) }
}
