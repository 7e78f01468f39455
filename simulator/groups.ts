import { ensureNamespace, namespaceOf, parentPath } from './projects.js'
import type { Invitation, Membership, Namespace, Project, User } from './state.js'
import type { World } from './world.js'

/** A membership as it counts somewhere, with the group that it comes from. */
export interface Standing extends Membership {
  /** `null` for a member of the project itself. */
  groupId: number | null
}

/** How people are members of a project: themselves, through its groups, or through invited ones. */
export function projectStandings(world: World, project: Project, userId?: number): Standing[] {
  const own = project.members.map((member) => ({ ...member, groupId: null }))
  const ofGroups = groupStandings(world, namespaceOf(world, project), userId).map((standing) => ({
    ...standing,
    kind: standing.kind === 'direct' ? ('inherited' as const) : standing.kind,
  }))
  const all = [...own, ...ofGroups, ...invitedStandings(world, project.invitations)]
  return valid(all, world.now(), userId)
}

export function groupStandings(world: World, group: Namespace, userId?: number): Standing[] {
  const above = ancestorsOf(world, group).flatMap((ancestor) => [
    ...membersOf(ancestor, 'inherited'),
    ...invitedStandings(world, ancestor.invitations),
  ])
  const all = [...membersOf(group, 'direct'), ...invitedStandings(world, group.invitations), ...above]
  return valid(all, world.now(), userId)
}

/** Members of an invited group, also those from above it, with no more than the invitation gives. */
function invitedStandings(world: World, invitations: Invitation[]): Standing[] {
  const lasting = invitations.filter((invitation) => !isOver(invitation.expiresAt, world.now()))
  return lasting.flatMap((invitation) => {
    const group = findGroup(world, invitation.groupId)
    if (group === null) return []
    const members = [group, ...ancestorsOf(world, group)].flatMap((one) => membersOf(one, 'invited'))
    return members.map((member) => ({
      ...member,
      groupId: group.id,
      accessLevel: Math.min(member.accessLevel, invitation.accessLevel),
    }))
  })
}

function membersOf(group: Namespace, kind: Membership['kind']): Standing[] {
  return group.members.map((member) => ({ ...member, kind, groupId: group.id }))
}

function valid(standings: Standing[], now: Date, userId?: number): Standing[] {
  return standings.filter(
    (standing) => !isOver(standing.expiresAt, now) && (userId === undefined || standing.userId === userId),
  )
}

function isOver(expiresAt: string | null, now: Date): boolean {
  return expiresAt !== null && new Date(expiresAt) <= now
}

/** One standing for each person, the highest. */
export function highestOf(standings: Standing[]): Standing[] {
  const highest = new Map<number, Standing>()
  for (const standing of standings) {
    if ((highest.get(standing.userId)?.accessLevel ?? -1) < standing.accessLevel) {
      highest.set(standing.userId, standing)
    }
  }
  return [...highest.values()]
}

export function groupLevel(world: World, group: Namespace, user: User | null): number {
  if (user === null) return 0
  if (user.admin) return 50
  return highestOf(groupStandings(world, group, user.id))[0]?.accessLevel ?? 0
}

/** Members see a private group, and so do members of anything in it. */
export function canReadGroup(world: World, group: Namespace, user: User | null): boolean {
  if (group.visibility === 'public') return true
  if (user === null) return false
  if (group.visibility === 'internal' && !user.external) return true
  if (groupLevel(world, group, user) > 0) return true
  return projectsBelow(world, group).some((project) => projectStandings(world, project, user.id).length > 0)
}

export function projectsBelow(world: World, group: Namespace): Project[] {
  return [...world.state.projects.values()].filter((project) => project.path.startsWith(`${group.fullPath}/`))
}

function ancestorsOf(world: World, group: Namespace): Namespace[] {
  if (!group.fullPath.includes('/')) return []
  const parent = ensureNamespace(world, parentPath(group.fullPath))
  return [parent, ...ancestorsOf(world, parent)]
}

export function findGroup(world: World, groupId: number): Namespace | null {
  const namespace = findNamespace(world, groupId)
  return namespace?.kind === 'group' ? namespace : null
}

export function findNamespace(world: World, namespaceId: number): Namespace | null {
  for (const namespace of world.state.namespaces.values()) {
    if (namespace.id === namespaceId) return namespace
  }
  return null
}

export interface NewGroup {
  /** Full path; the groups above it come into being with it. */
  path: string
  name?: string
  description?: string
  /** Default `private`, as in GitLab. */
  visibility?: Namespace['visibility']
}

export function createGroup(world: World, input: NewGroup): Namespace {
  if (world.state.namespaces.has(input.path)) throw new Error(`The path ${input.path} is taken.`)
  const group = ensureNamespace(world, input.path)
  group.kind = 'group'
  group.visibility = input.visibility ?? 'private'
  group.name = input.name ?? group.name
  group.description = input.description ?? ''
  return group
}

export function personalNamespace(world: World, user: User): Namespace {
  return ensureNamespace(world, user.username)
}
