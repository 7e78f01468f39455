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
  scope: TokenScope
  createdAt: Date
  expiresAt: Date
  /** At most an hour behind; null where it was never used. */
  lastUsedAt: Date | null
  revokedAt: Date | null
}

interface ApiTokenDoc extends Omit<ApiToken, 'id'> {
  _id: string
  schema: 1
  hash: string
}

export type NewApiToken = Pick<ApiToken, 'gitlabUserId' | 'name' | 'scope' | 'expiresAt'>

const lastUsedEveryMs = 3_600_000

export function apiTokenCollection(db: Db): Collection<ApiTokenDoc> {
  return db.collection<ApiTokenDoc>('apiTokens')
}

function fromDoc({ _id: id, schema: _, hash: __, ...rest }: ApiTokenDoc): ApiToken {
  return { id, ...rest }
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

  return { create, findByText, markUsed, revokeAll }
}

export type ApiTokenStore = ReturnType<typeof createApiTokenStore>
