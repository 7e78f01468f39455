import { createHmac, randomUUID } from 'node:crypto'

import type { Profile } from '../profiles.js'
import type { Hook } from '../state.js'

export interface HookRequest {
  profile: Profile
  /** Base URL of the instance, without the relative path. */
  instance: string
  hook: Hook
  event: string
  eventUuid: string
  idempotencyKey: string
  /** Whether the instance signs, where its version can. */
  signing: boolean
  body: string
  now: Date
}

/** The headers of a delivery, section 4.3 of the contract. */
export function requestHeaders(request: HookRequest): Record<string, string> {
  const { profile, hook } = request
  const key = request.idempotencyKey
  return {
    'Content-Type': 'application/json',
    'User-Agent': `GitLab/${profile.version}`,
    'X-Gitlab-Event': request.event,
    'X-Gitlab-Event-UUID': request.eventUuid,
    'X-Gitlab-Instance': request.instance,
    ...freshWebhookUuid(profile),
    ...(profile.hooks.idempotencyKey ? { 'Idempotency-Key': key } : {}),
    ...(hook.token === null ? {} : { 'X-Gitlab-Token': hook.token }),
    ...(profile.hooks.signing && request.signing && hook.signingToken !== null
      ? signatureHeaders(
          hook.signingToken,
          key,
          String(Math.floor(request.now.getTime() / 1000)),
          request.body,
        )
      : {}),
    ...Object.fromEntries(hook.customHeaders.map((custom) => [custom.key, custom.value])),
  }
}

/** New for every request, also for one that is sent again. */
export function freshWebhookUuid(profile: Profile): Record<string, string> {
  return profile.hooks.webhookUuid ? { 'X-Gitlab-Webhook-UUID': randomUUID() } : {}
}

/** Standard Webhooks, as GitLab 19.0 sends them. */
export function signatureHeaders(
  signingToken: string,
  id: string,
  timestamp: string,
  body: string,
): Record<string, string> {
  const key = Buffer.from(signingToken.replace(/^whsec_/, ''), 'base64')
  const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${signature}` }
}

/** GitLab's JSON escapes what HTML could misread. */
export function hookJson(payload: object): string {
  const escapes: Record<string, string> = { '<': '\\u003c', '>': '\\u003e', '&': '\\u0026' }
  return JSON.stringify(payload).replace(/[<>&]/g, (char) => escapes[char] ?? char)
}

/** GitLab's `wildcard` strategy; an empty filter lets every branch through. */
export function matchesBranch(filter: string, branch: string): boolean {
  if (filter === '') return true
  const parts = filter.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${parts.join('.*')}$`).test(branch)
}
