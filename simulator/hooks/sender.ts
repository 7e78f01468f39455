import { AsyncLocalStorage } from 'node:async_hooks'
import { createHmac, randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'

import type { Profile } from '../profiles.js'
import type { Hook, HookEventName, State } from '../state.js'
import type { Tasks } from '../tasks.js'
import { recordOutcome, refreshDisabled } from './disabling.js'

/** One webhook request, sent or dropped. */
export interface Delivery {
  id: number
  hookId: number
  projectId: number
  event: HookEventName
  url: string
  headers: Record<string, string>
  body: string
  /** `null` while under way, when dropped, and when there was no answer. */
  status: number | null
  error: string | null
  dropped: boolean
  at: Date
  durationMs: number | null
}

/** What happens to a delivery: `copies: 0` drops it, `2` sends it twice, a delay lets later ones overtake it. */
export interface DeliveryPlan {
  copies?: number
  delayMs?: number
}

export interface HookEvent {
  projectId: number
  event: HookEventName
  header: string
  branch?: string
  payload(): Promise<object>
}

export interface HookSender {
  deliveries: Delivery[]
  /** Decides over each delivery; `null` sends all once and in order. */
  plan: ((delivery: Pick<Delivery, 'hookId' | 'event' | 'body'>) => DeliveryPlan) | null
  dispatch(event: HookEvent): void
  /** Sends one event to one hook and waits, as the test endpoint does. */
  sendNow(hook: Hook, event: HookEvent): Promise<Delivery>
  /** Sends a delivery again with the same idempotency key and a new webhook UUID. */
  resend(deliveryId: number): Promise<Delivery>
  /** Runs `work` as caused by a webhook of this event UUID; GitLab then does not call the same hook again. */
  withinChain<T>(eventUuid: string | null, work: () => T): T
}

export interface SenderDeps {
  url(): string
  profile: Profile
  state: State
  tasks: Tasks
  timeoutMs: number
  autoDisable: boolean
  now(): Date
}

export function createHookSender(deps: SenderDeps): HookSender {
  const chains = new AsyncLocalStorage<string>()
  const hooksOfChain = new Map<string, Set<number>>()
  const builds = new Map<number, Promise<unknown>>()
  const deliveries: Delivery[] = []

  function newDelivery(
    hook: Hook,
    event: HookEvent,
    body: string,
    headers: Record<string, string>,
  ): Delivery {
    const delivery: Delivery = {
      id: deliveries.length + 1,
      hookId: hook.id,
      projectId: hook.projectId,
      event: event.event,
      url: hook.url,
      headers,
      body,
      status: null,
      error: null,
      dropped: false,
      at: deps.now(),
      durationMs: null,
    }
    deliveries.push(delivery)
    return delivery
  }

  async function post(hook: Hook, delivery: Delivery, signal?: AbortSignal): Promise<void> {
    const started = performance.now()
    const timeout = AbortSignal.timeout(deps.timeoutMs)
    try {
      const answer = await fetch(delivery.url, {
        method: 'POST',
        redirect: 'manual',
        headers: delivery.headers,
        body: delivery.body,
        signal: signal === undefined ? timeout : AbortSignal.any([timeout, signal]),
      })
      await answer.arrayBuffer()
      delivery.status = answer.status
    } catch (err) {
      delivery.error = err instanceof Error ? err.message : String(err)
    }
    delivery.durationMs = performance.now() - started
    if (deps.autoDisable && signal?.aborted !== true) recordOutcome(hook, delivery.status, deps)
  }

  function isWanted(hook: Hook, event: HookEvent): boolean {
    refreshDisabled(hook, deps.now())
    if (hook.projectId !== event.projectId || !hook.events[event.event]) return false
    if (hook.alertStatus !== 'executable') return false
    return event.branch === undefined || matchesBranch(hook.branchFilter, event.branch)
  }

  function sendPlanned(hook: Hook, event: HookEvent, body: string, eventUuid: string): void {
    const plan = sender.plan?.({ hookId: hook.id, event: event.event, body }) ?? {}
    const headers = requestHeaders(deps, hook, event.header, body, eventUuid)
    const copies = plan.copies ?? 1
    if (copies === 0) newDelivery(hook, event, body, headers).dropped = true
    for (let copy = 0; copy < copies; copy += 1) {
      const own = copy === 0 ? headers : { ...headers, ...freshWebhookUuid(deps.profile) }
      const delivery = newDelivery(hook, event, body, own)
      deps.tasks.runAfter(plan.delayMs ?? 0, (signal) => post(hook, delivery, signal))
    }
  }

  function dispatch(event: HookEvent): void {
    const chain = chains.getStore()
    const eventUuid = chain ?? randomUUID()
    const called = hooksOfChain.get(eventUuid) ?? new Set()
    hooksOfChain.set(eventUuid, called)
    const hooks = [...deps.state.hooks.values()].filter(
      (hook) => isWanted(hook, event) && !called.has(hook.id),
    )
    if (hooks.length === 0) return
    for (const hook of hooks) called.add(hook.id)
    // Payloads are built one after another, so that events leave in the order in which they happened.
    const before = builds.get(event.projectId) ?? Promise.resolve()
    const built = before.then(async () => {
      const body = hookJson(await event.payload())
      for (const hook of hooks) sendPlanned(hook, event, body, eventUuid)
    })
    builds.set(
      event.projectId,
      built.catch(() => undefined),
    )
    deps.tasks.run(() => built)
  }

  const sender: HookSender = {
    deliveries,
    plan: null,
    dispatch,
    async sendNow(hook, event) {
      const body = hookJson(await event.payload())
      const headers = requestHeaders(deps, hook, event.header, body, randomUUID())
      const delivery = newDelivery(hook, event, body, headers)
      await post(hook, delivery)
      return delivery
    },
    async resend(deliveryId) {
      const old = deliveries.find((delivery) => delivery.id === deliveryId)
      const hook = old === undefined ? undefined : deps.state.hooks.get(old.hookId)
      if (old === undefined || hook === undefined) throw new Error(`No delivery ${deliveryId} to send again.`)
      const headers = { ...old.headers, ...freshWebhookUuid(deps.profile) }
      const delivery = {
        ...old,
        id: deliveries.length + 1,
        headers,
        status: null,
        error: null,
        dropped: false,
      }
      deliveries.push(delivery)
      await sleep(0)
      await post(hook, delivery)
      return delivery
    },
    withinChain(eventUuid, work) {
      return eventUuid === null ? work() : chains.run(eventUuid, work)
    },
  }
  return sender
}

function requestHeaders(
  deps: SenderDeps,
  hook: Hook,
  header: string,
  body: string,
  eventUuid: string,
): Record<string, string> {
  const { hooks, version } = deps.profile
  const key = randomUUID()
  return {
    'Content-Type': 'application/json',
    'User-Agent': `GitLab/${version}`,
    'X-Gitlab-Event': header,
    'X-Gitlab-Event-UUID': eventUuid,
    'X-Gitlab-Instance': new URL(deps.url()).origin,
    ...freshWebhookUuid(deps.profile),
    ...(hooks.idempotencyKey ? { 'Idempotency-Key': key } : {}),
    ...(hook.token === null ? {} : { 'X-Gitlab-Token': hook.token }),
    ...(hooks.signing && hook.signingToken !== null
      ? signatureHeaders(hook.signingToken, key, body, deps.now())
      : {}),
    ...Object.fromEntries(hook.customHeaders.map((custom) => [custom.key, custom.value])),
  }
}

function freshWebhookUuid(profile: Profile): Record<string, string> {
  return profile.hooks.webhookUuid ? { 'X-Gitlab-Webhook-UUID': randomUUID() } : {}
}

/** Standard Webhooks, as GitLab 19.0 sends them. */
export function signatureHeaders(
  signingToken: string,
  id: string,
  body: string,
  now: Date,
): Record<string, string> {
  const timestamp = String(Math.floor(now.getTime() / 1000))
  const key = Buffer.from(signingToken.replace(/^whsec_/, ''), 'base64')
  const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${signature}` }
}

/** GitLab's JSON escapes what HTML could misread. */
function hookJson(payload: object): string {
  const escapes: Record<string, string> = { '<': '\\u003c', '>': '\\u003e', '&': '\\u0026' }
  return JSON.stringify(payload).replace(/[<>&]/g, (char) => escapes[char] ?? char)
}

function matchesBranch(filter: string, branch: string): boolean {
  if (filter === '') return true
  const parts = filter.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${parts.join('.*')}$`).test(branch)
}
