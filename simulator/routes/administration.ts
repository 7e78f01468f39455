import { messageError, notFound, parameterError } from '../errors.js'
import { addUser, findUserByName, removeUser } from '../people.js'
import { presentUser } from '../present/users.js'
import type { User } from '../state.js'
import type { Api, Ask, SignedAsk } from './api.js'
import { flag, integer, requiredText, requireAdmin } from './parameters.js'

/** What an administrator sets up: people and the settings of the instance. */
export function addAdministrationRoutes(api: Api): void {
  api.signed('POST', '/users', create)
  api.signed('PUT', '/users/:id', edit)
  api.signed('DELETE', '/users/:id', (ask) => {
    removeUser(ask.world, userOf(ask).id)
    ask.reply.code(204)
  })
  addStateRoute(api, 'block', (user) => (user.state = 'blocked'))
  addStateRoute(api, 'unblock', (user) => (user.state = 'active'), 'blocked')
  addStateRoute(api, 'deactivate', (user) => (user.state = 'deactivated'), 'active')
  addStateRoute(api, 'activate', (user) => (user.state = 'active'), 'deactivated')
  addStateRoute(api, 'approve', (user) => (user.state = 'active'), 'blocked_pending_approval')
  api.signed('GET', '/application/settings', (ask) => {
    requireAdmin(ask)
    return presentSettings(ask)
  })
  api.signed('PUT', '/application/settings', editSettings)
}

/** `from` is the state that the action needs; blocking needs none. */
function addStateRoute(api: Api, action: string, act: (user: User) => void, from?: User['state']): void {
  api.signed('POST', `/users/:id/${action}`, (ask) => {
    const user = userOf(ask)
    if (from !== undefined && user.state !== from && !(action === 'activate' && user.state === 'active')) {
      throw messageError(
        403,
        `403 Forbidden - A user in the state ${user.state} cannot be changed by ${action}`,
      )
    }
    act(user)
    ask.reply.code(201)
    return action === 'approve' ? { message: 'Success' } : true
  })
}

function userOf(ask: Ask): User {
  requireAdmin(ask)
  const user = ask.world.state.users.get(integer(ask.params['id'], 'id'))
  if (user === undefined) throw notFound('User')
  return user
}

function create(ask: SignedAsk): unknown {
  requireAdmin(ask)
  const { body, world } = ask
  const [email, username, name] = [
    requiredText(ask, 'email'),
    requiredText(ask, 'username'),
    requiredText(ask, 'name'),
  ]
  const hasPassword = typeof body['password'] === 'string'
  if (!hasPassword && !flag(body['reset_password']) && !flag(body['force_random_password'])) {
    const names = 'password, reset_password, force_random_password'
    throw parameterError(`${names} are missing, at least one parameter must be provided`)
  }
  requireFree(ask, { email, username })
  const user = addUser(world, {
    email,
    username,
    name,
    admin: flag(body['admin']),
    external: flag(body['external']),
  })
  ask.reply.code(201)
  return presentUser(world, user, ask.user)
}

function requireFree(ask: Ask, wanted: { email?: string; username?: string }, except?: User): void {
  const { state } = ask.world
  const others = [...state.users.values()].filter((user) => user !== except)
  const email = wanted.email?.toLowerCase()
  if (others.some((user) => user.email.toLowerCase() === email)) {
    throw messageError(409, 'Email has already been taken')
  }
  if (wanted.username === undefined) return
  const named = findUserByName(ask.world, wanted.username)
  const group = state.namespaces.get(wanted.username)
  if ((named !== null && named !== except) || group?.kind === 'group') {
    throw messageError(409, 'Username has already been taken')
  }
}

function edit(ask: SignedAsk): unknown {
  const user = userOf(ask)
  const { body } = ask
  if (typeof body['email'] === 'string') requireFree(ask, { email: body['email'] }, user)
  if (typeof body['username'] === 'string') requireFree(ask, { username: body['username'] }, user)
  if (typeof body['email'] === 'string') user.email = body['email']
  if (typeof body['username'] === 'string') user.username = body['username']
  if (typeof body['name'] === 'string') user.name = body['name']
  if (body['admin'] !== undefined) user.admin = flag(body['admin'])
  if (body['external'] !== undefined) user.external = flag(body['external'])
  return presentUser(ask.world, user, ask.user)
}

const mostAllowed = 1000

function editSettings(ask: SignedAsk): unknown {
  requireAdmin(ask)
  const { instance } = ask.world.state
  const { body } = ask
  const list = body['outbound_local_requests_whitelist']
  if (list !== undefined) {
    const entries = Array.isArray(list) ? list.map(String) : String(list).split(/[\s,;]+/)
    if (entries.length > mostAllowed) {
      const message = `is too long (maximum is ${mostAllowed} entries)`
      throw messageError(400, { outbound_local_requests_whitelist: [message] })
    }
    instance.outboundAllowlist = entries.filter((entry) => entry !== '')
  }
  const local =
    body['allow_local_requests_from_web_hooks_and_services'] ??
    body['allow_local_requests_from_hooks_and_services']
  if (local !== undefined) instance.allowLocalRequests = flag(local)
  return presentSettings(ask)
}

function presentSettings(ask: Ask): Record<string, unknown> {
  const { allowLocalRequests, outboundAllowlist } = ask.world.state.instance
  return {
    id: 1,
    signup_enabled: false,
    allow_local_requests_from_hooks_and_services: allowLocalRequests,
    allow_local_requests_from_web_hooks_and_services: allowLocalRequests,
    allow_local_requests_from_system_hooks: true,
    outbound_local_requests_whitelist: outboundAllowlist,
    dns_rebinding_protection_enabled: true,
  }
}
