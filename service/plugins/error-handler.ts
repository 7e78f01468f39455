import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { type ErrorCode, Problem, errorCatalogue } from '../errors.js'
import { limits } from '../ingest/limits.js'
import { plainLine } from '../render/plain.js'
import { isDatabaseAway } from '../stores/database.js'

/** Answers every error in one form: `application/problem+json`, or lines where `Accept` asks for text. */
export const errorHandler = fp(registerErrorHandler, { name: 'error-handler', fastify: '5.x' })

async function registerErrorHandler(fastify: FastifyInstance): Promise<void> {
  fastify.setErrorHandler((error, request, reply) => sendProblem(request, reply, refuse(error, request)))
  fastify.setNotFoundHandler((request, reply) => sendProblem(request, reply, nothingHere()))
}

export function nothingHere(): Problem {
  return new Problem('NOT_FOUND', { message: 'There is nothing at this address.' })
}

/** Codes of Fastify and its plugins that mean a refusal of ours. */
const fastifyCodes: Record<string, ErrorCode> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'BODY_TOO_LARGE',
  FST_REQ_FILE_TOO_LARGE: 'BODY_TOO_LARGE',
  FST_PARTS_LIMIT: 'LIMIT_EXCEEDED',
  FST_FILES_LIMIT: 'LIMIT_EXCEEDED',
  FST_FIELDS_LIMIT: 'LIMIT_EXCEEDED',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'UNSUPPORTED_CONTENT_TYPE',
  FST_INVALID_MULTIPART_CONTENT_TYPE: 'UNSUPPORTED_CONTENT_TYPE',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'INVALID_JSON',
  FST_ERR_REQUEST_TIMEOUT: 'REQUEST_TIMEOUT',
}

/** Where the words of a plugin do not name the limit. */
const limitMessages: Record<string, string> = {
  FST_FILES_LIMIT: `A report has at most ${limits.files} files.`,
  FST_PARTS_LIMIT: `A report has at most ${limits.files + 1} parts: context and ${limits.files} files.`,
  FST_FIELDS_LIMIT: 'A report has at most one part context.',
}

function toProblem(error: unknown): Problem {
  if (error instanceof Problem) return error
  if (isDatabaseAway(error)) {
    return new Problem('UNAVAILABLE', {
      message: 'The database is away.',
      retryAfterSeconds: 2,
      cause: error,
    })
  }
  const { code = '', statusCode = 500, message = '' } = error as Partial<FastifyError>
  const known = fastifyCodes[code]
  if (known !== undefined) {
    const said = limitMessages[code] ?? `${message || known}.`.replace(/\.+$/, '.')
    return new Problem(known, { message: said, cause: error })
  }
  if (statusCode >= 400 && statusCode < 500) return new Problem('INVALID_REQUEST', { message, cause: error })
  return new Problem('INTERNAL_ERROR', { message: 'Something went wrong here.', cause: error })
}

/** What an error is to the client; logs it. */
export function refuse(error: unknown, request: FastifyRequest): Problem {
  const problem = toProblem(error)
  log(problem, error, request)
  return problem
}

function log(problem: Problem, error: unknown, request: FastifyRequest): void {
  if (problem.status >= 500) request.log.error({ err: error, code: problem.code }, 'Request failed')
  else request.log.info({ code: problem.code, field: problem.field }, 'Request refused')
}

function sendProblem(request: FastifyRequest, reply: FastifyReply, problem: Problem): FastifyReply {
  reply.code(problem.status)
  if (problem.retryAfterSeconds !== null) reply.header('retry-after', problem.retryAfterSeconds)
  if (wantsText(request))
    return reply.type('text/plain; charset=utf-8').send(problemLines(problem, request.id))
  return reply.type('application/problem+json').send(JSON.stringify(problemJson(problem, request.id)))
}

/** Whether the client is a shell: `Accept: text/plain` and nothing it likes better. */
export function wantsText(request: FastifyRequest): boolean {
  return /^\s*text\/plain\b/i.test(request.headers.accept ?? '')
}

function problemJson(problem: Problem, requestId: string) {
  const base = {
    code: problem.code,
    status: problem.status,
    retryable: problem.retryable,
    request: requestId,
  }
  if (problem.status >= 500) return { ...base, title: errorCatalogue[problem.code].help }
  const { message, field, value, help } = problem
  return {
    ...base,
    title: message.toWellFormed(),
    field: field?.toWellFormed() ?? null,
    value: value?.toWellFormed() ?? null,
    help,
  }
}

function problemLines(problem: Problem, requestId: string): string {
  if (problem.status >= 500) return `error ${problem.code}: ${problem.help} (request ${requestId})\n`
  return `error ${problem.code}: ${plainLine(problem.message)} ${problem.help}\n`
}
