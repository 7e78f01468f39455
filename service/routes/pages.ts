import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Addresses } from '../domain/addresses.js'
import { type PageAddress, parsePageAddress } from '../domain/page-address.js'
import { Problem } from '../errors.js'
import { refuse } from '../plugins/error-handler.js'
import { problemView } from '../render/pages/problem.js'
import { createPageReader, type PageReaderOptions, type RenderedPage } from './page-reader.js'

export interface PageRoutesOptions extends Omit<PageReaderOptions, 'addresses'> {
  /** Without the host. */
  addresses: Addresses
}

/** Paths of programs; what is not found there is told in their own form. */
const programs = /^\/(api|ci|webhooks)(\/|$)/

/** The pages for people, of projects that are open to everyone. */
export async function pageRoutes(fastify: FastifyInstance, options: PageRoutesOptions): Promise<void> {
  const read = createPageReader(options)

  fastify.setErrorHandler((error, request, reply) => {
    const problem = refuse(error, request)
    return sendProblemPage(request, reply, problem)
  })

  fastify.get('/*', { config: { access: 'open-project' } }, async (request, reply) => {
    const { pathname, query } = addressOf(request)
    if (programs.test(pathname)) return reply.callNotFound()
    const address = parsePageAddress(pathname)
    if (address === null) throw new Problem('NOT_FOUND', { message: 'There is no page at this address.' })
    return send(reply, await read(address, query))
  })

  function send(reply: FastifyReply, { page, view }: RenderedPage): FastifyReply {
    return reply.type('text/html; charset=utf-8').send(fastify.html.render(page, view))
  }

  function sendProblemPage(request: FastifyRequest, reply: FastifyReply, problem: Problem): FastifyReply {
    const { status, message, help, retryAfterSeconds } = problem
    const isOurs = status >= 500
    if (retryAfterSeconds !== null) reply.header('retry-after', retryAfterSeconds)
    const view = problemView({
      status,
      message: isOurs ? '' : message,
      help,
      requestId: request.id,
      projectPath: projectOf(parsePageAddress(addressOf(request).pathname)),
      addresses: options.addresses,
    })
    return reply.code(status).type('text/html; charset=utf-8').send(fastify.html.render('problem', view))
  }
}

/** Read from the request's line itself: what the router makes of it no longer tells `/` from `%2F`. */
function addressOf(request: FastifyRequest): { pathname: string; query: URLSearchParams } {
  const [pathname = '/', ...rest] = (request.raw.url ?? '/').split('?')
  return { pathname, query: new URLSearchParams(rest.join('?')) }
}

/** The project around a page that was not found; null where the project itself was not. */
function projectOf(address: PageAddress | null): string | null {
  if (address === null || address.page === 'projects' || address.page === 'project') return null
  return address.path
}
