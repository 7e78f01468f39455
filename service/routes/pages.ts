import type { FastifyInstance, FastifyRequest } from 'fastify'
import { type PageAddress, parsePageAddress } from '../domain/page-address.js'
import { Problem } from '../errors.js'
import type { PageContext, RenderedPage } from './pages/context.js'
import { createPageErrorHandler } from './pages/errors.js'
import { readHistoryPage } from './pages/history.js'
import { readMergeRequestPage } from './pages/merge-request.js'
import { readModelPage } from './pages/model.js'
import { readProjectPage } from './pages/project.js'
import { readProjectsPage } from './pages/projects.js'

/** Paths of programs; what is not found there is told in their own form. */
const programs = /^\/(api|ci|webhooks)(\/|$)/

/** The pages for people, of projects that are open to everyone. */
export async function pageRoutes(fastify: FastifyInstance, context: PageContext): Promise<void> {
  fastify.setErrorHandler(createPageErrorHandler({ ...context, findProjectPath: findProject }))

  fastify.get('/*', { config: { access: 'open-project' } }, async (request, reply) => {
    const { pathname, query } = addressOf(request)
    if (programs.test(pathname)) return reply.callNotFound()
    const address = parsePageAddress(pathname)
    if (address === null) throw new Problem('NOT_FOUND', { message: 'There is no page at this address.' })
    const { page, view } = await readPage(context, address, query)
    return reply.renderPage(page, view)
  })

  /** The project around a page that was not found, if one may see it. */
  async function findProject(request: FastifyRequest): Promise<string | null> {
    const [projectPart = ''] = addressOf(request).pathname.split('/-/', 1)
    const address = parsePageAddress(projectPart)
    if (address?.page !== 'project') return null
    try {
      return (await context.access.getOpen(address.path)).path
    } catch {
      return null // The page says already what is wrong.
    }
  }
}

async function readPage(
  context: PageContext,
  address: PageAddress,
  query: URLSearchParams,
): Promise<RenderedPage> {
  if (address.page === 'projects') return readProjectsPage(context, query)
  const project = await context.access.getOpen(address.path)
  switch (address.page) {
    case 'project':
      return readProjectPage(context, project, query)
    case 'history':
      return readHistoryPage(context, project, { ...address, query })
    case 'model':
      return readModelPage(context, project, { ...address, query })
    case 'merge-request':
      return readMergeRequestPage(context, project, address.mrIid)
  }
}

/** Read from the request's line itself: what the router makes of it no longer tells `/` from `%2F`. */
function addressOf(request: FastifyRequest): { pathname: string; query: URLSearchParams } {
  const [pathname = '/', ...rest] = (request.raw.url ?? '/').split('?')
  return { pathname, query: new URLSearchParams(rest.join('?')) }
}
