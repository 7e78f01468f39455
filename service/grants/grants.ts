import type { OAuth, Tokens } from '../gitlab/oauth.js'
import { deathWords, GrantError, keyWords, meaningOf, suspensionWords } from './grant-errors.js'
import { createGrantPairs } from './grant-pairs.js'
import { createGrantRefresh, revokeAll } from './grant-refresh.js'
import { grantId, type GrantKind, type GrantStore, type SuspensionReason } from '../stores/grant-store.js'
import type { Sealer } from '../stores/sealing.js'

export interface GrantsOptions {
  oauth: Pick<OAuth, 'refresh' | 'revoke'>
  store: GrantStore
  sealer: Sealer
  clock: () => Date
  /** Longer than a refresh may take with everything around it. */
  leaseMs?: number
}

/** How a grant stands, for the page that shows it. */
export interface GrantState {
  state: 'usable' | 'revoked' | 'lost' | SuspensionReason
  /** What happened and what it means; null where it is usable. */
  words: string | null
  /** Null where GitLab did not say. */
  scopes: string[] | null
  grantedAt: Date
}

export interface Grants {
  /** Keeps what a person has just consented to, in place of what was kept before. */
  save(userId: number, kind: GrantKind, tokens: Tokens): Promise<void>
  /**
   * A token that works now, refreshed where it is due. `after401`: the token that GitLab has just called expired.
   * @throws GrantError
   */
  getAccessToken(userId: number, kind: GrantKind, options?: { after401?: string }): Promise<string>
  /**
   * Writes down what GitLab's refusal of a call with `token` says about the grant. Null where it says nothing; with
   * the reason `expired`, the next token comes from `getAccessToken` with `after401`.
   */
  explain(
    userId: number,
    kind: GrantKind,
    refusal: { token: string; error: unknown },
  ): Promise<GrantError | null>
  /** Deletes it here and, where GitLab can be reached, there: then true. */
  forget(userId: number, kind: GrantKind): Promise<boolean>
  /** Null where there is none. Asks nobody. */
  findState(userId: number, kind: GrantKind): Promise<GrantState | null>
}

const defaultLeaseMs = 30_000
const suspendedForMs = 5 * 60_000

/** The tokens that people gave to this service: sealed in the database, refreshed by one process at a time. */
export function createGrants(options: GrantsOptions): Grants {
  const { oauth, store, sealer, clock, leaseMs = defaultLeaseMs } = options
  const pairs = createGrantPairs(sealer, clock)
  const getToken = createGrantRefresh({ oauth, store, pairs, clock, leaseMs })
  const flights = new Map<string, Promise<string>>()

  async function getAccessToken(
    userId: number,
    kind: GrantKind,
    { after401 }: { after401?: string } = {},
  ): Promise<string> {
    const id = grantId(userId, kind)
    // Who knows of a refused token must not be answered from a flight that does not.
    const key = after401 === undefined ? id : `${id}:${after401}`
    let flight = flights.get(key)
    if (flight === undefined) {
      flight = getToken(id, after401).finally(() => flights.delete(key))
      flights.set(key, flight)
    }
    return await flight
  }

  async function explain(
    userId: number,
    kind: GrantKind,
    { token, error }: { token: string; error: unknown },
  ): Promise<GrantError | null> {
    const meaning = meaningOf(error)
    if (meaning === null) return null
    const row = await store.find(grantId(userId, kind))
    if (row === null) return meaning
    const { reason } = meaning
    if (reason === 'blocked' || reason === 'password_expired') {
      await store.suspend(row, { reason, until: new Date(clock().getTime() + suspendedForMs) })
    }
    if (reason !== 'revoked') return meaning
    // A token of before the last refresh says nothing of the one after it.
    const isCurrent = row.openTries === 0 && pairs.find(row, 'access') === token
    if (isCurrent && (await store.revoke(row))) return meaning
    return new GrantError('expired', 'The access has been renewed meanwhile.')
  }

  async function forget(userId: number, kind: GrantKind): Promise<boolean> {
    const row = await store.take(grantId(userId, kind))
    if (row === null || row.condition === 'dead') return true
    return await revokeAll(oauth, [pairs.find(row, 'refresh'), pairs.find(row, 'access')])
  }

  async function findState(userId: number, kind: GrantKind): Promise<GrantState | null> {
    const row = await store.find(grantId(userId, kind))
    if (row === null) return null
    const { scopes, grantedAt } = row
    const told = (state: GrantState['state'], words: string | null) => ({ state, words, scopes, grantedAt })
    if (row.deathReason !== null) return told(row.deathReason, deathWords[row.deathReason])
    if (pairs.find(row, 'access') === null) return told('lost', keyWords)
    if (row.suspension === null) return told('usable', null)
    return told(row.suspension.reason, suspensionWords[row.suspension.reason])
  }

  return {
    getAccessToken,
    explain,
    forget,
    findState,
    async save(userId, kind, tokens) {
      await store.save(userId, kind, pairs.toPair(grantId(userId, kind), tokens, null), clock())
    },
  }
}
