import { GitLabError } from '../gitlab/errors.js'
import type { GitLab, GitLabProjectToken } from '../gitlab/port.js'
import { sealOwnBot, tokenEndFrom } from '../connection/own-bot.js'
import { isDisconnected, isRefusal, unlessRefused } from '../connection/speaker-ladder.js'
import type { Speakers } from '../connection/speakers.js'
import type { ConnectionStore, OwnBot } from '../stores/connection-store.js'
import type { Project, ProjectStore } from '../stores/project-store.js'
import type { Sealer } from '../stores/sealing.js'
import { parseKey } from './keys.js'
import type { JobHandler, JobLog } from './worker.js'

/** For so long calls that meet the token that has just ended wait for the new one, instead of being another's. */
const waitedForMs = 60_000
const refusedForMs = 24 * 3_600_000

export interface RenewBotJobOptions {
  projects: Pick<ProjectStore, 'find'>
  connections: Pick<ConnectionStore, 'claimRenewal' | 'endRenewal' | 'setOwnBot'>
  speakers: Pick<Speakers, 'findKeeper' | 'findFormer' | 'forget'>
  sealer: Sealer
  clock: () => Date
}

interface Renewal {
  project: Project
  ownBot: OwnBot
  /** The outcome of a try before is unknown. */
  wasLeftOpen: boolean
  keeper: GitLab | null
}

/** Has GitLab give a project's own bot a new token before the one it has ends. GitLab ends the old one as it makes the
 * new one and tells it once; a token that nobody was told is rotated away in turn. */
export function createRenewBotJob(options: RenewBotJobOptions): JobHandler {
  const { projects, connections, speakers, clock } = options

  return async (job, { fence, log }) => {
    const project = await projects.find(parseKey(job.key).projectId)
    const ownBot = project?.ownBot ?? null
    if (project === null || ownBot === null || isDisconnected(project)) return { kind: 'done' }
    if ((ownBot.renewAt ?? clock()) > clock()) return { kind: 'done' }
    const keeper = await speakers.findKeeper(project.gitlabProjectId)
    const mark = { fence, until: new Date(clock().getTime() + waitedForMs) }
    const before = await connections.claimRenewal(project.id, ownBot.tokenId, mark)
    if (before === null) return { kind: 'done' }
    const wasLeftOpen = Boolean(before.renewing)
    try {
      const made = await renew({ project, ownBot, wasLeftOpen, keeper })
      if (made !== null) await keep({ project, ownBot, keeper, made }, log)
      else await giveUp(project, { fence, wasLeftOpen, reason: 'nobody may renew it' }, log)
    } catch (error) {
      if (isUnknown(error)) throw error
      if (!isRefused(error)) {
        if (!wasLeftOpen) await connections.endRenewal(project.id, fence, { isOpen: false })
        throw error
      }
      await giveUp(project, { fence, wasLeftOpen, reason: error.message }, log)
    }
    return { kind: 'done' }
  }

  async function renew(renewal: Renewal): Promise<GitLabProjectToken | null> {
    const { project, ownBot, wasLeftOpen, keeper } = renewal
    const { gitlabProjectId } = project
    const expiresAt = tokenEndFrom(clock())
    if (keeper === null) return rotateItself(renewal, expiresAt)
    const active = await findActive(keeper, gitlabProjectId, ownBot.gitlabUserId)
    // Rotating one that has ended would end all that came of it.
    if (active !== null) return keeper.rotateProjectToken(gitlabProjectId, active, expiresAt)
    const wasRevokedByHand = !wasLeftOpen && ownBot.expiresAt > clock()
    return wasRevokedByHand ? null : keeper.createProjectToken(gitlabProjectId, { name: 'mlmm', expiresAt })
  }

  /** Since GitLab 17.9, where nobody else may. What a lost answer held cannot be found out then. */
  async function rotateItself({ project, ownBot }: Renewal, expiresAt: Date) {
    const own = await speakers.findFormer(project.gitlabProjectId, ownBot.gitlabUserId)
    if (own === null || (await unlessRefused(() => own.getCurrentUser())) === null) return null
    return own.rotateProjectToken(project.gitlabProjectId, 'self', expiresAt)
  }

  async function keep(
    { project, ownBot, keeper, made }: Omit<Renewal, 'wasLeftOpen'> & { made: GitLabProjectToken },
    log: JobLog,
  ): Promise<void> {
    const { id: projectId, gitlabProjectId } = project
    const username = await nameOf(made, ownBot, keeper)
    const bot = sealOwnBot({ projectId, username, made, sealer: options.sealer, now: clock() })
    const isKept = await connections.setOwnBot(projectId, bot, ownBot.tokenId)
    speakers.forget(gitlabProjectId)
    if (!isKept) {
      log.warn({ projectId }, "The project's bot was renewed as it was given up")
      await keeper?.revokeProjectToken(gitlabProjectId, made.id)
      return
    }
    const { gitlabUserId, expiresAt } = bot
    log.info({ projectId, gitlabUserId, expiresAt }, "The project's bot is renewed")
  }

  async function giveUp(
    { id: projectId, ownBot }: Project,
    { fence, wasLeftOpen, reason }: { fence: number; wasLeftOpen: boolean; reason: string },
    log: JobLog,
  ): Promise<void> {
    const renewAt = new Date(clock().getTime() + refusedForMs)
    await connections.endRenewal(projectId, fence, { isOpen: wasLeftOpen, renewAt })
    log.warn({ projectId, expiresAt: ownBot?.expiresAt, reason }, "The project's bot is not renewed")
  }
}

/** The newest token of the bot that works. */
async function findActive(
  keeper: GitLab,
  gitlabProjectId: number,
  gitlabUserId: number,
): Promise<number | null> {
  const tokens = await keeper.listProjectTokens(gitlabProjectId)
  const active = tokens.filter(({ userId, isActive }) => isActive && userId === gitlabUserId)
  return active.length === 0 ? null : Math.max(...active.map(({ id }) => id))
}

/** The token works without its bot's name. */
async function nameOf(
  { userId }: GitLabProjectToken,
  ownBot: OwnBot,
  keeper: GitLab | null,
): Promise<string> {
  if (userId === ownBot.gitlabUserId || keeper === null) return ownBot.username
  return (await keeper.findUser(userId).catch(() => null))?.username ?? ownBot.username
}

function isUnknown(error: unknown): boolean {
  return error instanceof GitLabError && error.outcomeUnknown
}

/** The same would be refused again. */
function isRefused(error: unknown): error is Error {
  return isRefusal(error) || (error instanceof GitLabError && error.kind === 'rejected')
}
