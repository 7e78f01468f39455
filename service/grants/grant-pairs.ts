import type { Tokens } from '../gitlab/oauth.js'
import { GrantError, keyWords } from './grant-errors.js'
import { grantOwner, type GrantRow, type NewPair } from '../stores/grant-store.js'
import type { Sealer } from '../stores/sealing.js'

const refreshAtShare = 0.8

export type Which = 'access' | 'refresh'

export interface GrantPairs {
  /** As it is kept. `scopesBefore` count where GitLab does not say them again. */
  toPair(id: string, tokens: Tokens, scopesBefore: string[] | null): NewPair
  /** @throws GrantError where there is none, or it cannot be read. */
  open(row: GrantRow, which: Which): string
  /** Null where there is none, or it cannot be read. */
  find(row: GrantRow, which: Which): string | null
}

/** Tokens on their way into the database and out of it. */
export function createGrantPairs(sealer: Sealer, clock: () => Date): GrantPairs {
  function toPair(id: string, tokens: Tokens, scopesBefore: string[] | null): NewPair {
    const { accessToken, refreshToken, expiresInSeconds, scopes } = tokens
    const nowMs = clock().getTime()
    const lifeMs = expiresInSeconds === null ? null : expiresInSeconds * 1000
    return {
      access: sealer.seal(accessToken, grantOwner(id, 'access')),
      refresh: refreshToken === null ? null : sealer.seal(refreshToken, grantOwner(id, 'refresh')),
      scopes: scopes ?? scopesBefore,
      refreshAt: lifeMs === null ? null : new Date(nowMs + lifeMs * refreshAtShare),
      expiresAt: lifeMs === null ? null : new Date(nowMs + lifeMs),
    }
  }

  function find(row: GrantRow, which: Which): string | null {
    const sealed = row[which]
    return sealed && sealer.open(sealed, grantOwner(row.id, which))
  }

  function open(row: GrantRow, which: Which): string {
    if (row[which] === null) throw new GrantError('expired', 'GitLab gave no token to renew the access with.')
    const token = find(row, which)
    // Not written down: another process may have the key, or it may come back.
    if (token === null) throw new GrantError('lost', keyWords)
    return token
  }

  return { toPair, open, find }
}
