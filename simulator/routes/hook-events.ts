import { ApiError, messageError, parameterError, requestLimit } from '../errors.js'
import type { Delivery } from '../hooks/deliveries.js'
import { enable, refreshDisabled } from '../hooks/disabling.js'
import { sendTestHook } from '../hooks/events.js'
import { hookEventNames, type Hook, type HookEventName } from '../state.js'
import type { World } from '../world.js'
import type { Api, Ask } from './api.js'
import { hookOf } from './hooks.js'
import { offsetPage } from './paging.js'
import { integer, optionalText } from './parameters.js'

const hook = '/projects/:id/hooks/:hookId'
const keptMs = 7 * 86_400_000

/** Trying a hook out, what was sent to it, and sending that again. */
export function addHookEventRoutes(api: Api): void {
  api.signed('POST', `${hook}/test/:trigger`, test)
  api.signed('GET', `${hook}/events`, listEvents)
  api.signed('POST', `${hook}/events/:eventId/resend`, resend)
}

async function test(ask: Ask): Promise<unknown> {
  if (!ask.world.profile.hooks.testEndpoint) throw unknownRoute()
  const hook = hookOf(ask)
  const trigger = ask.params['trigger']
  const event = hookEventNames.find((name) => name === trigger)
  if (event === undefined) throw parameterError('trigger does not have a valid value')
  limit(ask, hook, 'test')
  const delivery = await sendTestHook(ask.world, hook, event)
  if (delivery === null) throw messageError(422, 'Ensure the project has the data that the event is about.')
  if (delivery.status === null || delivery.status < 200 || delivery.status >= 300) {
    throw messageError(422, delivery.error ?? delivery.responseBody)
  }
  enable(hook)
  ask.reply.code(201)
  return { message: '201 Created' }
}

function listEvents(ask: Ask): unknown {
  if (!ask.world.profile.hooks.events) throw unknownRoute()
  const own = loggedDeliveries(ask.world, hookOf(ask))
  const wanted = statusFilter(optionalText(ask.query['status']))
  return offsetPage(ask, own.filter(wanted).toReversed()).map(present)
}

function loggedDeliveries(world: World, hook: Hook): Delivery[] {
  const oldest = world.now().getTime() - keptMs
  return world.hooks.deliveries.filter(
    (delivery) =>
      delivery.hookId === hook.id &&
      !delivery.dropped &&
      delivery.durationMs !== null &&
      delivery.at.getTime() >= oldest,
  )
}

/** A status, or a class of them; only the full list tells deliveries that had no answer. */
function statusFilter(status: string | null): (delivery: Delivery) => boolean {
  if (status === null) return () => true
  const classes: Record<string, number> = { successful: 200, client_failure: 400, server_failure: 500 }
  const first = classes[status]
  if (first !== undefined) {
    return (delivery) => delivery.status !== null && delivery.status >= first && delivery.status < first + 100
  }
  if (!/^[1-5]\d\d$/.test(status)) throw parameterError('status does not have a valid value')
  return (delivery) => delivery.status === Number(status)
}

function present(delivery: Delivery): Record<string, unknown> {
  const { headers } = delivery
  return {
    id: delivery.id,
    url: delivery.url,
    trigger: triggerNames[delivery.event] ?? delivery.event,
    request_headers: 'X-Gitlab-Token' in headers ? { ...headers, 'X-Gitlab-Token': '[REDACTED]' } : headers,
    request_data: JSON.parse(delivery.body) as unknown,
    response_headers: delivery.responseHeaders,
    response_body: delivery.responseBody,
    execution_duration: (delivery.durationMs ?? 0) / 1000,
    response_status: delivery.status === null ? 'internal error' : String(delivery.status),
  }
}

const triggerNames: Partial<Record<HookEventName, string>> = {
  push_events: 'push_hooks',
  tag_push_events: 'tag_push_hooks',
  merge_requests_events: 'merge_request_hooks',
  pipeline_events: 'pipeline_hooks',
}

async function resend(ask: Ask): Promise<unknown> {
  if (!ask.world.profile.hooks.events) throw unknownRoute()
  const hook = hookOf(ask)
  const id = integer(ask.params['eventId'], 'hook_log_id')
  const old = loggedDeliveries(ask.world, hook).find((delivery) => delivery.id === id)
  if (old === undefined) throw messageError(404, '404 Not found')
  limit(ask, hook, 'resend')
  requireResendable(ask.world, hook, old)
  const delivery = await ask.world.hooks.resend(id)
  if (delivery.status === null) throw messageError(422, delivery.error ?? 'internal error')
  ask.reply.code(201)
  return { response_status: delivery.status }
}

function requireResendable(world: World, hook: Hook, old: Delivery): void {
  refreshDisabled(hook, world.now())
  if (old.url !== hook.url) {
    throw messageError(422, 'The hook URL has changed. Unable to resend this hook.')
  }
  if (hook.alertStatus !== 'executable') throw messageError(422, 'Hook disabled')
}

/** What an API answers that does not have the endpoint yet. */
function unknownRoute(): ApiError {
  return new ApiError(404, { error: '404 Not Found' })
}

const perMinute = 5
const asked = new WeakMap<World, Map<string, number[]>>()

function limit(ask: Ask, hook: Hook, action: 'test' | 'resend'): void {
  const perKey = asked.get(ask.world) ?? new Map<string, number[]>()
  asked.set(ask.world, perKey)
  const key = `${action} ${hook.projectId} ${ask.caller.user?.id}`
  const now = ask.world.now().getTime()
  const recent = (perKey.get(key) ?? []).filter((at) => at > now - 60_000)
  if (recent.length >= perMinute) throw requestLimit()
  perKey.set(key, [...recent, now])
}
