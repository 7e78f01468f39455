import { maintainer, owner } from '../access.js'
import { forbidden, messageError, notFound } from '../errors.js'
import {
  canReadGroup,
  createGroup,
  findNamespace,
  findGroup,
  groupLevel,
  groupStandings,
  personalNamespace,
  projectsBelow,
} from '../groups.js'
import { presentInvitations, presentNamespace } from '../present/projects.js'
import { isoTime } from '../present/times.js'
import { deleteProject, newMember, parentPath } from '../projects.js'
import type { Namespace, User } from '../state.js'
import type { World } from '../world.js'
import type { Api, Ask, SignedAsk } from './api.js'
import { offsetPage } from './paging.js'
import { flag, integer, optionalText, requiredText, visibilityOf } from './parameters.js'
import { sendProjects } from './projects.js'

export function addGroupRoutes(api: Api): void {
  api.route('GET', '/groups', listGroups, { anonymous: true })
  api.signed('POST', '/groups', create)
  api.route('GET', '/groups/:id', (ask) => present(ask.world, groupOf(ask)), { anonymous: true })
  api.signed('DELETE', '/groups/:id', remove)
  api.route('GET', '/groups/:id/subgroups', listSubgroups, { anonymous: true })
  api.route('GET', '/groups/:id/projects', listProjects, { anonymous: true })
  api.signed('GET', '/namespaces', listNamespaces)
  api.signed('GET', '/namespaces/:id', showNamespace)
}

/** The group of `:id`, a number or a path; hidden ones do not exist. */
export function groupOf(ask: Ask): Namespace {
  const namespace = namespaceOfParameter(ask)
  if (namespace?.kind !== 'group' || !canReadGroup(ask.world, namespace, ask.caller.user)) {
    throw notFound('Group')
  }
  return namespace
}

function namespaceOfParameter(ask: Ask): Namespace | null {
  const id = ask.params['id'] ?? ''
  if (/^\d+$/.test(id)) return findNamespace(ask.world, Number(id))
  return ask.world.state.namespaces.get(id) ?? null
}

function allGroups(world: World): Namespace[] {
  return [...world.state.namespaces.values()].filter((namespace) => namespace.kind === 'group')
}

function listGroups(ask: Ask): unknown {
  return sendGroups(ask, allGroups(ask.world))
}

function listSubgroups(ask: Ask): unknown {
  const group = groupOf(ask)
  return sendGroups(
    ask,
    allGroups(ask.world).filter(
      (one) => one.fullPath.includes('/') && parentPath(one.fullPath) === group.fullPath,
    ),
  )
}

function sendGroups(ask: Ask, groups: Namespace[]): unknown {
  const found = groups.filter((group) => isListed(ask, group))
  found.sort((a, b) => a.name.localeCompare(b.name))
  return offsetPage(ask, found).map((group) => present(ask.world, group))
}

function isListed(ask: Ask, group: Namespace): boolean {
  const { query, world, caller } = ask
  if (!canReadGroup(world, group, caller.user)) return false
  const level = memberLevel(world, group, caller.user)
  if (flag(query['owned']) && level < owner) return false
  if (flag(query['top_level_only']) && group.fullPath.includes('/')) return false
  if (query['min_access_level'] !== undefined && level < Number(query['min_access_level'])) return false
  return typeof query['search'] !== 'string' || isNamed(group, query['search'])
}

function memberLevel(world: World, group: Namespace, user: User | null): number {
  if (user === null) return 0
  return Math.max(0, ...groupStandings(world, group, user.id).map(({ accessLevel }) => accessLevel))
}

function isNamed(namespace: Namespace, search: string): boolean {
  return `${namespace.fullPath} ${namespace.name}`.toLowerCase().includes(search.toLowerCase())
}

/** Whoever creates a group owns it. */
function create(ask: SignedAsk): unknown {
  const { world, user } = ask
  const name = requiredText(ask, 'name')
  const path = requiredText(ask, 'path')
  const parent = parentOf(ask)
  if (user.external && !user.admin) throw forbidden()
  if (!/^[\w.][\w.-]*$/.test(path)) {
    throw messageError(
      400,
      `Failed to save group {:path=>["can only include letters, digits, '_', '-', '.'"]}`,
    )
  }
  const fullPath = parent === null ? path : `${parent.fullPath}/${path}`
  if (isTaken(world, fullPath)) {
    throw messageError(400, 'Failed to save group {:path=>["has already been taken"]}')
  }
  const group = createGroup(world, {
    path: fullPath,
    name,
    description: optionalText(ask.body['description']) ?? '',
    visibility: visibilityOf(ask) ?? 'private',
  })
  group.members.push(newMember(world, { userId: user.id, accessLevel: owner }))
  ask.reply.code(201)
  return present(world, group)
}

function parentOf(ask: SignedAsk): Namespace | null {
  const id = ask.body['parent_id']
  if (id === undefined || id === null) return null
  const parent = findGroup(ask.world, integer(id, 'parent_id'))
  if (parent === null || !canReadGroup(ask.world, parent, ask.user)) throw notFound('Group')
  if (groupLevel(ask.world, parent, ask.user) < maintainer) throw forbidden()
  return parent
}

function isTaken(world: World, fullPath: string): boolean {
  const path = fullPath.toLowerCase()
  const named = [...world.state.users.values()].some((user) => user.username.toLowerCase() === path)
  const spaces = [...world.state.namespaces.keys()].some((one) => one.toLowerCase() === path)
  return named || spaces || [...world.state.projects.values()].some((one) => one.path.toLowerCase() === path)
}

async function remove(ask: SignedAsk): Promise<unknown> {
  const group = groupOf(ask)
  if (groupLevel(ask.world, group, ask.user) < owner) throw forbidden()
  for (const project of projectsBelow(ask.world, group)) await deleteProject(ask.world, project.id)
  for (const path of ask.world.state.namespaces.keys()) {
    if (path === group.fullPath || path.startsWith(`${group.fullPath}/`))
      ask.world.state.namespaces.delete(path)
  }
  ask.reply.code(202)
  return { message: '202 Accepted' }
}

/** Projects of the group itself and those it was invited to; with `include_subgroups` those below too. */
function listProjects(ask: Ask): Promise<unknown> {
  const group = groupOf(ask)
  const below = projectsBelow(ask.world, group)
  const own = flag(ask.query['include_subgroups'])
    ? below
    : below.filter((project) => parentPath(project.path) === group.fullPath)
  const withShared = ask.query['with_shared'] === undefined || flag(ask.query['with_shared'])
  const shared = [...ask.world.state.projects.values()].filter(
    (project) =>
      withShared && !own.includes(project) && project.invitations.some(({ groupId }) => groupId === group.id),
  )
  return sendProjects(ask, [...own, ...shared])
}

function listNamespaces(ask: SignedAsk): unknown {
  const { world, user, query } = ask
  const own = personalNamespace(world, user)
  const groups = allGroups(world).filter((group) => user.admin || memberLevel(world, group, user) > 0)
  const search = query['search']
  const found = [own, ...groups].filter((one) => typeof search !== 'string' || isNamed(one, search))
  return offsetPage(ask, found).map((namespace) => presentNamespace(world, namespace))
}

function showNamespace(ask: SignedAsk): unknown {
  personalNamespace(ask.world, ask.user)
  const namespace = namespaceOfParameter(ask)
  const mayRead =
    namespace !== null &&
    (namespace.kind === 'user'
      ? ask.user.admin || namespace.fullPath === ask.user.username
      : canReadGroup(ask.world, namespace, ask.user))
  if (namespace === null || !mayRead) throw notFound('Namespace')
  return presentNamespace(ask.world, namespace)
}

function present(world: World, group: Namespace): Record<string, unknown> {
  const { kind: _, ...namespace } = presentNamespace(world, group)
  return {
    ...namespace,
    full_name: group.fullPath.split('/').join(' / '),
    description: group.description,
    visibility: group.visibility,
    project_creation_level: 'developer',
    subgroup_creation_level: 'maintainer',
    created_at: isoTime(group.createdAt),
    shared_with_groups: presentInvitations(world, group.invitations),
  }
}
