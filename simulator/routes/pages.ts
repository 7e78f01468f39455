import type { FastifyInstance } from 'fastify'

import type { World } from '../world.js'
import { isGitPath, serveGit } from './git.js'

/** Everything below a project's path: pages for people, and the reading half of git. */
export function addPageRoutes(app: FastifyInstance, world: World): void {
  app.get('/*', async (request, reply) => {
    const { pathname } = new URL(request.url, 'http://unused')
    if (isGitPath(pathname.slice(world.settings.relativePath.length))) {
      await serveGit(world, request, reply)
      return reply
    }
    return reply.code(404).type('text/plain').send('Not found\n')
  })
}
