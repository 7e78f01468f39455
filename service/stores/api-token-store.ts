import { hash, randomBytes } from 'node:crypto'
import type { Collection, Db } from 'mongodb'
import { hashSecret } from '../domain/secrets.js'
import { isDuplicateKey } from './database.js'

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

/** What a person holds. */
export interface HeldTokens {
  /** How many there are that can be used. */
  validCount: number
  /** Those, the newest first, and after them those that expired last. Revoked ones are not among them. */
  tokens: ApiToken[]
}

const unlimited: Limits = { description: '', projectIds: null, projectPaths: null }

/** More than one can make on the page: `npm run token` makes as many as it is asked for. */
const mostValidListed = 1_000
const mostExpiredListed = 20
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
    return insert(`t${randomBytes(8).toString('hex')}`, token, now)
  }

  /** The same for a form that is named by `formKey`; null where it has made a token already. */
  async function createOnce(token: NewApiToken, formKey: string, now: Date) {
    try {
      return await insert(idOfForm(token.gitlabUserId, formKey), token, now)
    } catch (error) {
      if (isDuplicateKey(error)) return null
      throw error
    }
  }

  async function insert(id: string, token: NewApiToken, now: Date) {
    const text = `mlmm_${randomBytes(32).toString('base64url')}`
    const doc: ApiTokenDoc = {
      _id: id,
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

  /** The token that the form has made, whatever became of it. */
  async function findByForm(gitlabUserId: number, formKey: string): Promise<ApiToken | null> {
    const doc = await tokens.findOne({ _id: idOfForm(gitlabUserId, formKey) })
    return doc === null ? null : fromDoc(doc)
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

  async function list(gitlabUserId: number, now: Date): Promise<HeldTokens> {
    const held = { gitlabUserId, revokedAt: null }
    const areValid = { ...held, expiresAt: { $gt: now } }
    const areExpired = { ...held, expiresAt: { $lte: now } }
    const [validCount, valid, expired] = await Promise.all([
      tokens.countDocuments(areValid),
      tokens.find(areValid, { sort: { createdAt: -1, _id: 1 }, limit: mostValidListed }).toArray(),
      tokens.find(areExpired, { sort: { expiresAt: -1, _id: 1 }, limit: mostExpiredListed }).toArray(),
    ])
    return { validCount, tokens: [...valid, ...expired].map(fromDoc) }
  }

  /** Ends a token of the person; false where they have no such. */
  async function revoke(id: string, gitlabUserId: number, now: Date): Promise<boolean> {
    const filter = { _id: id, gitlabUserId, revokedAt: null }
    return (await tokens.updateOne(filter, { $set: { revokedAt: now } })).modifiedCount === 1
  }

  return { create, createOnce, findByForm, findByText, markUsed, list, revoke, revokeAll }
}

/** Two sendings of one form want the same id, which the database gives once. */
function idOfForm(gitlabUserId: number, formKey: string): string {
  return `t${hash('sha256', `${gitlabUserId}:${formKey}`, 'hex').slice(0, 32)}`
}

export type ApiTokenStore = ReturnType<typeof createApiTokenStore>
