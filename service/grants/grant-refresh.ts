import { setTimeout as pause } from 'node:timers/promises'
import { OAuthError, type OAuth, type Tokens } from '../gitlab/oauth.js'
import { deathWords, GrantError, suspended } from './grant-errors.js'
import type { GrantPairs } from './grant-pairs.js'
import type { GrantRow, GrantStore } from '../stores/grant-store.js'

export interface GrantRefreshOptions {
  oauth: Pick<OAuth, 'refresh' | 'revoke'>
  store: GrantStore
  pairs: GrantPairs
  clock: () => Date
  /** Longer than a refresh may take with everything around it. */
  leaseMs: number
}

interface Failure {
  error: unknown
  /** The token that GitLab refused in a call. */
  refused: string | undefined
}

const firstRestMs = 2_000
const longestRestMs = 60_000
const suspendedForMs = 5 * 60_000
const firstPollMs = 20
const longestPollMs = 250
const storeTries = 5
const busyWords = 'Another process is renewing the access.'

/**
 * Answers with a token that works now. A refresh token works once, so one process at a time refreshes, under a lease,
 * and stores the new pair before anybody uses it. The others wait for it.
 */
export function createGrantRefresh(
  options: GrantRefreshOptions,
): (id: string, refused: string | undefined) => Promise<string> {
  const { oauth, store, pairs, clock, leaseMs } = options

  async function get(id: string): Promise<GrantRow> {
    const row = await store.find(id)
    if (row === null) throw new GrantError('none', 'There is no consent of this person.')
    return row
  }

  /** The token of the row, or null where it has to be refreshed first. */
  function usableToken(row: GrantRow, refused: string | undefined): string | null {
    if (row.deathReason !== null) throw new GrantError(row.deathReason, deathWords[row.deathReason])
    if (row.suspension !== null && row.suspension.until > clock()) throw suspended(row.suspension.reason)
    const token = pairs.open(row, 'access')
    const isDue = (row.refreshAt !== null && row.refreshAt <= clock()) || token === refused
    // While somebody refreshes, and after a try of unknown outcome, the old token may be dead already.
    return isDue || row.condition === 'refreshing' || row.openTries > 0 ? null : token
  }

  /** Refreshes, or waits for the process that does. */
  async function getToken(id: string, refused: string | undefined): Promise<string> {
    const endMs = performance.now() + leaseMs
    for (let pollMs = firstPollMs; ; pollMs = Math.min(longestPollMs, pollMs * 2)) {
      const row = await get(id)
      const token = usableToken(row, refused)
      if (token !== null) return token
      const leased = await store.lease(row, leaseMs)
      if (leased !== null) return await refresh(leased, refused)
      if (row.condition === 'resting') return heldToken(row, { refused, why: 'a try a moment ago failed' })
      if (performance.now() > endMs) throw new GrantError('unavailable', busyWords)
      await pause(pollMs * (0.5 + Math.random()))
    }
  }

  /** While GitLab cannot be asked for a new pair, the old one is good until it expires. */
  function heldToken(row: GrantRow, { refused, why }: { refused: string | undefined; why: string }): string {
    const token = pairs.open(row, 'access')
    const works = row.openTries === 0 && (row.expiresAt === null || row.expiresAt > clock())
    if (works && token !== refused) return token
    throw new GrantError('unavailable', `GitLab did not renew the access: ${why}.`)
  }

  async function refresh(row: GrantRow, refused: string | undefined): Promise<string> {
    let tokens: Tokens
    try {
      tokens = await oauth.refresh(pairs.open(row, 'refresh'))
    } catch (error) {
      return await settleFailure(row, { error, refused })
    }
    const pair = pairs.toPair(row.id, tokens, row.scopes)
    if (await persistently(() => store.replace(row, pair))) return tokens.accessToken
    // A newer consent took the place, or the grant was forgotten: this pair belongs to nobody.
    await revokeAll(oauth, [tokens.accessToken, tokens.refreshToken])
    return await currentToken(row.id)
  }

  async function currentToken(id: string): Promise<string> {
    const token = usableToken(await get(id), undefined)
    if (token === null) throw new GrantError('unavailable', busyWords)
    return token
  }

  async function settleFailure(row: GrantRow, { error, refused }: Failure): Promise<string> {
    const before = row.openTries - 1
    if (!(error instanceof OAuthError)) {
      await store.rest(row, { restMs: 0, openTries: before })
      throw error
    }
    if (error.kind !== 'invalid_grant') {
      const openTries = await restAfter(row, error)
      return heldToken({ ...row, openTries }, { refused, why: error.reason })
    }
    const current = await get(row.id)
    if (current.generation !== row.generation) return await currentToken(row.id)
    if (row.suspension !== null) {
      // GitLab gives suspended people no tokens; that is not the end of the grant.
      await store.rest(row, { restMs: suspendedForMs, openTries: before })
      throw suspended(row.suspension.reason)
    }
    const reason = before > 0 ? 'lost' : 'revoked'
    await store.end(row, reason)
    throw new GrantError(reason, deathWords[reason])
  }

  async function restAfter(row: GrantRow, error: OAuthError): Promise<number> {
    const openTries = error.outcomeUnknown ? row.openTries : row.openTries - 1
    const restMs = Math.max(error.retryAfterMs ?? 0, Math.min(longestRestMs, firstRestMs * 2 ** openTries))
    await store.rest(row, { restMs, openTries })
    return openTries
  }

  return getToken
}

/** A pair that is not stored is a grant lost, so a database that changes its primary is waited for. */
async function persistently<T>(write: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await write()
    } catch (error) {
      if (attempt === storeTries) throw error
      await pause(200 * attempt)
    }
  }
}

/** True if GitLab took them all back. */
export async function revokeAll(
  oauth: Pick<OAuth, 'revoke'>,
  tokens: readonly (string | null)[],
): Promise<boolean> {
  const given = tokens.filter((token) => token !== null)
  const outcomes = await Promise.allSettled(given.map((token) => oauth.revoke(token)))
  return outcomes.every(({ status }) => status === 'fulfilled')
}
