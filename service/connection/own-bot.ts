import type { GitLabProjectToken } from '../gitlab/port.js'
import { type OwnBot, ownBotOwner, renewedBeforeMs } from '../stores/connection-store.js'
import type { Sealer } from '../stores/sealing.js'

const dayMs = 24 * 3_600_000
/** GitLab gives tokens at most 365 days. */
const tokenLifeMs = 364 * dayMs
/** GitLab before 16.6 gives a rotated token a week, whatever is asked for. */
const renewedBeforeShare = 1 / 3

export interface MadeBot {
  projectId: string
  username: string
  made: GitLabProjectToken
  sealer: Sealer
  now: Date
}

export function tokenEndFrom(now: Date): Date {
  return new Date(now.getTime() + tokenLifeMs)
}

/** A project's own bot as it is kept. */
export function sealOwnBot({ projectId, username, made, sealer, now }: MadeBot): OwnBot {
  const lifeMs = made.expiresAt.getTime() - now.getTime()
  const beforeMs = Math.min(renewedBeforeMs, lifeMs * renewedBeforeShare)
  return {
    gitlabUserId: made.userId,
    username,
    tokenId: made.id,
    token: sealer.seal(made.token, ownBotOwner(projectId)),
    expiresAt: made.expiresAt,
    renewAt: new Date(made.expiresAt.getTime() - beforeMs),
  }
}
