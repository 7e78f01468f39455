import type { Collection, Db } from 'mongodb'
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

const noHook = { state: 'pending', hookId: null, secretHash: null } as const

export type ConnectionStore = ReturnType<typeof createConnectionStore>

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
      const former =
        formerTokenId === null ? { ownBot: null, disconnectedAt: null } : { 'ownBot.tokenId': formerTokenId }
      const { matchedCount } = await projects.updateOne(
        { _id: projectId, ...former },
        { $set: { ownBot, poster: null } },
      )
      return matchedCount === 1
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
