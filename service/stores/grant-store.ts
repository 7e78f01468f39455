import type { Collection, Db, Document } from 'mongodb'
import { durable, isDuplicateKey } from './database.js'
import type { Sealed } from './sealing.js'

/** `sign-in` reads what the person may see; `posting` writes for them. */
export type GrantKind = 'sign-in' | 'posting'

/** What the next refresh starts from: `live`, `refreshing` under a lease, `resting` after a failed try, `dead`. */
export type GrantCondition = 'live' | 'refreshing' | 'resting' | 'dead'

export type DeathReason = 'revoked' | 'lost'
export type SuspensionReason = 'blocked' | 'password_expired'

/** The pair of tokens that GitLab gave last, with what is known of it. */
export interface GrantRow {
  id: string
  gitlabUserId: number
  kind: GrantKind
  access: Sealed
  refresh: Sealed | null
  /** Null where GitLab did not say. */
  scopes: string[] | null
  /** When to ask for a new pair, some time before this one expires. Null: never. */
  refreshAt: Date | null
  /** Null: never. */
  expiresAt: Date | null
  /** Grows with every new pair. */
  generation: number
  condition: GrantCondition
  deathReason: DeathReason | null
  suspension: { reason: SuspensionReason; until: Date } | null
  /** End of the lease or of the rest, by the database's clock. */
  leaseUntil: Date | null
  /** Of the lease taken last. */
  fence: number
  /** Refreshes of this pair that were begun and whose outcome nobody wrote down, the present one included. */
  openTries: number
  grantedAt: Date
}

interface GrantDoc extends Omit<GrantRow, 'id'> {
  _id: string
  schema: 1
}

export type NewPair = Pick<GrantRow, 'access' | 'refresh' | 'scopes' | 'refreshAt' | 'expiresAt'>

export type GrantStore = ReturnType<typeof createGrantStore>

export function grantId(gitlabUserId: number, kind: GrantKind): string {
  return `${gitlabUserId}:${kind}`
}

/** To whom a token of the grant is sealed. */
export function grantOwner(id: string, which: 'access' | 'refresh'): string {
  return `${id}:${which}`
}

/** One row per person and kind. Leases are by the database's clock, so that those of the processes do not matter. */
export function createGrantStore(db: Db) {
  const grants = db.collection<GrantDoc>('grants', { writeConcern: durable })
  return {
    find: (id: string) => find(grants, { _id: id }),
    /** A new consent, in place of whatever there was. */
    save: (gitlabUserId: number, kind: GrantKind, pair: NewPair, now: Date) =>
      save(grants, { gitlabUserId, kind, pair, now }),
    /** Null where another holds the lease, or this is not the newest pair any more. */
    lease: (row: GrantRow, leaseMs: number) => lease(grants, row, leaseMs),
    /**
     * Stores the pair that GitLab gave for this one: also after the lease, and over a death that another found
     * meanwhile, because it is the only pair that works. False where a new consent came, or the grant was forgotten.
     */
    replace: (row: GrantRow, pair: NewPair) => replace(grants, row, pair),
    /** Ends the lease without a new pair; nobody tries before `restMs` are over. */
    rest: (row: GrantRow, rest: { restMs: number; openTries: number }) =>
      changeLeased(grants, row, {
        condition: 'resting',
        leaseUntil: inMs(rest.restMs),
        openTries: rest.openTries,
      }),
    /** Ends the lease and the grant. */
    end: (row: GrantRow, reason: DeathReason) =>
      changeLeased(grants, row, { condition: 'dead', deathReason: reason, leaseUntil: null }),
    /** For a pair that GitLab says is revoked while nobody refreshes it. */
    revoke: (row: GrantRow) => revoke(grants, row),
    suspend: (row: GrantRow, suspension: GrantRow['suspension']) => suspend(grants, row, suspension),
    /** Removes the row and answers with it. */
    take: (id: string) => take(grants, id),
  }
}

function inMs(delayMs: number): Document {
  return { $add: ['$$NOW', delayMs] }
}

function fromDoc({ _id: id, schema: _, ...rest }: GrantDoc): GrantRow {
  return { id, ...rest }
}

async function find(grants: Collection<GrantDoc>, filter: { _id: string }): Promise<GrantRow | null> {
  const doc = await grants.findOne(filter)
  return doc === null ? null : fromDoc(doc)
}

interface Saving {
  gitlabUserId: number
  kind: GrantKind
  pair: NewPair
  now: Date
}

const untouched = {
  condition: 'live',
  deathReason: null,
  suspension: null,
  leaseUntil: null,
  openTries: 0,
} as const

async function save(grants: Collection<GrantDoc>, saving: Saving): Promise<void> {
  const { gitlabUserId, kind, pair, now } = saving
  const set = { schema: 1 as const, gitlabUserId, kind, ...pair, ...untouched, grantedAt: now }
  const write = () =>
    grants.updateOne(
      { _id: grantId(gitlabUserId, kind) },
      { $set: set, $inc: { generation: 1 }, $setOnInsert: { fence: 0 } },
      { upsert: true },
    )
  try {
    await write()
  } catch (error) {
    // Two first consents met in the unique index.
    if (!isDuplicateKey(error)) throw error
    await write()
  }
}

async function lease(
  grants: Collection<GrantDoc>,
  { id, generation }: GrantRow,
  leaseMs: number,
): Promise<GrantRow | null> {
  const doc = await grants.findOneAndUpdate(
    {
      _id: id,
      generation,
      condition: { $ne: 'dead' },
      $or: [{ leaseUntil: null }, { $expr: { $lte: ['$leaseUntil', '$$NOW'] } }],
    },
    [
      {
        $set: {
          condition: 'refreshing',
          leaseUntil: inMs(leaseMs),
          fence: { $add: ['$fence', 1] },
          openTries: { $add: ['$openTries', 1] },
        },
      },
    ],
    { returnDocument: 'after' },
  )
  return doc === null ? null : fromDoc(doc)
}

async function replace(
  grants: Collection<GrantDoc>,
  { id, generation }: GrantRow,
  pair: NewPair,
): Promise<boolean> {
  const { matchedCount } = await grants.updateOne(
    { _id: id, generation },
    { $set: { ...pair, ...untouched }, $inc: { generation: 1 } },
  )
  return matchedCount === 1
}

async function changeLeased(grants: Collection<GrantDoc>, row: GrantRow, set: Document): Promise<boolean> {
  const { id, generation, fence } = row
  const own = { _id: id, generation, fence, condition: 'refreshing' as const }
  return (await grants.updateOne(own, [{ $set: set }])).matchedCount === 1
}

async function revoke(grants: Collection<GrantDoc>, { id, generation }: GrantRow): Promise<boolean> {
  const { matchedCount } = await grants.updateOne(
    { _id: id, generation, condition: 'live' },
    { $set: { condition: 'dead', deathReason: 'revoked' } },
  )
  return matchedCount === 1
}

async function suspend(
  grants: Collection<GrantDoc>,
  { id, generation }: GrantRow,
  suspension: GrantRow['suspension'],
): Promise<void> {
  await grants.updateOne({ _id: id, generation }, { $set: { suspension } })
}

async function take(grants: Collection<GrantDoc>, id: string): Promise<GrantRow | null> {
  const doc = await grants.findOneAndDelete({ _id: id })
  return doc === null ? null : fromDoc(doc)
}
