import { accessLevel, canReadProject, effectiveMembership, isExpired, maintainer } from '../access.js'
import { messageError } from '../errors.js'
import { presentProject, presentProjectSimple } from '../present/projects.js'
import { presentMember } from '../present/users.js'
import { moveProject, parentPath } from '../projects.js'
import type { Membership, Project, User } from '../state.js'
import type { World } from '../world.js'
import type { Api, Ask } from './api.js'
import { keysetPage, offsetPage } from './paging.js'
import { flag, projectOf, requireLevel } from './parameters.js'

export function addProjectRoutes(api: Api): void {
  api.route('GET', '/projects', listProjects, { anonymous: true })
  api.route('GET', '/projects/:id', showProject, { anonymous: true })
  api.signed('PUT', '/projects/:id', editProject)
  api.route('GET', '/projects/:id/members/all', (ask) => listMembers(ask, true), { anonymous: true })
  api.route('GET', '/projects/:id/members', (ask) => listMembers(ask, false), { anonymous: true })
  api.route('GET', '/projects/:id/members/all/:userId', (ask) => showMember(ask, true), { anonymous: true })
  api.route('GET', '/projects/:id/members/:userId', (ask) => showMember(ask, false), { anonymous: true })
}

async function isEmpty(world: World, project: Project): Promise<boolean> {
  const refs = await world.repositories.listRefs(project.gitDir)
  return ![...refs.keys()].some((ref) => ref.startsWith('refs/heads/'))
}

async function showProject(ask: Ask): Promise<unknown> {
  const project = projectOf(ask)
  return presentProject(ask.world, project, { empty: await isEmpty(ask.world, project) }, ask.caller.user)
}

async function listProjects(ask: Ask): Promise<unknown> {
  const found = [...ask.world.state.projects.values()].filter((project) => isListed(ask, project))
  const page =
    ask.query['pagination'] === 'keyset' ? keysetPage(ask, found) : offsetPage(ask, ordered(ask, found))
  const simple = flag(ask.query['simple']) || ask.caller.user === null
  return Promise.all(
    page.map(async (project) => {
      const facts = { empty: await isEmpty(ask.world, project) }
      if (simple) return presentProjectSimple(ask.world, project, facts)
      return presentProject(ask.world, project, facts, ask.caller.user)
    }),
  )
}

function isListed(ask: Ask, project: Project): boolean {
  const { query, world, caller } = ask
  const level = accessLevel(world, project, caller.user)
  if (!canReadProject(world, project, caller.user)) return false
  if (flag(query['membership']) && (caller.user === null || !isMember(world, project, caller.user)))
    return false
  if (query['min_access_level'] !== undefined && level < Number(query['min_access_level'])) return false
  if (query['archived'] !== undefined && project.archived !== flag(query['archived'])) return false
  if (query['visibility'] !== undefined && project.visibility !== query['visibility']) return false
  if (query['id_after'] !== undefined && project.id <= Number(query['id_after'])) return false
  if (query['id_before'] !== undefined && project.id >= Number(query['id_before'])) return false
  return matchesSearch(project, query['search'])
}

function isMember(world: World, project: Project, user: User): boolean {
  return effectiveMembership(project, user.id, world.now()) !== null
}

function matchesSearch(project: Project, search: string | string[] | undefined): boolean {
  if (typeof search !== 'string') return true
  const text = `${project.path} ${project.description ?? ''}`.toLowerCase()
  return search
    .toLowerCase()
    .split(/\s+/)
    .every((term) => text.includes(term))
}

function ordered(ask: Ask, projects: Project[]): Project[] {
  const sign = ask.query['sort'] === 'asc' ? 1 : -1
  const by = ask.query['order_by']
  if (by === 'name' || by === 'path') return projects.sort((a, b) => sign * a.path.localeCompare(b.path))
  if (by === 'last_activity_at') {
    return projects.sort((a, b) => sign * (a.lastActivityAt.getTime() - b.lastActivityAt.getTime()))
  }
  return projects.sort((a, b) => sign * (a.id - b.id))
}

function editProject(ask: Ask): unknown {
  const project = projectOf(ask)
  requireLevel(ask, project, maintainer)
  const { path, visibility, description } = ask.body
  if (visibility === 'private' || visibility === 'internal' || visibility === 'public')
    project.visibility = visibility
  if (typeof description === 'string') project.description = description
  if (typeof path === 'string') moveProject(ask.world, project.id, `${parentPath(project.path)}/${path}`)
  return showProject(ask)
}

function visibleMembers(ask: Ask, project: Project, all: boolean): Membership[] {
  const now = ask.world.now()
  return project.members.filter((member) => {
    if (isExpired(member, now)) return false
    if (!all) return member.kind === 'direct'
    return member.kind !== 'invited' || !ask.world.profile.hidesInvitedMembers
  })
}

function highestOf(members: Membership[]): Membership[] {
  const highest = new Map<number, Membership>()
  for (const member of members) {
    if ((highest.get(member.userId)?.accessLevel ?? -1) < member.accessLevel)
      highest.set(member.userId, member)
  }
  return [...highest.values()]
}

function listMembers(ask: Ask, all: boolean): unknown {
  const members = highestOf(visibleMembers(ask, projectOf(ask), all))
  return offsetPage(ask, members).flatMap((member) => {
    const user = ask.world.state.users.get(member.userId)
    return user === undefined ? [] : [presentMember(ask.world, user, member)]
  })
}

function showMember(ask: Ask, all: boolean): unknown {
  const userId = Number(ask.params['userId'])
  const members = highestOf(visibleMembers(ask, projectOf(ask), all))
  const member = members.find((candidate) => candidate.userId === userId)
  const user = ask.world.state.users.get(userId)
  if (member === undefined || user === undefined) throw messageError(404, '404 Not found')
  return presentMember(ask.world, user, member)
}
