import { randomBytes } from 'node:crypto'

import { accessLevel, maintainer } from '../access.js'
import { messageError, notFound, parameterError, unauthorized } from '../errors.js'
import { addUser, removeUser, saveToken, tokenState } from '../people.js'
import { isoTime } from '../present/times.js'
import { newMember } from '../projects.js'
import type { AccessToken, Project } from '../state.js'
import type { World } from '../world.js'
import type { Api, SignedAsk } from './api.js'
import { offsetPage } from './paging.js'
import { integer, optionalDay, optionalInteger, projectOf, requiredText, requireAdmin } from './parameters.js'

const projectTokens = '/projects/:id/access_tokens'

/** Personal and project access tokens; the value is told once. */
export function addTokenRoutes(api: Api): void {
  api.signed('GET', '/personal_access_tokens/self', (ask) => present(ask.world, ownToken(ask)))
  api.signed('DELETE', '/personal_access_tokens/self', (ask) => revoke(ask, ownToken(ask)))
  api.signed('GET', '/personal_access_tokens', listPersonal)
  api.signed('DELETE', '/personal_access_tokens/:tokenId', (ask) => revoke(ask, personalToken(ask)))
  api.signed('POST', '/users/:id/personal_access_tokens', createPersonal)
  api.signed('GET', projectTokens, listOfProject)
  api.signed('GET', `${projectTokens}/:tokenId`, (ask) => {
    const project = managedProject(ask)
    return presentOfProject(ask.world, project, projectToken(ask, project))
  })
  api.signed('POST', projectTokens, createOfProject)
  api.signed('POST', `${projectTokens}/:tokenId/rotate`, rotateOfProject)
  api.signed('DELETE', `${projectTokens}/:tokenId`, (ask) => {
    removeUser(ask.world, projectToken(ask, managedProject(ask)).userId)
    ask.reply.code(204)
  })
}

/** The token that the request came with; an OAuth token is none of these. */
function ownToken(ask: SignedAsk): AccessToken {
  const { token } = ask.caller
  if (token === null || token.kind === 'oauth') throw unauthorized()
  return token
}

function revoke(ask: SignedAsk, token: AccessToken): void {
  token.state = 'revoked'
  ask.reply.code(204)
}

function personalToken(ask: SignedAsk): AccessToken {
  const id = integer(ask.params['tokenId'], 'id')
  const token = [...ask.world.state.tokens.values()].find((one) => one.id === id && one.kind === 'personal')
  if (token === undefined || (token.userId !== ask.user.id && !ask.user.admin)) throw notFound()
  return token
}

function listPersonal(ask: SignedAsk): unknown {
  const userId = optionalInteger(ask.query['user_id'], 'user_id')
  if (userId !== null && userId !== ask.user.id && !ask.user.admin) throw unauthorized()
  const wanted = userId ?? (ask.user.admin ? null : ask.user.id)
  const found = [...ask.world.state.tokens.values()].filter(
    (token) => token.kind === 'personal' && (wanted === null || token.userId === wanted),
  )
  return offsetPage(ask, found).map((token) => present(ask.world, token))
}

/** For an administrator, who makes a token for somebody else. */
function createPersonal(ask: SignedAsk): unknown {
  requireAdmin(ask)
  const user = ask.world.state.users.get(integer(ask.params['id'], 'user_id'))
  if (user === undefined) throw notFound('User')
  const token = saveToken(ask.world, user.id, {
    name: requiredText(ask, 'name'),
    scopes: scopesOf(ask),
    expiresAt: expiryOf(ask) ?? inDays(ask.world, longestDays),
  })
  ask.reply.code(201)
  return { ...present(ask.world, token), token: token.value }
}

const tokenScopes = ['api', 'read_api', 'read_user', 'read_repository', 'write_repository']

function scopesOf(ask: SignedAsk): string[] {
  const given = ask.body['scopes']
  if (given === undefined) throw parameterError('scopes is missing')
  const scopes = (Array.isArray(given) ? given : String(given).split(',')).map(String)
  if (scopes.length === 0) throw parameterError('scopes is empty')
  if (scopes.every((scope) => tokenScopes.includes(scope))) return scopes
  throw parameterError('scopes does not have a valid value')
}

const longestDays = 365

/** Since 16.0 no new token lives for ever. */
function expiryOf(ask: SignedAsk): Date | null {
  const day = optionalDay(ask, 'expires_at')
  if (day === null) return null
  const expiresAt = new Date(day)
  if (expiresAt <= ask.world.now()) throw badRequest('Expiration date must be in the future')
  if (expiresAt <= inDays(ask.world, longestDays)) return expiresAt
  throw badRequest(`Expiration date must be within ${longestDays} days`)
}

function inDays(world: World, days: number): Date {
  const today = world.now().toISOString().slice(0, 10)
  return new Date(new Date(today).getTime() + days * 86_400_000)
}

function badRequest(reason: string): Error {
  return messageError(400, `400 Bad request - ${reason}`)
}

function managedProject(ask: SignedAsk): Project {
  const project = projectOf(ask)
  if (accessLevel(ask.world, project, ask.user) < maintainer) throw unauthorized()
  return project
}

function ofProject(ask: SignedAsk, project: Project): AccessToken[] {
  return [...ask.world.state.tokens.values()].filter((token) => token.projectId === project.id)
}

function projectToken(ask: SignedAsk, project: Project): AccessToken {
  const id = integer(ask.params['tokenId'], 'token_id')
  const token = ofProject(ask, project).find((one) => one.id === id)
  if (token === undefined)
    throw messageError(404, '404 Could not find project access token with token_id: ' + id)
  return token
}

function listOfProject(ask: SignedAsk): unknown {
  const project = managedProject(ask)
  return offsetPage(ask, ofProject(ask, project)).map((token) => presentOfProject(ask.world, project, token))
}

/** Makes a bot that is a member of the project and has this one token. */
function createOfProject(ask: SignedAsk): unknown {
  const { world } = ask
  const project = projectOf(ask)
  const name = requiredText(ask, 'name')
  const scopes = scopesOf(ask)
  const level = optionalInteger(ask.body['access_level'], 'access_level') ?? maintainer
  if (ask.body['expires_at'] === undefined) throw parameterError('expires_at is missing')
  const own = accessLevel(world, project, ask.user)
  if (!world.settings.projectAccessTokens || own < maintainer) {
    throw badRequest('User does not have permission to create project access token')
  }
  if (level > own) throw badRequest('Could not provision that access level to project access token')
  const expiresAt = expiryOf(ask)
  if (expiresAt === null) throw parameterError('expires_at is missing')
  const username = `project_${project.id}_bot_${randomBytes(16).toString('hex')}`
  const bot = addUser(world, { username, name, email: `${username}@noreply.example.com`, bot: true })
  const day = expiresAt.toISOString().slice(0, 10)
  project.members.push(newMember(world, { userId: bot.id, accessLevel: level, expiresAt: day }))
  const token = saveToken(world, bot.id, { name, scopes, expiresAt, projectId: project.id })
  ask.reply.code(201)
  return { ...presentOfProject(world, project, token), token: token.value }
}

/** A new token for the same bot; the old one ends at once. Without `expires_at` it lives a week. */
function rotateOfProject(ask: SignedAsk): unknown {
  const { world } = ask
  const isSelf = ask.params['tokenId'] === 'self'
  const project = isSelf ? projectOf(ask) : managedProject(ask)
  const old = isSelf ? rotatingItself(ask, project) : rotatedByPerson(ask, project)
  const expiresAt = (world.profile.rotatesUntil ? expiryOf(ask) : null) ?? inDays(world, 7)
  old.state = 'revoked'
  const { name, scopes } = old
  for (const member of project.members) {
    if (member.userId === old.userId) member.expiresAt = expiresAt.toISOString().slice(0, 10)
  }
  const token = saveToken(world, old.userId, { name, scopes, expiresAt, projectId: project.id })
  return { ...presentOfProject(world, project, token), token: token.value }
}

function rotatingItself(ask: SignedAsk, project: Project): AccessToken {
  if (!ask.world.profile.selfRotation) throw parameterError('token_id is invalid')
  const own = ownToken(ask)
  if (own.projectId !== project.id) throw messageError(405, '405 Method Not Allowed')
  return own
}

/** One that was rotated or revoked before takes the tokens that came of it with it. */
function rotatedByPerson(ask: SignedAsk, project: Project): AccessToken {
  if (ask.caller.token !== null && ask.caller.token.projectId !== null) throw unauthorized()
  const old = projectToken(ask, project)
  if (tokenState(old, ask.world.now()) === 'active') return old
  for (const token of ofProject(ask, project)) {
    if (token.userId === old.userId) token.state = 'revoked'
  }
  throw badRequest('Token already revoked')
}

function present(world: World, token: AccessToken): Record<string, unknown> {
  const state = tokenState(token, world.now())
  return {
    id: token.id,
    name: token.name,
    revoked: state === 'revoked',
    created_at: isoTime(token.createdAt),
    scopes: token.scopes,
    user_id: token.userId,
    last_used_at: isoTime(token.lastUsedAt),
    active: state === 'active',
    expires_at: isoTime(token.expiresAt)?.slice(0, 10) ?? null,
  }
}

function presentOfProject(world: World, project: Project, token: AccessToken): Record<string, unknown> {
  const member = project.members.find(({ userId }) => userId === token.userId)
  return { ...present(world, token), access_level: member?.accessLevel ?? 0 }
}
