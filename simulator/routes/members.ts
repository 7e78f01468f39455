import { accessLevel, maintainer, owner } from '../access.js'
import { forbidden, messageError, notFound, parameterError } from '../errors.js'
import {
  canReadGroup,
  findGroup,
  groupLevel,
  groupStandings,
  highestOf,
  projectStandings,
} from '../groups.js'
import type { Standing } from '../groups.js'
import { presentMember } from '../present/users.js'
import { newMember } from '../projects.js'
import type { Invitation, Membership, User } from '../state.js'
import type { Api, Ask, SignedAsk } from './api.js'
import { groupOf } from './groups.js'
import { offsetPage } from './paging.js'
import { integer, listOf, optionalDay, projectOf } from './parameters.js'

/** What has members: a project or a group. */
interface Source {
  holder: { id: number; members: Membership[]; invitations: Invitation[] }
  standings(): Standing[]
  /** The caller's level. */
  level: number
  /** The level that changing members needs. */
  needed: number
}

/** Members and invited groups of projects and groups. */
export function addMemberRoutes(api: Api): void {
  addSourceRoutes(api, '/projects/:id', projectSource, 'project_id')
  addSourceRoutes(api, '/groups/:id', groupSource, 'shared_group_id')
}

function addSourceRoutes(api: Api, root: string, read: (ask: Ask) => Source, idName: string): void {
  const anonymous = { anonymous: true }
  api.route('GET', `${root}/members/all`, (ask) => list(ask, shown(ask, read(ask), true)), anonymous)
  api.route('GET', `${root}/members`, (ask) => list(ask, shown(ask, read(ask), false)), anonymous)
  api.route('GET', `${root}/members/all/:userId`, (ask) => show(ask, shown(ask, read(ask), true)), anonymous)
  api.route('GET', `${root}/members/:userId`, (ask) => show(ask, shown(ask, read(ask), false)), anonymous)
  api.signed('POST', `${root}/members`, (ask) => add(ask, read(ask)))
  api.signed('PUT', `${root}/members/:userId`, (ask) => change(ask, read(ask)))
  api.signed('DELETE', `${root}/members/:userId`, (ask) => remove(ask, read(ask)))
  api.signed('POST', `${root}/share`, (ask) => invite(ask, read(ask), idName))
  api.signed('DELETE', `${root}/share/:groupId`, (ask) => withdraw(ask, read(ask)))
}

function projectSource(ask: Ask): Source {
  const project = projectOf(ask)
  return {
    holder: project,
    standings: () => projectStandings(ask.world, project),
    level: accessLevel(ask.world, project, ask.caller.user),
    needed: maintainer,
  }
}

function groupSource(ask: Ask): Source {
  const group = groupOf(ask)
  return {
    holder: group,
    standings: () => groupStandings(ask.world, group),
    level: groupLevel(ask.world, group, ask.caller.user),
    needed: owner,
  }
}

function shown(ask: Ask, source: Source, all: boolean): Standing[] {
  const standings = source.standings()
  if (!all) return highestOf(standings.filter((standing) => standing.kind === 'direct'))
  return highestOf(standings.filter((standing) => !isHidden(ask, standing)))
}

/** Before 17.4 the members of an invited private group are told only to those who see the group. */
function isHidden(ask: Ask, standing: Standing): boolean {
  if (standing.kind !== 'invited' || !ask.world.profile.hidesInvitedMembers) return false
  const group = standing.groupId === null ? null : findGroup(ask.world, standing.groupId)
  if (group === null) return true
  if (ask.caller.user?.admin === true) return false
  return !canReadGroup(ask.world, group, ask.caller.user)
}

function list(ask: Ask, standings: Standing[]): unknown {
  const ids = listOf(ask.query['user_ids']).map(Number)
  const text = typeof ask.query['query'] === 'string' ? ask.query['query'].toLowerCase() : ''
  const rows = standings.flatMap((standing) => {
    const user = ask.world.state.users.get(standing.userId)
    if (user === undefined || (ids.length > 0 && !ids.includes(user.id))) return []
    return `${user.username} ${user.name}`.toLowerCase().includes(text) ? [{ user, standing }] : []
  })
  return offsetPage(ask, rows).map(({ user, standing }) => presentMember(ask.world, user, standing))
}

function show(ask: Ask, standings: Standing[]): unknown {
  const userId = integer(ask.params['userId'], 'user_id')
  const standing = standings.find((candidate) => candidate.userId === userId)
  const user = ask.world.state.users.get(userId)
  if (standing === undefined || user === undefined) throw messageError(404, '404 Not found')
  return presentMember(ask.world, user, standing)
}

function add(ask: SignedAsk, source: Source): unknown {
  requireManager(source)
  const user = userToAdd(ask)
  const level = levelOf(ask, source, 'access_level')
  const expiresAt = expiryOf(ask)
  const { holder } = source
  if (directMember(source, user.id) !== undefined) throw messageError(409, 'Member already exists')
  requireAboveInherited(source, user.id, level)
  const member = newMember(ask.world, { userId: user.id, accessLevel: level, expiresAt })
  holder.members.push(member)
  ask.reply.code(201)
  return presentMember(ask.world, user, member)
}

function userToAdd(ask: Ask): User {
  const { users } = ask.world.state
  const { user_id: id, username } = ask.body
  if (id === undefined && username === undefined) {
    throw parameterError('user_id, username are missing, exactly one parameter must be provided')
  }
  const user =
    id === undefined
      ? [...users.values()].find((one) => one.username === username)
      : users.get(integer(id, 'user_id'))
  if (user === undefined) throw notFound('User')
  return user
}

function levelOf(ask: SignedAsk, source: Source, name: string): number {
  const value = ask.body[name]
  if (value === undefined) throw parameterError(`${name} is missing`)
  const level = integer(value, name)
  if (!ask.user.admin && level > source.level) throw forbidden()
  return level
}

function expiryOf(ask: Ask): string | null {
  const day = optionalDay(ask, 'expires_at')
  if (day !== null && day < ask.world.now().toISOString().slice(0, 10)) {
    throw messageError(400, { expires_at: ['cannot be a date in the past'] })
  }
  return day
}

/** Nobody is less in a project than in its group. */
function requireAboveInherited(source: Source, userId: number, level: number): void {
  const inherited = source
    .standings()
    .filter((standing) => standing.userId === userId && standing.kind === 'inherited')
  const highest = highestOf(inherited)[0]?.accessLevel ?? 0
  if (level >= highest) return
  throw messageError(400, {
    access_level: [`should be greater than or equal to the inherited membership of level ${highest}`],
  })
}

function change(ask: SignedAsk, source: Source): unknown {
  requireManager(source)
  const member = directMember(source, integer(ask.params['userId'], 'user_id'))
  const user = ask.world.state.users.get(member?.userId ?? -1)
  if (member === undefined || user === undefined) throw messageError(404, '404 Not found')
  const level = levelOf(ask, source, 'access_level')
  if (!ask.user.admin && member.accessLevel > source.level) throw forbidden()
  requireAboveInherited(source, user.id, level)
  if (ask.body['expires_at'] !== undefined) member.expiresAt = expiryOf(ask)
  member.accessLevel = level
  return presentMember(ask.world, user, member)
}

/** Members may leave by themselves. */
function remove(ask: SignedAsk, source: Source): void {
  const userId = integer(ask.params['userId'], 'user_id')
  if (userId !== ask.user.id) requireManager(source)
  const member = directMember(source, userId)
  if (member === undefined) throw messageError(404, '404 Not found')
  if (userId !== ask.user.id && !ask.user.admin && member.accessLevel > source.level) throw forbidden()
  if (source.needed === owner && isLastOwner(source, member)) throw forbidden()
  source.holder.members = source.holder.members.filter((other) => other !== member)
  ask.reply.code(204)
}

function isLastOwner(source: Source, member: Membership): boolean {
  const owners = source.holder.members.filter(({ accessLevel }) => accessLevel >= owner)
  return owners.length === 1 && owners[0] === member
}

function directMember(source: Source, userId: number): Membership | undefined {
  return source.holder.members.find((member) => member.userId === userId && member.kind === 'direct')
}

function requireManager(source: Source): void {
  if (source.level < source.needed) throw forbidden()
}

function invite(ask: SignedAsk, source: Source, idName: string): unknown {
  requireManager(source)
  if (ask.body['group_id'] === undefined) throw parameterError('group_id is missing')
  const group = findGroup(ask.world, integer(ask.body['group_id'], 'group_id'))
  if (group === null || !canReadGroup(ask.world, group, ask.user)) throw notFound('Group')
  const level = levelOf(ask, source, 'group_access')
  const { holder } = source
  if (holder.id === group.id || holder.invitations.some((one) => one.groupId === group.id)) {
    throw messageError(409, { shared_group_id: ['has already been taken'] })
  }
  const invitation = { groupId: group.id, accessLevel: level, expiresAt: expiryOf(ask) }
  holder.invitations.push(invitation)
  ask.reply.code(201)
  return {
    id: ask.world.state.nextId('invitation'),
    [idName]: holder.id,
    group_id: group.id,
    group_access: level,
    expires_at: invitation.expiresAt,
  }
}

function withdraw(ask: SignedAsk, source: Source): void {
  requireManager(source)
  const { holder } = source
  const groupId = integer(ask.params['groupId'], 'group_id')
  if (!holder.invitations.some((one) => one.groupId === groupId)) throw messageError(404, '404 Not found')
  holder.invitations = holder.invitations.filter((one) => one.groupId !== groupId)
  ask.reply.code(204)
}
