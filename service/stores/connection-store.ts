import type { Collection, Db, Filter } from 'mongodb'
import type { Sealed } from './sealing.js'

/** Who may speak for a project in GitLab: its own bot, the bot of the instance, or a maintainer who consented. */
export type SpeakerKind = 'project-bot' | 'instance-bot' | 'maintainer'

/** The bot of a project access token that was made for the project. */
export interface OwnBot {
  gitlabUserId: number
  username: string
  tokenId: number
  /** For `ownBotOwner`. */
  token: Sealed
  expiresAt: Date
  /** When to have GitLab give another token; absent in rows of older versions: some days before the end. */
  renewAt?: Date
  /** Begun and not known to have ended, by the job's claim of this fence. */
  renewing?: RenewalMark
}

export interface RenewalMark {
  fence: number
  /** How long others wait for its outcome. */
  until: Date
}

/** A maintainer who lets the service post as them. */
export interface Consent {
  gitlabUserId: number
  username: string
  at: Date
}

/** Why somebody who might speak for the project cannot. */
export interface SpeakerProblem {
  kind: SpeakerKind
  reason: 'expired' | 'refused' | 'unreadable' | 'role_too_low' | 'no_grant'
}

/** Who speaks for the project, as it was last found out. */
export interface Poster {
  /** Null where nobody may. */
  kind: SpeakerKind | null
  gitlabUserId: number | null
  username: string | null
  checkedAt: Date
  /** Of those who come first. */
  problems: SpeakerProblem[]
}

/** The part of a project's document that is about speaking in GitLab; absent in rows of older versions. */
export interface Connection {
  ownBot?: OwnBot | null
  consent?: Consent | null
  poster?: Poster | null
  /** When a maintainer disconnected it: it takes no reports; what it has stays readable. */
  disconnectedAt?: Date | null
}

/** To whom the token of a project's own bot is sealed. */
export function ownBotOwner(projectId: string): string {
  return `bot:${projectId}`
}

interface ConnectionDoc extends Connection {
  _id: string
  hook: typeof noHook
}

/** GitLab ended the token before when it made a later one of the same bot, so only the latest works. */
function replaceable(ownBot: OwnBot | null, formerTokenId: number | null): Filter<ConnectionDoc> {
  if (formerTokenId === null) return { ownBot: null, disconnectedAt: null }
  const former = { 'ownBot.tokenId': formerTokenId }
  if (ownBot === null) return former as Filter<ConnectionDoc>
  const { gitlabUserId, tokenId } = ownBot
  const earlier = { 'ownBot.gitlabUserId': gitlabUserId, 'ownBot.tokenId': { $lt: tokenId } }
  return { $or: [former, earlier] } as Filter<ConnectionDoc>
}

const noHook = { state: 'pending', hookId: null, secretHash: null } as const

export type ConnectionStore = ReturnType<typeof createConnectionStore>

/** How long before its end a bot's token is renewed at most. */
export const renewedBeforeMs = 14 * 24 * 3_600_000

/** Writes the fields of `Connection`; they are read with the project. */
export function createConnectionStore(db: Db) {
  const projects: Collection<ConnectionDoc> = db.collection<ConnectionDoc>('projects')

  async function set(projectId: string, fields: Connection): Promise<void> {
    await projects.updateOne({ _id: projectId }, { $set: fields })
  }

  return {
    setPoster: (projectId: string, poster: Poster | null) => set(projectId, { poster }),
    setConsent: (projectId: string, consent: Consent | null) => set(projectId, { consent, poster: null }),
    /** False where the project has got an own bot meanwhile, other than the one of `formerTokenId`. */
    async setOwnBot(
      projectId: string,
      ownBot: OwnBot | null,
      formerTokenId: number | null,
    ): Promise<boolean> {
      const { matchedCount } = await projects.updateOne(
        { _id: projectId, ...replaceable(ownBot, formerTokenId) },
        { $set: { ownBot, poster: null } },
      )
      return matchedCount === 1
    },
    /** Projects whose own bot is to get another token. */
    async listBotsToRenew(now: Date, limit: number): Promise<string[]> {
      const endsSoon = { $lte: new Date(now.getTime() + renewedBeforeMs) }
      const isDue = { $or: [{ 'ownBot.renewAt': { $exists: false } }, { 'ownBot.renewAt': { $lte: now } }] }
      const filter = { 'ownBot.expiresAt': endsSoon, disconnectedAt: null, orphanedAt: null, ...isDue }
      const found = await projects
        .find(filter as Filter<ConnectionDoc>)
        .project<{ _id: string }>({ _id: 1 })
        .limit(limit)
        .toArray()
      return found.map(({ _id }) => _id)
    },
    /** The bot as it was; null where a later claim is at it, or it is another one. */
    async claimRenewal(projectId: string, tokenId: number, mark: RenewalMark): Promise<OwnBot | null> {
      const isFree = { 'ownBot.tokenId': tokenId, 'ownBot.renewing.fence': { $not: { $gte: mark.fence } } }
      const before = await projects.findOneAndUpdate(
        { _id: projectId, ...isFree } as Filter<ConnectionDoc>,
        { $set: { 'ownBot.renewing': mark } as object },
        { returnDocument: 'before' },
      )
      return before?.ownBot ?? null
    },
    /** Ends it without a new token; `isOpen`: what became of a try before is still unknown. */
    async endRenewal(
      projectId: string,
      fence: number,
      { isOpen, renewAt }: { isOpen: boolean; renewAt?: Date },
    ): Promise<void> {
      const set = {
        ...(renewAt !== undefined && { 'ownBot.renewAt': renewAt }),
        ...(isOpen && { 'ownBot.renewing.until': new Date(0) }),
      }
      await projects.updateOne(
        { _id: projectId, 'ownBot.renewing.fence': fence } as Filter<ConnectionDoc>,
        { $set: set, ...(!isOpen && { $unset: { 'ownBot.renewing': true } }) } as object,
      )
    },
    /** Forgets all that is sealed, and the webhook with its secrets. False where it is disconnected already. */
    async disconnect(projectId: string, now: Date): Promise<boolean> {
      const { matchedCount } = await projects.updateOne(
        { _id: projectId, disconnectedAt: null },
        { $set: { disconnectedAt: now, ownBot: null, consent: null, poster: null, hook: noHook } },
      )
      return matchedCount === 1
    },
    /** False where it is connected already. */
    async reconnect(projectId: string): Promise<boolean> {
      const { matchedCount } = await projects.updateOne(
        { _id: projectId, disconnectedAt: { $type: 'date' } },
        { $set: { disconnectedAt: null } },
      )
      return matchedCount === 1
    },
  }
}
