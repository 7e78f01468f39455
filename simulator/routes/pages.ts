import type { FastifyInstance, FastifyRequest } from 'fastify'

import { canReadBuilds, canReadProject } from '../access.js'
import { findMergeRequest } from '../merge-requests.js'
import { layout, type Page } from '../pages/layout.js'
import { mergeRequestPage } from '../pages/merge-request.js'
import { commitPage, jobPage, pipelinePage, projectPage } from '../pages/project.js'
import { findProjectByPath } from '../projects.js'
import type { Project, User } from '../state.js'
import type { World } from '../world.js'
import { isGitPath, serveGit } from './git.js'
import { signedInUser } from './sessions.js'

/**
 * Everything below a project's path: pages for people, and the reading half of git. A project
 * that is not public opens to who is signed in, or with `?private_token=`.
 */
export function addPageRoutes(app: FastifyInstance, world: World): void {
  app.get('/*', async (request, reply) => {
    const path = pathBelow(world, request)
    if (isGitPath(path)) {
      await serveGit(world, request, reply)
      return reply
    }
    const user = userOf(world, request)
    const [projectPath = '', below = ''] = path.slice(1).split('/-/')
    const project = findProjectByPath(world, projectPath)
    const page =
      project === null || !canReadProject(world, project, user)
        ? null
        : await findPage(world, project, below, user)
    if (project === null || page === null) return reply.code(404).type('text/plain').send('Page Not Found\n')
    return reply.type('text/html; charset=utf-8').send(layout(world, project, page))
  })
}

function pathBelow(world: World, request: FastifyRequest): string {
  const { pathname } = new URL(request.url, 'http://unused')
  return decodeURIComponent(pathname.slice(world.settings.relativePath.length))
}

function userOf(world: World, request: FastifyRequest): User | null {
  const value = new URL(request.url, 'http://unused').searchParams.get('private_token')
  const token = value === null ? undefined : world.state.tokens.get(value)
  if (token === undefined) return signedInUser(world, request)
  return world.state.users.get(token.userId) ?? null
}

async function findPage(
  world: World,
  project: Project,
  below: string,
  user: User | null,
): Promise<Page | null> {
  const [kind = '', id = ''] = below.split('/')
  if (kind === '') return projectPage(world, project)
  if (kind === 'merge_requests') {
    const mr = findMergeRequest(world, project.id, Number(id))
    return mr === null ? null : mergeRequestPage(world, mr)
  }
  if (kind === 'commit') {
    const commit = await world.repositories.findCommit(project.gitDir, id)
    return commit === null ? null : commitPage(commit)
  }
  return canReadBuilds(world, project, user) ? findBuildPage(world, project, kind, Number(id)) : null
}

function findBuildPage(world: World, project: Project, kind: string, id: number): Page | null {
  if (kind === 'pipelines') {
    const pipeline = world.state.pipelines.get(id)
    return pipeline?.projectId === project.id ? pipelinePage(world, pipeline) : null
  }
  if (kind !== 'jobs') return null
  const job = world.state.jobs.get(id)
  return job?.projectId === project.id ? jobPage(world, job) : null
}
