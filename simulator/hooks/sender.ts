import { AsyncLocalStorage } from 'node:async_hooks'
import { randomUUID } from 'node:crypto'

import { unknownId } from '../errors.js'
import type { Profile } from '../profiles.js'
import type { Hook, HookEventName, State } from '../state.js'
import type { Tasks } from '../tasks.js'
import { recordOutcome, refreshDisabled } from './disabling.js'
import { freshWebhookUuid, hookJson, matchesBranch, requestHeaders } from './requests.js'

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
  const inOrder = createQueues(deps.tasks)

  function newDelivery(
    hook: Hook,
    event: HookEventName,
    body: string,
    headers: Record<string, string>,
  ): Delivery {
    const delivery = blankDelivery(sender.deliveries.length + 1, hook, deps.now())
    sender.deliveries.push(Object.assign(delivery, { event, body, headers }))
    return delivery
  }

  function headersFor(hook: Hook, event: HookEvent, body: string, eventUuid: string): Record<string, string> {
    const instance = new URL(deps.url()).origin
    return requestHeaders({ ...deps, now: deps.now(), instance, hook, event: event.header, eventUuid, body })
  }

  function sendPlanned(hook: Hook, event: HookEvent, body: string, eventUuid: string): void {
    const { copies = 1, delayMs = 0 } = sender.plan?.({ hookId: hook.id, event: event.event, body }) ?? {}
    const headers = headersFor(hook, event, body, eventUuid)
    if (copies === 0) newDelivery(hook, event.event, body, headers).dropped = true
    for (const own of copiesOf(headers, copies, deps.profile)) {
      const delivery = newDelivery(hook, event.event, body, own)
      deps.tasks.runAfter(delayMs, (signal) => post(deps, hook, delivery, signal))
    }
  }

  const sender: HookSender = {
    deliveries: [],
    plan: null,
    dispatch(event) {
      const eventUuid = chains.getStore() ?? randomUUID()
      const called = hooksOfChain.get(eventUuid) ?? new Set()
      hooksOfChain.set(eventUuid, called)
      const all = [...deps.state.hooks.values()]
      const hooks = all.filter((hook) => isWanted(hook, event, deps.now()) && !called.has(hook.id))
      if (hooks.length === 0) return
      for (const hook of hooks) called.add(hook.id)
      inOrder(event.projectId, async () => {
        const body = hookJson(await event.payload())
        for (const hook of hooks) sendPlanned(hook, event, body, eventUuid)
      })
    },
    async sendNow(hook, event) {
      const body = hookJson(await event.payload())
      const delivery = newDelivery(hook, event.event, body, headersFor(hook, event, body, randomUUID()))
      await post(deps, hook, delivery, deps.tasks.signal)
      return delivery
    },
    async resend(deliveryId) {
      const { old, hook } = findSent(deps.state, sender.deliveries, deliveryId)
      const headers = { ...old.headers, ...freshWebhookUuid(deps.profile) }
      const delivery = newDelivery(hook, old.event, old.body, headers)
      await post(deps, hook, delivery, deps.tasks.signal)
      return delivery
    },
    withinChain: (eventUuid, work) => (eventUuid === null ? work() : chains.run(eventUuid, work)),
  }
  return sender
}

function findSent(state: State, deliveries: Delivery[], id: number): { old: Delivery; hook: Hook } {
  const old = deliveries.find((delivery) => delivery.id === id)
  const hook = old === undefined ? undefined : state.hooks.get(old.hookId)
  if (old === undefined || hook === undefined) throw unknownId('delivery', id)
  return { old, hook }
}

/** Payloads of a project are built one after another, so that events leave in the order they happened in. */
function createQueues(tasks: Tasks): (projectId: number, build: () => Promise<void>) => void {
  const tails = new Map<number, Promise<void>>()
  return (projectId, build) => {
    const before = tails.get(projectId) ?? Promise.resolve()
    const built = before.then(build)
    tails.set(
      projectId,
      built.catch(() => undefined),
    )
    tasks.run(() => built)
  }
}

/** A delivery that is sent twice differs only in what is new for every request. */
function copiesOf(
  headers: Record<string, string>,
  copies: number,
  profile: Profile,
): Record<string, string>[] {
  return Array.from({ length: copies }, (_, copy) =>
    copy === 0 ? headers : { ...headers, ...freshWebhookUuid(profile) },
  )
}

function blankDelivery(id: number, hook: Hook, now: Date): Delivery {
  return {
    id,
    hookId: hook.id,
    projectId: hook.projectId,
    event: 'push_events',
    url: hook.url,
    headers: {},
    body: '',
    status: null,
    error: null,
    dropped: false,
    at: now,
    durationMs: null,
  }
}

function isWanted(hook: Hook, event: HookEvent, now: Date): boolean {
  refreshDisabled(hook, now)
  if (hook.projectId !== event.projectId || !hook.events[event.event]) return false
  if (hook.alertStatus !== 'executable') return false
  return event.branch === undefined || matchesBranch(hook.branchFilter, event.branch)
}

/** Sends once: there is no redelivery, and a redirect counts as an answer. */
async function post(deps: SenderDeps, hook: Hook, delivery: Delivery, signal: AbortSignal): Promise<void> {
  const started = performance.now()
  try {
    const answer = await fetch(delivery.url, {
      method: 'POST',
      redirect: 'manual',
      headers: delivery.headers,
      body: delivery.body,
      signal: AbortSignal.any([AbortSignal.timeout(deps.timeoutMs), signal]),
    })
    await answer.arrayBuffer()
    delivery.status = answer.status
  } catch (err) {
    delivery.error = err instanceof Error ? err.message : String(err)
  }
  delivery.durationMs = performance.now() - started
  if (deps.autoDisable && !signal.aborted) recordOutcome(hook, delivery.status, deps)
}
