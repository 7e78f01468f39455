import type { Profile } from '../profiles.js'
import type { Hook, HookEventName } from '../state.js'
import { recordOutcome } from './disabling.js'

/** One webhook request, sent or dropped. */
export interface Delivery {
  id: number
  hookId: number
  projectId: number
  event: HookEventName
  url: string
  headers: Record<string, string>
  body: string
  /** The same for every request about one event, also for one that is sent again. */
  idempotencyKey: string
  /** `null` while under way, when dropped, and when there was no answer. */
  status: number | null
  responseHeaders: Record<string, string>
  responseBody: string
  error: string | null
  dropped: boolean
  at: Date
  durationMs: number | null
}

export interface PostRules {
  profile: Profile
  timeoutMs: number
  autoDisable: boolean
  now(): Date
}

const maxBodyBytes = 25 * 1024 * 1024
const keptAnswerBytes = 8 * 1024
const keptAnswerHeaders = 50

/** Sends once: there is no redelivery, and a redirect counts as an answer. */
export async function post(
  hook: Hook,
  delivery: Delivery,
  signal: AbortSignal,
  rules: PostRules,
): Promise<void> {
  const started = performance.now()
  try {
    await exchange(delivery, AbortSignal.any([AbortSignal.timeout(rules.timeoutMs), signal]))
  } catch (err) {
    delivery.error = err instanceof Error ? err.message : String(err)
  }
  delivery.durationMs = performance.now() - started
  if (rules.autoDisable && !signal.aborted) recordOutcome(hook, delivery.status, rules)
}

async function exchange(delivery: Delivery, signal: AbortSignal): Promise<void> {
  if (Buffer.byteLength(delivery.body) > maxBodyBytes) throw new Error('Payload size limit exceeded')
  const { url, headers, body } = delivery
  const answer = await fetch(url, { method: 'POST', redirect: 'manual', headers, body, signal })
  const bytes = Buffer.from(await answer.arrayBuffer())
  delivery.responseBody = bytes.subarray(0, keptAnswerBytes).toString()
  delivery.responseHeaders = Object.fromEntries([...answer.headers].slice(0, keptAnswerHeaders))
  delivery.status = answer.status
}
