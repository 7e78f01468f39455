import { highestOf, projectStandings, type Standing } from './groups.js'
import type { Project, User } from './state.js'
import type { World } from './world.js'

export const guest = 10
export const reporter = 20
export const developer = 30
export const maintainer = 40
export const owner = 50

/** The membership that counts: of several, the one with the highest level; expired ones do not count. */
export function effectiveMembership(world: World, project: Project, userId: number): Standing | null {
  return highestOf(projectStandings(world, project, userId))[0] ?? null
}

export function accessLevel(world: World, project: Project, user: User | null): number {
  if (user === null) return 0
  if (user.admin) return owner
  return effectiveMembership(world, project, user.id)?.accessLevel ?? 0
}

export function canReadProject(world: World, project: Project, user: User | null): boolean {
  if (accessLevel(world, project, user) >= guest) return true
  if (project.visibility === 'public') return true
  return project.visibility === 'internal' && user !== null && !user.external
}

/** Code: in a private project guests see none. */
export function canReadCode(world: World, project: Project, user: User | null): boolean {
  if (accessLevel(world, project, user) >= reporter) return true
  return project.visibility !== 'private' && canReadProject(world, project, user)
}

/** Pipelines and jobs: `public_jobs` opens them to everyone who sees the project. */
export function canReadBuilds(world: World, project: Project, user: User | null): boolean {
  const level = accessLevel(world, project, user)
  if (project.buildsAccess === 'disabled') return false
  if (project.buildsAccess === 'private' && level < guest) return false
  return level >= reporter || (project.publicJobs && canReadProject(world, project, user))
}
