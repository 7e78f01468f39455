import { maintainer } from '../access.js'
import { ApiError, messageError } from '../errors.js'
import { refreshDisabled } from '../hooks/disabling.js'
import { outboundRefusal } from '../outbound.js'
import { isoTime } from '../present/times.js'
import { hookEventNames, type Hook, type Project } from '../state.js'
import type { World } from '../world.js'
import type { Api, Ask } from './api.js'
import { offsetPage } from './paging.js'
import { flag, integer, projectOf, requiredText, requireLevel } from './parameters.js'

const hooks = '/projects/:id/hooks'

export function addHookRoutes(api: Api): void {
  api.signed('GET', hooks, list)
  api.signed('GET', `${hooks}/:hookId`, (ask) => present(ask.world, hookOf(ask)))
  api.signed('POST', hooks, create)
  api.signed('PUT', `${hooks}/:hookId`, edit)
  api.signed('DELETE', `${hooks}/:hookId`, (ask) => {
    ask.world.state.hooks.delete(hookOf(ask).id)
    ask.reply.code(204)
  })
}

function maintainedProject(ask: Ask): Project {
  const project = projectOf(ask)
  requireLevel(ask, project, maintainer)
  return project
}

export function hookOf(ask: Ask): Hook {
  const project = maintainedProject(ask)
  const hook = ask.world.state.hooks.get(integer(ask.params['hookId'], 'hook_id'))
  if (hook === undefined || hook.projectId !== project.id) throw messageError(404, '404 Not found')
  return hook
}

function list(ask: Ask): unknown {
  const project = maintainedProject(ask)
  const own = [...ask.world.state.hooks.values()].filter((hook) => hook.projectId === project.id)
  return offsetPage(ask, own).map((hook) => present(ask.world, hook))
}

function create(ask: Ask): unknown {
  const project = maintainedProject(ask)
  const url = requiredText(ask, 'url')
  checkUrl(ask.world, url)
  requireRoom(ask.world, project)
  const hook: Hook = {
    id: ask.world.state.nextId('hook'),
    projectId: project.id,
    url,
    name: null,
    description: null,
    events: Object.fromEntries(
      hookEventNames.map((name) => [name, name === 'push_events']),
    ) as Hook['events'],
    branchFilter: '',
    enableSslVerification: true,
    token: null,
    signingToken: null,
    customHeaders: [],
    failures: 0,
    alertStatus: 'executable',
    disabledUntil: null,
    createdAt: ask.world.now(),
  }
  assign(ask, hook)
  ask.world.state.hooks.set(hook.id, hook)
  ask.reply.code(201)
  return present(ask.world, hook)
}

function edit(ask: Ask): unknown {
  const hook = hookOf(ask)
  const url = requiredText(ask, 'url')
  checkUrl(ask.world, url)
  if (url !== hook.url) {
    // GitLab forgets the secret with the address, so that it is not sent somewhere else.
    hook.token = null
    hook.signingToken = null
  }
  hook.url = url
  assign(ask, hook)
  return present(ask.world, hook)
}

function assign(ask: Ask, hook: Hook): void {
  const { body } = ask
  for (const name of hookEventNames) {
    if (body[name] !== undefined) hook.events[name] = flag(body[name])
  }
  if (typeof body['token'] === 'string') hook.token = body['token'] === '' ? null : body['token']
  if (typeof body['push_events_branch_filter'] === 'string')
    hook.branchFilter = body['push_events_branch_filter']
  if (body['enable_ssl_verification'] !== undefined) {
    hook.enableSslVerification = flag(body['enable_ssl_verification'])
  }
  if (ask.world.profile.hooks.names) assignNames(hook, body)
  if (ask.world.profile.hooks.signing && ask.world.settings.webhookSigning)
    assignSigningToken(hook, body['signing_token'])
  if (Array.isArray(body['custom_headers'])) hook.customHeaders = body['custom_headers'].map(readHeader)
}

function assignNames(hook: Hook, body: Record<string, unknown>): void {
  if (typeof body['name'] === 'string') hook.name = body['name']
  if (typeof body['description'] === 'string') hook.description = body['description']
}

function assignSigningToken(hook: Hook, value: unknown): void {
  if (typeof value !== 'string') return
  const key = Buffer.from(value.replace(/^whsec_/, ''), 'base64')
  if (!value.startsWith('whsec_') || key.length !== 32) {
    throw messageError(422, { signing_token: ['must be whsec_ and 32 bytes in base64'] })
  }
  hook.signingToken = value
}

function readHeader(value: unknown): { key: string; value: string } {
  const header = value as { key?: unknown; value?: unknown }
  return { key: String(header.key ?? ''), value: String(header.value ?? '') }
}

function checkUrl(world: World, url: string): void {
  const reason = refusalOf(world, url)
  if (reason === null) return
  if (world.profile.hooks.plainUrlErrors) throw new ApiError(422, { error: 'Invalid url given' })
  throw messageError(422, { url: [reason] })
}

function refusalOf(world: World, url: string): string | null {
  if (!/^https?:\/\/\S+$/.test(url) || !URL.canParse(url)) return 'is invalid'
  return world.settings.allowLocalHooks ? null : outboundRefusal(world, url)
}

const maxHooks = 100

function requireRoom(world: World, project: Project): void {
  const own = [...world.state.hooks.values()].filter((hook) => hook.projectId === project.id)
  if (own.length < maxHooks) return
  throw messageError(422, { base: [`Maximum number of project hooks (${maxHooks}) exceeded`] })
}

function present(world: World, hook: Hook): Record<string, unknown> {
  refreshDisabled(hook, world.now())
  const { names, signing } = world.profile.hooks
  return {
    id: hook.id,
    url: hook.url,
    ...(names ? { name: hook.name, description: hook.description } : {}),
    project_id: hook.projectId,
    ...hook.events,
    push_events_branch_filter: hook.branchFilter,
    branch_filter_strategy: 'wildcard',
    enable_ssl_verification: hook.enableSslVerification,
    repository_update_events: false,
    alert_status: hook.alertStatus,
    disabled_until: isoTime(hook.disabledUntil),
    url_variables: [],
    created_at: isoTime(hook.createdAt),
    custom_webhook_template: null,
    custom_headers: hook.customHeaders.map(({ key }) => ({ key })),
    ...(signing
      ? { token_present: hook.token !== null, signing_token_present: hook.signingToken !== null }
      : {}),
  }
}
