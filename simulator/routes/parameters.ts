import { accessLevel, canReadBuilds, canReadCode, canReadProject } from '../access.js'
import { ApiError, forbidden, messageError, notFound, parameterError } from '../errors.js'
import { findMergeRequest } from '../merge-requests.js'
import { findProjectByPath } from '../projects.js'
import type { MergeRequest, Project, Visibility } from '../state.js'
import type { Ask } from './api.js'

/** The project of `:id`, a number or a path; hidden ones do not exist, moved ones redirect. */
export function projectOf(ask: Ask): Project {
  const id = ask.params['id'] ?? ''
  const project = /^\d+$/.test(id) ? ask.world.state.projects.get(Number(id)) : projectByPath(ask, id)
  if (project === undefined || !canReadProject(ask.world, project, ask.caller.user)) throw notFound('Project')
  return project
}

function projectByPath(ask: Ask, path: string): Project | undefined {
  const { state, profile, url } = ask.world
  const project = findProjectByPath(ask.world, path)
  if (project !== null) return project
  const moved = state.projects.get(state.movedPaths.get(path) ?? -1)
  if (moved === undefined || !profile.movedProjectRedirects) return moved
  if (!canReadProject(ask.world, moved, ask.caller.user)) throw notFound('Project')
  const below = ask.request.url.replace(/^.*?\/api\/v4\/projects\/[^/?]+/, '')
  const location = `${url}/api/v4/projects/${moved.id}${below}`
  const headers = { location, 'content-type': 'text/plain' }
  throw new ApiError(301, `This resource has been moved permanently to ${location}`, headers)
}

export function requireLevel(ask: Ask, project: Project, level: number): void {
  if (accessLevel(ask.world, project, ask.caller.user) < level) throw forbidden()
}

export function requireAdmin(ask: Ask): void {
  if (ask.caller.user?.admin !== true) throw forbidden()
}

/** The day `2026-01-31` of a parameter. */
export function optionalDay(ask: Ask, name: string): string | null {
  const text = optionalText(ask.body[name])
  if (text === null || text === '') return null
  if (!/^\d{4}-\d\d-\d\d/.test(text) || Number.isNaN(Date.parse(text))) {
    throw parameterError(`${name} is invalid`)
  }
  return text.slice(0, 10)
}

export function requireBuilds(ask: Ask, project: Project): void {
  if (!canReadBuilds(ask.world, project, ask.caller.user)) throw forbidden()
}

export function requireCode(ask: Ask, project: Project): void {
  if (!canReadCode(ask.world, project, ask.caller.user)) throw forbidden()
}

export function mergeRequestOf(ask: Ask, project: Project): MergeRequest {
  const mr = findMergeRequest(ask.world, project.id, integer(ask.params['iid'], 'merge_request_iid'))
  if (mr === null) throw messageError(404, '404 Not found')
  return mr
}

export function integer(value: unknown, name: string): number {
  const number = typeof value === 'number' ? value : Number(value === '' ? Number.NaN : value)
  if (!Number.isInteger(number)) throw parameterError(`${name} is invalid`)
  return number
}

export function optionalInteger(value: unknown, name: string): number | null {
  return value === undefined || value === null || value === '' ? null : integer(value, name)
}

export function optionalText(value: unknown): string | null {
  return value === undefined || value === null ? null : String(value)
}

/** GitLab reads `true`, `1` and `"true"` alike, and null as false. */
export function flag(value: unknown): boolean {
  return value === true || value === 1 || value === 'true' || value === '1'
}

export function requiredText(ask: Ask, name: string): string {
  const value = ask.body[name]
  if (value === undefined || value === null) throw parameterError(`${name} is missing`)
  return String(value)
}

export function visibilityOf(ask: Ask): Visibility | null {
  const value = ask.body['visibility']
  if (value === undefined || value === null) return null
  if (value === 'private' || value === 'internal' || value === 'public') return value
  throw parameterError('visibility does not have a valid value')
}

export function listOf(value: string | string[] | undefined): string[] {
  if (value === undefined) return []
  return Array.isArray(value) ? value : value.split(',')
}
