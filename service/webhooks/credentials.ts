import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { hashSecret } from '../domain/secrets.js'
import type { ProjectHook } from '../stores/project-documents.js'
import type { Sealed } from '../stores/sealing.js'

const toleranceMs = 5 * 60_000
/** Standard Webhooks sends one for each key. */
const mostSignatures = 10
const longestId = 200

/** Whether the request carries the secret of the webhook, or the one before it while that still holds. */
export function hasSecret(hook: ProjectHook, headers: IncomingHttpHeaders, now: Date): boolean {
  const given = headers['x-gitlab-token']
  if (typeof given !== 'string' || given === '') return false
  const hash = hashSecret(given)
  const good = [hook.secretHash, isBeforeEnd(hook, now) ? (hook.previousSecretHash ?? null) : null]
  return good.filter((expected) => expected !== null && isEqual(expected, hash)).length > 0
}

/** Such a request has to pass the check of its signature, whatever else it carries. */
export function isSigned(headers: IncomingHttpHeaders): boolean {
  return headers['webhook-signature'] !== undefined
}

export interface SignatureClaim {
  id: string
  /** Seconds since 1970, as sent. */
  timestamp: string
  /** Bytes of the signatures of version 1. */
  signatures: Buffer[]
}

/** What is to be proved by the body; null where it cannot be good. */
export function readClaim(headers: IncomingHttpHeaders, now: Date): SignatureClaim | null {
  const { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': given } = headers
  if (typeof id !== 'string' || id === '' || id.length > longestId) return null
  if (typeof timestamp !== 'string' || !/^\d{1,12}$/.test(timestamp)) return null
  if (Math.abs(Number(timestamp) * 1000 - now.getTime()) > toleranceMs) return null
  if (typeof given !== 'string') return null
  const signatures = given
    .split(' ', mostSignatures)
    .flatMap((part) => (part.startsWith('v1,') ? [Buffer.from(part.slice(3), 'base64')] : []))
    .filter((bytes) => bytes.length === 32)
  return signatures.length === 0 ? null : { id, timestamp, signatures }
}

/** HMAC-SHA256 over id, timestamp and the bytes of the body, as Standard Webhooks and GitLab 19 have it. */
export function isSignedBy(claim: SignatureClaim, body: Buffer, keys: Buffer[]): boolean {
  const signed = `${claim.id}.${claim.timestamp}.`
  const expected = keys.map((key) => createHmac('sha256', key).update(signed).update(body).digest())
  return expected.some((one) => claim.signatures.some((given) => timingSafeEqual(one, given)))
}

/** The keys that a signature may be made with now. */
export function signingKeys(hook: ProjectHook, now: Date, open: (sealed: Sealed) => string | null): Buffer[] {
  const sealed = [hook.signingKey, isBeforeEnd(hook, now) ? hook.previousSigningKey : null]
  return sealed.flatMap((one) => {
    const key = one ? readSigningKey(open(one)) : null
    return key === null ? [] : [key]
  })
}

/** The 32 bytes behind `whsec_`. */
function readSigningKey(token: string | null): Buffer | null {
  if (token === null || !token.startsWith('whsec_')) return null
  const key = Buffer.from(token.slice('whsec_'.length), 'base64')
  return key.length === 32 ? key : null
}

function isBeforeEnd({ previousUntil }: ProjectHook, now: Date): boolean {
  return previousUntil !== undefined && previousUntil !== null && now < previousUntil
}

/** In constant time, which wants equal lengths. */
function isEqual(first: string, second: string): boolean {
  return timingSafeEqual(digest(first), digest(second))
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
