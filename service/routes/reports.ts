import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { type Addresses, trainingAddress } from '../domain/addresses.js'
import { parseReportId } from '../domain/identity.js'
import { Problem } from '../errors.js'
import { readFiles, type ResultFile } from '../ingest/files.js'
import { parseJson } from '../ingest/json.js'
import { limits } from '../ingest/limits.js'
import {
  check,
  readJob,
  readPlace,
  readReport,
  readTokenReport,
  type Report,
  type TokenReport,
} from '../ingest/report.js'
import { decode } from '../plugins/body-parser.js'
import { wantsText } from '../plugins/error-handler.js'
import type { AnyProjectAccess } from '../plugins/any-project-access.js'
import { holdsApiToken, type Person } from '../plugins/person-identity.js'
import type { ProjectAccess } from '../plugins/project-access.js'
import { plainLine } from '../render/plain.js'
import type { CiIdentity } from '../schemas/id-token.js'
import { WireContext, WireTokenContext } from '../schemas/report.js'
import type { AnyProject, Project } from '../stores/project-store.js'
import type { ReportIntake, StoredReport } from './report-intake.js'
import type { ReportStatus, ReportStatusReader } from './report-status.js'
import type { TokenIntake } from './token-intake.js'
import { readWaitMs } from './wait-query.js'

export interface ReportRoutesOptions {
  access: ProjectAccess
  anyAccess: AnyProjectAccess
  intake: ReportIntake
  tokenIntake: TokenIntake
  status: ReportStatusReader
  addresses: Addresses
}

/** Who reports: a job, whose token names its project, or a person, whose body does. */
type Reporter = { kind: 'job'; identity: CiIdentity; project: Project } | { kind: 'person'; person: Person }

declare module 'fastify' {
  interface FastifyRequest {
    /** Of `POST /api/v1/reports` alone, set before the body is read. */
    reporter: Reporter
  }
}

/** `POST /api/v1/reports`: what one CI job sends, or a person with an API token. `GET /api/v1/reports/:id`: what came of it. */
export async function reportRoutes(fastify: FastifyInstance, options: ReportRoutesOptions): Promise<void> {
  const { access, anyAccess, intake, tokenIntake, status, addresses } = options
  fastify.decorateRequest('reporter')

  fastify.post('/api/v1/reports', {
    config: { access: 'job-or-person' },
    // Who may not report is refused before the body is read.
    preParsing: async (request, _reply, payload) => {
      request.reporter = await authorise(request)
      return payload
    },
    handler: async (request, reply) => {
      if (request.reporter.kind === 'person') return storeOfPerson(request, reply, request.reporter.person)
      const { identity, project } = request.reporter
      const report = request.isMultipart() ? await readMultipart(request) : readReport(request.body)
      // Curves are tens of thousands of small lists: kept until the answer, each collection of garbage would copy them.
      request.body = null
      const stored = await intake.store(project, identity, report)
      request.log.info({ report: stored.id, models: stored.models.length }, 'Report stored')
      return replyStored(request, reply, project, stored)
    },
  })

  fastify.get<{ Params: { id: string } }>('/api/v1/reports/:id', {
    config: { access: 'job-or-person-or-open-project' },
    handler: async (request, reply) => {
      const waitMs = readWaitMs(request.query)
      const found = await status.wait(request.params.id, {
        mayRead: (project) => mayRead(request, project, request.params.id),
        waitMs,
        isGone: () => request.raw.destroyed,
      })
      return replyStatus(request, reply, found)
    },
  })

  async function authorise(request: FastifyRequest): Promise<Reporter> {
    if (holdsApiToken(request)) return { kind: 'person', person: await getWriter(request) }
    const identity = await request.ciIdentity()
    const project = await access.getForJob(identity.gitlabProjectId)
    if (identity.isFork && !(await access.allowsForks(project))) {
      throw new Problem('FORK_REPORTS_OFF', {
        message: `The job runs code of another project (${identity.tokenProjectId}).`,
      })
    }
    return { kind: 'job', identity, project }
  }

  async function storeOfPerson(request: FastifyRequest, reply: FastifyReply, person: Person) {
    const report = request.isMultipart() ? await readTokenMultipart(request) : readTokenReport(request.body)
    request.body = null
    const { project } = await anyAccess.getAllowed(person, report.project, 'report')
    const stored = await tokenIntake(project, person.gitlabUserId, report)
    request.log.info({ report: stored.id, models: stored.models.length }, 'Report with an API token stored')
    return replyStored(request, reply, project, stored)
  }

  /** The pipeline of a fork is told of its own reports alone. */
  async function mayRead(request: FastifyRequest, project: AnyProject, reportId: string): Promise<boolean> {
    if (request.headers.authorization === undefined || holdsApiToken(request)) {
      return isReadable(await request.findPerson(), project)
    }
    const { gitlabProjectId, isFork, pipelineId } = await request.ciIdentity()
    if (gitlabProjectId !== project.gitlabProjectId) return false
    return !isFork || parseReportId(reportId)?.pipelineId === pipelineId
  }

  /** A report that one may not see is told of in the words for one that there is not. */
  async function isReadable(person: Person | null, { id }: AnyProject): Promise<boolean> {
    try {
      await anyAccess.getReadable(person, id)
      return true
    } catch (error) {
      if (error instanceof Problem && error.code === 'NOT_FOUND') return false
      throw error
    }
  }

  function replyStored(
    request: FastifyRequest,
    reply: FastifyReply,
    project: AnyProject,
    stored: StoredReport,
  ) {
    reply.code(202).header('location', `/api/v1/reports/${stored.id}`)
    if (wantsText(request)) {
      const lines = stored.models.map(
        (model) => `${plainLine(model.name)} on ${plainLine(model.dataset)}: stored`,
      )
      return reply.type('text/plain; charset=utf-8').send([`report ${stored.id}`, ...lines, ''].join('\n'))
    }
    return reply.send({
      report: stored.id,
      models: stored.models.map((model) => ({ id: model._id, url: urlOf(project, model) })),
      links: { merge_request: null },
      verdict: null,
    })
  }

  function urlOf(project: AnyProject, model: StoredReport['models'][number]): string {
    const { _id: id, pipelineId, ...rest } = model
    const pipeline = pipelineId === null ? null : { id: pipelineId }
    return addresses.model(project.path, trainingAddress({ ...rest, id, pipeline }))
  }
}

async function getWriter(request: FastifyRequest): Promise<Person> {
  const person = await request.person()
  if (person.scope === 'write') return person
  throw new Problem('API_TOKEN_READ_ONLY', { message: 'The token may only read.' })
}

/** Files are told apart by their paths; the option is busboy's own. */
const multipartOptions: Parameters<FastifyRequest['parts']>[0] & { preservePath: true } = {
  preservePath: true,
}

/** A part `context` (JSON) and one part `file` per result file. */
async function readMultipart(request: FastifyRequest): Promise<Report> {
  const { context, files } = await readParts(request).catch(unreadable)
  const { job, defaults } = check(WireContext, context ?? {}, 'context')
  return { job: readJob(job), models: readFiles(files, defaults ?? {}) }
}

async function readTokenMultipart(request: FastifyRequest): Promise<TokenReport> {
  const { context, files } = await readParts(request).catch(unreadable)
  const wire = check(WireTokenContext, context ?? {}, 'context')
  return {
    job: readJob(wire.job),
    models: readFiles(files, wire.defaults ?? {}),
    ...readPlace(wire, 'context'),
  }
}

async function readParts(request: FastifyRequest): Promise<{ context: unknown; files: ResultFile[] }> {
  let context: unknown
  const files: ResultFile[] = []
  let sizeBytes = 0
  for await (const part of request.parts(multipartOptions)) {
    if (part.fieldname === 'file' && part.type === 'file') {
      const text = decode(await part.toBuffer())
      sizeBytes += text.length
      if (sizeBytes > limits.bodyBytes)
        throw new Problem('BODY_TOO_LARGE', { message: 'The files are too large.' })
      files.push({ path: part.filename || 'file', text })
    } else if (part.fieldname === 'context' && part.type === 'field') {
      if (part.valueTruncated)
        throw new Problem('LIMIT_EXCEEDED', {
          message: 'The part context has more than 1 MB.',
          field: 'context',
        })
      // A part that calls itself application/json comes parsed.
      context = typeof part.value === 'string' ? parseJson(part.value, 'context') : part.value
    } else {
      const field = part.fieldname
      throw new Problem('UNKNOWN_FIELD', { message: 'Only a part context and parts file are known.', field })
    }
  }
  return { context, files }
}

/** The parser's errors over a body that it cannot read say no status. */
function unreadable(error: unknown): never {
  const isRefusal = error instanceof Problem || (error instanceof Error && 'statusCode' in error)
  if (isRefusal) throw error
  throw new Problem('INVALID_REQUEST', {
    message: `The multipart body cannot be read (${error instanceof Error ? error.message : 'no reason given'}); send it whole, and name its boundary of 1 to 70 characters in Content-Type.`,
    field: 'content-type',
    cause: error,
  })
}

function replyStatus(request: FastifyRequest, reply: FastifyReply, status: ReportStatus) {
  if (wantsText(request)) return reply.type('text/plain; charset=utf-8').send(`${status.lines.join('\n')}\n`)
  const { report, models, mergeRequestUrl, verdict } = status
  return reply.send({ report, models, links: { merge_request: mergeRequestUrl }, verdict })
}
