import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Addresses } from '../../domain/addresses.js'
import { returnPath } from '../../domain/return-path.js'
import { refuse } from '../../plugins/error-handler.js'
import { problemView } from '../../render/pages/problem.js'

export interface PageErrorOptions {
  /** Without the host. */
  addresses: Addresses
  publicUrl: string
  /** The project around the page, if there is one and the visitor may see it. */
  findProjectPath?: (request: FastifyRequest) => Promise<string | null>
}

type PageErrorHandler = (error: unknown, request: FastifyRequest, reply: FastifyReply) => Promise<unknown>

/** Answers errors with a page that says what to do. Who has to sign in for a page is led there and back. */
export function createPageErrorHandler(options: PageErrorOptions): PageErrorHandler {
  const { addresses, publicUrl, findProjectPath } = options
  const basePath = new URL(publicUrl).pathname.replace(/\/$/, '')

  return async (error, request, reply) => {
    const problem = refuse(error, request)
    const { status, message, help, code } = problem
    const cameFrom = returnPath(`${basePath}${request.raw.url ?? '/'}`, basePath)
    if (code === 'SIGN_IN_NEEDED' && request.method === 'GET') {
      return reply.header('cache-control', 'no-store').redirect(addresses.signIn(cameFrom), 303)
    }
    if (problem.retryAfterSeconds !== null) reply.header('retry-after', problem.retryAfterSeconds)
    const view = problemView({
      code,
      status,
      message,
      help,
      requestId: request.id,
      retryAfterSeconds: problem.retryAfterSeconds,
      retryHref:
        problem.retryable && request.method === 'GET'
          ? isSignIn(request)
            ? addresses.signIn()
            : cameFrom
          : null,
      projectPath: status < 500 ? ((await findProjectPath?.(request)) ?? null) : null,
      signInHref: signInCodes.has(code) ? addresses.signIn() : null,
      addresses,
    })
    return reply.code(status).send(await reply.renderPage('problem', view))
  }
}

/** The way to GitLab and back works once, so that it begins anew. */
function isSignIn(request: FastifyRequest): boolean {
  return (request.raw.url ?? '').startsWith('/-/sign-in')
}

/** What trying to sign in again may mend. */
const signInCodes = new Set([
  'SIGN_IN_NEEDED',
  'SIGN_IN_DENIED',
  'SIGN_IN_STALE',
  'SIGN_IN_REFUSED',
  'GRANT_MISSING',
  'GRANT_LOST',
  'GRANT_REVOKED',
])
