import { randomBytes } from 'node:crypto'
import type { Collection, Db, IndexDescription } from 'mongodb'
import { hashSecret } from '../domain/secrets.js'
import { isDuplicateKey } from './database.js'

/** A browser that a person signed in with. */
export interface Session {
  /** A hash of what the browser holds: good for naming the session, not for using it. */
  id: string
  gitlabUserId: number
  /** As GitLab had them at the sign-in. */
  name: string
  username: string
  createdAt: Date
  /** Moves on with use, to 60 days after the sign-in at most. */
  expiresAt: Date
  /** At most 5 minutes behind. */
  lastSeenAt: Date
  userAgent: string
}

interface SessionDoc extends Omit<Session, 'id'> {
  _id: string
  schema: 1
}

interface SpentStateDoc {
  _id: string
  expiresAt: Date
}

export type NewSession = Pick<Session, 'gitlabUserId' | 'name' | 'username' | 'userAgent'>

const dayMs = 24 * 3_600_000
const idleMs = 14 * dayMs
/** A session ends so long after its sign-in, however much it is used. */
export const sessionLifeMs = 60 * dayMs
const seenEveryMs = 5 * 60_000
/** The oldest ones of a person end where there are more. */
const mostOfPerson = 50
const longestUserAgent = 400

export const sessionIndexes: IndexDescription[] = [
  { key: { expiresAt: 1 }, expireAfterSeconds: 0 },
  { key: { gitlabUserId: 1, createdAt: -1 } },
]

export function sessionCollection(db: Db): Collection<SessionDoc> {
  return db.collection<SessionDoc>('sessions')
}

export function spentStateCollection(db: Db): Collection<SpentStateDoc> {
  return db.collection<SpentStateDoc>('spentSignIns')
}

function fromDoc({ _id: id, schema: _, ...rest }: SessionDoc): Session {
  return { id, ...rest }
}

function expiryOf(createdAt: Date, lastSeenAt: Date): Date {
  return new Date(Math.min(createdAt.getTime() + sessionLifeMs, lastSeenAt.getTime() + idleMs))
}

export function createSessionStore(db: Db) {
  const sessions = sessionCollection(db)
  const spentStates = spentStateCollection(db)

  /** Begins a session; its secret is in this answer and nowhere else. */
  async function create(facts: NewSession, now: Date): Promise<{ secret: string; session: Session }> {
    const secret = randomBytes(32).toString('base64url')
    const doc: SessionDoc = {
      _id: idOf(secret),
      schema: 1,
      gitlabUserId: facts.gitlabUserId,
      name: facts.name,
      username: facts.username,
      userAgent: facts.userAgent.toWellFormed().slice(0, longestUserAgent),
      createdAt: now,
      lastSeenAt: now,
      expiresAt: expiryOf(now, now),
    }
    await sessions.insertOne(doc)
    await endOldest(facts.gitlabUserId)
    return { secret, session: fromDoc(doc) }
  }

  async function endOldest(gitlabUserId: number): Promise<void> {
    const rest = await sessions
      .find({ gitlabUserId }, { projection: { _id: 1 }, sort: { createdAt: -1 }, skip: mostOfPerson })
      .toArray()
    if (rest.length > 0) await sessions.deleteMany({ _id: { $in: rest.map(({ _id }) => _id) } })
  }

  /** The session that holds now. Looked up by a hash, so that the time taken tells nothing of the secret. */
  async function findBySecret(secret: string, now: Date): Promise<Session | null> {
    const doc = await sessions.findOne({ _id: idOf(secret), expiresAt: { $gt: now } })
    return doc === null ? null : fromDoc(doc)
  }

  /** Written at most every 5 minutes. Brings back no session that has ended. */
  async function markSeen({ id, createdAt, lastSeenAt }: Session, now: Date): Promise<void> {
    if (now.getTime() - lastSeenAt.getTime() < seenEveryMs) return
    const seen = { lastSeenAt: now, expiresAt: expiryOf(createdAt, now) }
    await sessions.updateOne({ _id: id }, { $max: seen })
  }

  /** Those that hold now, the last used first. */
  async function list(gitlabUserId: number, now: Date): Promise<Session[]> {
    const filter = { gitlabUserId, expiresAt: { $gt: now } }
    const docs = await sessions
      .find(filter, { sort: { lastSeenAt: -1, _id: 1 }, limit: mostOfPerson })
      .toArray()
    return docs.map(fromDoc)
  }

  /** Ends one session of the person; false where they have no such. */
  async function end(id: string, gitlabUserId: number): Promise<boolean> {
    return (await sessions.deleteOne({ _id: id, gitlabUserId })).deletedCount === 1
  }

  /** Ends every session of the person; answers how many. */
  async function endAll(gitlabUserId: number): Promise<number> {
    return (await sessions.deleteMany({ gitlabUserId })).deletedCount
  }

  /** Whether this is the first use of the state of a sign-in. */
  async function spendState(state: string, expiresAt: Date): Promise<boolean> {
    try {
      await spentStates.insertOne({ _id: hashSecret(state), expiresAt })
      return true
    } catch (error) {
      if (isDuplicateKey(error)) return false
      throw error
    }
  }

  return { create, findBySecret, markSeen, list, end, endAll, spendState }
}

/** In letters that an address takes as they are. */
function idOf(secret: string): string {
  return hashSecret(secret).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '')
}

export type SessionStore = ReturnType<typeof createSessionStore>
