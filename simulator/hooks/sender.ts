import { AsyncLocalStorage } from 'node:async_hooks'
import { randomUUID } from 'node:crypto'

import { messageError, unknownId } from '../errors.js'
import type { Hook, HookEventName, State } from '../state.js'
import type { Tasks } from '../tasks.js'
import { post, type Delivery, type PostRules } from './deliveries.js'
import { refreshDisabled } from './disabling.js'
import { createChains } from './recursion.js'
import { freshWebhookUuid, hookJson, matchesBranch, requestHeaders } from './requests.js'

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
  /** GitLab's silent mode: nothing is sent. */
  silent: boolean
  dispatch(event: HookEvent): void
  /** Sends one event to one hook and waits, as the test endpoint does. */
  sendNow(hook: Hook, event: HookEvent): Promise<Delivery>
  /** Sends a delivery again, with the same idempotency key and all other headers new. */
  resend(deliveryId: number): Promise<Delivery>
  /** Runs `work` as caused by a webhook of this event UUID; GitLab then does not call the same hook again. */
  withinChain<T>(eventUuid: string | null, work: () => T): T
}

export interface SenderDeps extends PostRules {
  url(): string
  state: State
  tasks: Tasks
  /** Whether deliveries are signed where the version can. */
  signing: boolean
  /** Deliveries of one top-level group in a minute; more are lost. `null` is no limit. */
  perMinute: number | null
}

export function createHookSender(deps: SenderDeps): HookSender {
  const causes = new AsyncLocalStorage<string>()
  const chains = createChains(deps.now)
  const inOrder = createQueues(deps.tasks)
  const mayLeave = createNamespaceLimit(deps)

  function newDelivery(hook: Hook, event: HookEventName, request: Request): Delivery {
    const delivery = blankDelivery(sender.deliveries.length + 1, hook, deps.now())
    sender.deliveries.push(Object.assign(delivery, { event, ...request }))
    return delivery
  }

  function requestFor(hook: Hook, header: string, request: Omit<Request, 'headers'>, cause: string): Request {
    const { profile, signing } = deps
    const shared = { profile, signing, hook, now: deps.now(), instance: new URL(deps.url()).origin }
    const headers = requestHeaders({ ...shared, ...request, event: header, eventUuid: cause })
    return { ...request, headers }
  }

  function sendPlanned(hook: Hook, event: HookEvent, body: string, cause: string): void {
    const { copies = 1, delayMs = 0 } = sender.plan?.({ hookId: hook.id, event: event.event, body }) ?? {}
    const request = requestFor(hook, event.header, { body, idempotencyKey: randomUUID() }, cause)
    if (copies === 0 || !mayLeave(event.projectId)) {
      newDelivery(hook, event.event, request).dropped = true
      return
    }
    for (let copy = 0; copy < copies; copy += 1) {
      // A delivery that is sent twice differs only in what is new for every request.
      const fresh = copy === 0 ? {} : freshWebhookUuid(deps.profile)
      const headers = { ...request.headers, ...fresh }
      const delivery = newDelivery(hook, event.event, { ...request, headers })
      deps.tasks.runAfter(delayMs, (signal) => post(hook, delivery, signal, deps))
    }
  }

  async function sendAtOnce(
    hook: Hook,
    event: HookEventName,
    header: string,
    request: Omit<Request, 'headers'>,
  ): Promise<Delivery> {
    if (sender.silent) throw messageError(422, 'Silent mode enabled')
    const cause = causes.getStore() ?? randomUUID()
    const delivery = newDelivery(hook, event, requestFor(hook, header, request, cause))
    await post(hook, delivery, deps.tasks.signal, deps)
    return delivery
  }

  const sender: HookSender = {
    deliveries: [],
    plan: null,
    silent: false,
    dispatch(event) {
      if (sender.silent) return
      const cause = causes.getStore() ?? randomUUID()
      const all = [...deps.state.hooks.values()]
      const hooks = all.filter((hook) => isWanted(hook, event, deps.now()) && chains.admit(cause, hook.id))
      if (hooks.length === 0) return
      inOrder(event.projectId, async () => {
        const body = hookJson(await event.payload())
        for (const hook of hooks) sendPlanned(hook, event, body, cause)
      })
    },
    async sendNow(hook, event) {
      const body = hookJson(await event.payload())
      return sendAtOnce(hook, event.event, event.header, { body, idempotencyKey: randomUUID() })
    },
    async resend(deliveryId) {
      const { old, hook } = findSent(deps.state, sender.deliveries, deliveryId)
      const { event, body, idempotencyKey } = old
      return sendAtOnce(hook, event, old.headers['X-Gitlab-Event'] ?? '', { body, idempotencyKey })
    },
    withinChain: (eventUuid, work) => (eventUuid === null ? work() : causes.run(eventUuid, work)),
  }
  return sender
}

type Request = Pick<Delivery, 'headers' | 'body' | 'idempotencyKey'>

/** Counts what a top-level group sends; what is above its limit is not even queued. */
function createNamespaceLimit(deps: SenderDeps): (projectId: number) => boolean {
  const minutes = new Map<string, { minute: number; sent: number }>()
  return (projectId) => {
    if (deps.perMinute === null) return true
    const group = deps.state.projects.get(projectId)?.path.split('/')[0] ?? ''
    const minute = Math.floor(deps.now().getTime() / 60_000)
    const held = minutes.get(group)
    const sent = held?.minute === minute ? held.sent + 1 : 1
    minutes.set(group, { minute, sent })
    return sent <= deps.perMinute
  }
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

function blankDelivery(id: number, hook: Hook, now: Date): Delivery {
  return {
    id,
    hookId: hook.id,
    projectId: hook.projectId,
    event: 'push_events',
    url: hook.url,
    headers: {},
    body: '',
    idempotencyKey: '',
    status: null,
    responseHeaders: {},
    responseBody: '',
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
