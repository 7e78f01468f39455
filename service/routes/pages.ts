import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { type PageAddress, parsePageAddress, type ResultsFormat } from '../domain/page-address.js'
import { Problem } from '../errors.js'
import type { AnyReader } from '../plugins/any-project-access.js'
import type { AnyProject } from '../stores/project-store.js'
import { notFound, type PageContext, type RenderedPage } from './pages/context.js'
import { createPageErrorHandler } from './pages/errors.js'
import { readHistoryPage } from './pages/history.js'
import { readMergeRequestPage } from './pages/merge-request.js'
import { readModelPage } from './pages/model.js'
import { readProjectPage } from './pages/project.js'
import { readProjectsPage } from './pages/projects.js'
import { readResultsPage } from './pages/results.js'
import { sendResults } from './pages/results-export.js'
import { readSettingsPage } from './pages/settings.js'

/** Paths of programs; what is not found there is told in their own form. */
const programs = /^\/(api|ci|webhooks)(\/|$)/

/** The pages of projects, for those who may read them. */
export async function pageRoutes(fastify: FastifyInstance, context: PageContext): Promise<void> {
  fastify.setErrorHandler(createPageErrorHandler({ ...context, findProjectPath: findProject }))

  fastify.get('/*', { config: { access: 'person-or-open-project' } }, async (request, reply) => {
    const { pathname, query } = addressOf(request)
    if (programs.test(pathname)) return reply.callNotFound()
    const address = parsePageAddress(pathname)
    if (address === null) throw new Problem('NOT_FOUND', { message: 'There is no page at this address.' })
    const person = await request.findPerson()
    if (address.page === 'projects') return send(reply, await readProjectsPage(context, person, query))
    const reader = await context.anyAccess.getReadable(person, address.path)
    const { project } = reader
    if (!isSamePath(project.path, address.path)) return reply.redirect(atNewPath(request, project), 302)
    if (address.page === 'settings') return send(reply, await readSettingsPage(context, reader, query))
    if (address.page === 'results')
      return sendResultsAs(reply, project, { format: address.format, params: query })
    return send(reply, await readPage(context, reader, address, query))
  })

  async function sendResultsAs(
    reply: FastifyReply,
    project: AnyProject,
    { format, params }: { format: ResultsFormat; params: URLSearchParams },
  ): Promise<unknown> {
    if (format !== 'html') return sendResults(context, project, { format, params, reply })
    const page = await readResultsPage(context, project, params)
    return 'location' in page ? reply.redirect(page.location, 303) : send(reply, page)
  }

  /** Whoever may read a renamed project is led to where its page is now; not for good, as another may get the path. */
  function atNewPath(request: FastifyRequest, project: AnyProject): string {
    const url = request.raw.url ?? '/'
    const at = url.indexOf('?')
    const [, ...page] = (at === -1 ? url : url.slice(0, at)).split('/-/')
    return [context.addresses.project(project.path), ...page].join('/-/') + (at === -1 ? '' : url.slice(at))
  }

  /** The project around a page that was not found, if one may see it. */
  async function findProject(request: FastifyRequest): Promise<string | null> {
    const [projectPart = ''] = addressOf(request).pathname.split('/-/', 1)
    const address = parsePageAddress(projectPart)
    if (address?.page !== 'project') return null
    try {
      return (await context.anyAccess.getReadable(await request.findPerson(), address.path)).project.path
    } catch {
      return null // The page says already what is wrong.
    }
  }
}

async function readPage(
  context: PageContext,
  reader: AnyReader,
  address: Exclude<PageAddress, { page: 'projects' | 'settings' | 'results' }>,
  query: URLSearchParams,
): Promise<RenderedPage> {
  const { project } = reader
  switch (address.page) {
    case 'project':
      return readProjectPage(context, reader, query)
    case 'history':
      return readHistoryPage(context, project, { ...address, query })
    case 'model':
      return readModelPage(context, reader, { ...address, query })
    case 'merge-request':
      if (project.gitlabProjectId === null) throw notFound('There is no page at this address.')
      return readMergeRequestPage(
        context,
        { project, accessLevel: reader.accessLevel },
        { ...address, query },
      )
  }
}

function send(reply: FastifyReply, { page, view, status = 200 }: RenderedPage): Promise<string> {
  return reply.code(status).renderPage(page, view)
}

/** As GitLab compares paths. */
function isSamePath(one: string, other: string): boolean {
  return one.localeCompare(other, 'en', { sensitivity: 'accent' }) === 0
}

/** Read from the request's line itself: what the router makes of it no longer tells `/` from `%2F`. */
function addressOf(request: FastifyRequest): { pathname: string; query: URLSearchParams } {
  const [pathname = '/', ...rest] = (request.raw.url ?? '/').split('?')
  return { pathname, query: new URLSearchParams(rest.join('?')) }
}
