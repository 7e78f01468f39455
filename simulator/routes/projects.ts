import { canReadProject, effectiveMembership, maintainer, owner } from '../access.js'
import { presentProject, presentProjectSimple } from '../present/projects.js'
import { moveProject, parentPath } from '../projects.js'
import type { Project } from '../state.js'
import type { World } from '../world.js'
import type { Api, Ask } from './api.js'
import { keysetPage, offsetPage } from './paging.js'
import { flag, projectOf, requireLevel } from './parameters.js'

export function addProjectRoutes(api: Api): void {
  api.route('GET', '/projects', listProjects, { anonymous: true })
  api.route('GET', '/projects/:id', showProject, { anonymous: true })
  api.signed('PUT', '/projects/:id', editProject)
}

async function isEmpty(world: World, project: Project): Promise<boolean> {
  const refs = await world.repositories.listRefs(project.gitDir)
  return ![...refs.keys()].some((ref) => ref.startsWith('refs/heads/'))
}

export async function showProject(ask: Ask): Promise<unknown> {
  const project = projectOf(ask)
  return presentProject(ask.world, project, { empty: await isEmpty(ask.world, project) }, ask.caller.user)
}

function listProjects(ask: Ask): Promise<unknown> {
  return sendProjects(ask, [...ask.world.state.projects.values()])
}

/** Those of the projects that the caller sees and asks for, as one page. */
export function sendProjects(ask: Ask, projects: Project[]): Promise<unknown> {
  const found = projects.filter((project) => isListed(ask, project))
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

/** Members are counted by their real level: that administrators see everything makes them members of nothing. */
function isListed(ask: Ask, project: Project): boolean {
  const { query, world, caller } = ask
  if (!matchesSearch(project, query['search'])) return false
  if (!canReadProject(world, project, caller.user)) return false
  const member = caller.user === null ? null : effectiveMembership(world, project, caller.user.id)
  if (flag(query['membership']) && member === null) return false
  if (flag(query['owned']) && (member?.accessLevel ?? 0) < owner) return false
  const least = query['min_access_level']
  if (least !== undefined && (member?.accessLevel ?? 0) < Number(least)) return false
  if (query['archived'] !== undefined && project.archived !== flag(query['archived'])) return false
  if (query['visibility'] !== undefined && project.visibility !== query['visibility']) return false
  if (query['id_after'] !== undefined && project.id <= Number(query['id_after'])) return false
  return query['id_before'] === undefined || project.id < Number(query['id_before'])
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
