import { type ErrorCode, Problem } from '../errors.js'
import { GitLabError } from '../gitlab/errors.js'
import type { DeathReason, SuspensionReason } from '../stores/grant-store.js'

export type GrantErrorReason =
  | 'none' // nobody consented
  | 'expired' // the token is too old and there is a newer one, or none can be had
  | 'revoked' // the person, or an administrator, withdrew it in GitLab
  | 'lost' // GitLab renewed it and the answer did not arrive here, or the key to read it is gone
  | 'blocked' // the account rests: blocked, deactivated, not approved, terms not accepted
  | 'password_expired'
  | 'insufficient_scope'
  | 'unavailable' // try again later

const codes: Record<GrantErrorReason, ErrorCode> = {
  none: 'GRANT_MISSING',
  expired: 'GRANT_LOST',
  revoked: 'GRANT_REVOKED',
  lost: 'GRANT_LOST',
  blocked: 'GITLAB_USER_BLOCKED',
  password_expired: 'GITLAB_PASSWORD_EXPIRED',
  insufficient_scope: 'GRANT_SCOPE',
  unavailable: 'GITLAB_UNAVAILABLE',
}

/** There is no token of this person to use now. Answered like every other refusal where it reaches a route. */
export class GrantError extends Problem {
  readonly reason: GrantErrorReason

  constructor(reason: GrantErrorReason, message: string, cause?: unknown) {
    super(codes[reason], { message, cause })
    this.name = 'GrantError'
    this.reason = reason
  }
}

export const deathWords: Record<DeathReason, string> = {
  revoked: 'The access was revoked in GitLab.',
  lost: 'GitLab renewed the access, but its answer was lost before it was stored (a crash or a broken connection), so neither the old nor the new tokens can be used.',
}

export const suspensionWords: Record<SuspensionReason, string> = {
  blocked: 'GitLab lets this account do nothing at present: it is blocked, deactivated or not confirmed.',
  password_expired: 'GitLab lets this account do nothing until its expired password is changed.',
}

export function suspended(reason: SuspensionReason): GrantError {
  return new GrantError(reason, suspensionWords[reason])
}

export const keyWords =
  'The tokens cannot be read: the key that encrypted them is no longer in ENCRYPTION_KEYS, or they were changed.'

const accountWords =
  /\byour account\b|\bterms of service\b|\baccept the terms\b|\bemail\b.*\bconfirm|\bconfirm\b.*\bemail\b|\bpending approval\b/i

/** What GitLab's refusal of a call says about the token it was made with; null where it is about something else. */
export function meaningOf(error: unknown): GrantError | null {
  if (!(error instanceof GitLabError)) return null
  const { status, reason } = error
  if (status === 401) {
    if (/\brevoked\b/i.test(reason)) return new GrantError('revoked', deathWords.revoked, error)
    // Instances answer for expired and for unknown tokens in the same words; a refresh tells them apart.
    return new GrantError('expired', 'GitLab takes the token no longer.', error)
  }
  if (status !== 403) return null
  if (/\binsufficient_scope\b/.test(reason)) {
    return new GrantError('insufficient_scope', 'The consent does not cover what was asked for.', error)
  }
  if (/\bpassword expired\b/i.test(reason)) {
    return new GrantError('password_expired', suspensionWords.password_expired, error)
  }
  return accountWords.test(reason) ? new GrantError('blocked', suspensionWords.blocked, error) : null
}
