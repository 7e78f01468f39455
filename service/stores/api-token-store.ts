import { randomBytes } from 'node:crypto'
import type { Collection, Db } from 'mongodb'
import { hashSecret } from '../domain/secrets.js'

export type TokenScope = 'read' | 'write'

/** A personal token for scripts; of the token itself only the hash is kept. */
export interface ApiToken {
  id: string
  gitlabUserId: number
  /** The username at the time it was made: for whoever reads the list. */
  name: string
  /** What it is for, in its owner's words; empty for one that `npm run token` made. */
  description: string
  scope: TokenScope
  /** Our ids of the projects that it is limited to; null: all that its person may see. */
  projectIds: readonly string[] | null
  /** The same as they were called at the time. */
  projectPaths: readonly string[] | null
  createdAt: Date
  expiresAt: Date
  /** At most an hour behind; null where it was never used. */
  lastUsedAt: Date | null
  revokedAt: Date | null
}

/** Tokens of earlier versions have no limits. */
interface ApiTokenDoc extends Omit<ApiToken, 'id' | keyof Limits>, Partial<Limits> {
  _id: string
  schema: 1
  hash: string
}

type Limits = Pick<ApiToken, 'description' | 'projectIds' | 'projectPaths'>

export type NewApiToken = Pick<ApiToken, 'gitlabUserId' | 'name' | 'scope' | 'expiresAt'> & Partial<Limits>

const unlimited: Limits = { description: '', projectIds: null, projectPaths: null }

const mostListed = 100
const lastUsedEveryMs = 3_600_000

export function apiTokenCollection(db: Db): Collection<ApiTokenDoc> {
  return db.collection<ApiTokenDoc>('apiTokens')
}

function fromDoc({ _id: id, schema: _, hash: __, ...rest }: ApiTokenDoc): ApiToken {
  return { id, ...unlimited, ...rest }
}

export function createApiTokenStore(db: Db) {
  const tokens = apiTokenCollection(db)

  /** Makes a token; its text is in this answer and nowhere else. */
  async function create(token: NewApiToken, now: Date): Promise<{ token: string; row: ApiToken }> {
    const text = `mlmm_${randomBytes(32).toString('base64url')}`
    const doc: ApiTokenDoc = {
      _id: `t${randomBytes(8).toString('hex')}`,
      schema: 1,
      hash: hashSecret(text),
      ...token,
      createdAt: now,
      lastUsedAt: null,
      revokedAt: null,
    }
    await tokens.insertOne(doc)
    return { token: text, row: fromDoc(doc) }
  }

  /** Also an expired or revoked one. Looked up by its hash, so that the time taken tells nothing of the token. */
  async function findByText(text: string): Promise<ApiToken | null> {
    const doc = await tokens.findOne({ hash: hashSecret(text) })
    return doc === null ? null : fromDoc(doc)
  }

  /** Written at most once an hour. */
  async function markUsed({ id, lastUsedAt }: ApiToken, now: Date): Promise<void> {
    if (lastUsedAt !== null && now.getTime() - lastUsedAt.getTime() < lastUsedEveryMs) return
    await tokens.updateOne({ _id: id }, { $max: { lastUsedAt: now } })
  }

  /** Ends every token of the user that still holds; answers how many. */
  async function revokeAll(gitlabUserId: number, now: Date): Promise<number> {
    const filter = { gitlabUserId, revokedAt: null, expiresAt: { $gt: now } }
    return (await tokens.updateMany(filter, { $set: { revokedAt: now } })).modifiedCount
  }

  /** The person's tokens that were not revoked, the newest first; also expired ones. */
  async function list(gitlabUserId: number): Promise<ApiToken[]> {
    const docs = await tokens
      .find({ gitlabUserId, revokedAt: null }, { sort: { createdAt: -1, _id: 1 }, limit: mostListed })
      .toArray()
    return docs.map(fromDoc)
  }

  /** Ends a token of the person; false where they have no such. */
  async function revoke(id: string, gitlabUserId: number, now: Date): Promise<boolean> {
    const filter = { _id: id, gitlabUserId, revokedAt: null }
    return (await tokens.updateOne(filter, { $set: { revokedAt: now } })).modifiedCount === 1
  }

  return { create, findByText, markUsed, list, revoke, revokeAll }
}

export type ApiTokenStore = ReturnType<typeof createApiTokenStore>
