import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { Problem } from '../errors.js'
import { readContents } from '../ingest/files.js'
import { check } from '../ingest/report.js'
import { wantsText } from '../plugins/error-handler.js'
import type { PersonAccess } from '../plugins/person-access.js'
import { type Preview, type PreviewSide, preview } from '../preview.js'
import { verdictJson } from '../render/verdict-json.js'
import { PreviewBody } from '../schemas/preview.js'

const bodyLimit = 1024 * 1024

/** What stands in for names that a result file does not give. */
const defaults = { model: 'model', dataset: 'default' }

export interface PreviewRoutesOptions {
  personAccess: Pick<PersonAccess, 'getUser'>
}

/** `POST /api/v1/preview`: the note of two reports. Stores nothing and reads nothing that is stored. */
export async function previewRoutes(
  fastify: FastifyInstance,
  { personAccess }: PreviewRoutesOptions,
): Promise<void> {
  const turns = createTurns()

  fastify.post('/api/v1/preview', {
    config: { access: 'person', changesNothing: true },
    bodyLimit,
    // Who may not ask is refused before the body is read.
    preParsing: async (request, _reply, payload) => {
      await authorise(request, personAccess)
      return payload
    },
    handler: async (request, reply) => {
      const { base, head, rules } = check(PreviewBody, request.body, '')
      const result = turns.take(() =>
        preview({
          base: base === undefined || base === null ? null : readSide('base', base),
          head: readSide('head', head),
          rules: rules ?? null,
        }),
      )
      return send(request, reply, result)
    },
  })
}

const quickMs = 500
/** Of the time, for all previews that are not quick together. */
const share = 0.2

/** A preview holds the whole process while it is made, so that large ones leave it free for a while after. */
function createTurns() {
  let freeAtMs = 0

  /** @throws Problem TOO_MANY_PREVIEWS */
  function take<T>(work: () => T): T {
    const startedAtMs = performance.now()
    const waitMs = freeAtMs - startedAtMs
    if (waitMs > 0) {
      const message = 'Another large preview was made just now.'
      throw new Problem('TOO_MANY_PREVIEWS', { message, retryAfterSeconds: Math.ceil(waitMs / 1000) })
    }
    try {
      return work()
    } finally {
      const endedAtMs = performance.now()
      const tookMs = endedAtMs - startedAtMs
      if (tookMs > quickMs) freeAtMs = endedAtMs + tookMs / share - tookMs
    }
  }

  return { take }
}

/** Anybody who is active in GitLab, or the ID token of any job of the instance. */
async function authorise(
  request: FastifyRequest,
  personAccess: PreviewRoutesOptions['personAccess'],
): Promise<void> {
  const isIdToken = /^Bearer +(?!mlmm_)\S/i.test(request.headers.authorization ?? '')
  if (isIdToken) await request.ciIdentity()
  else await personAccess.getUser(await request.person())
}

function readSide(source: string, content: unknown): PreviewSide {
  return { source, models: readContents([{ path: source, content }], defaults) }
}

function send(request: FastifyRequest, reply: FastifyReply, result: Preview): FastifyReply {
  const { note, lines, problems } = result
  if (/^\s*text\/markdown\b/i.test(request.headers.accept ?? '')) {
    return reply.type('text/markdown; charset=utf-8').send(note)
  }
  if (wantsText(request)) return reply.type('text/plain; charset=utf-8').send(`${lines.join('\n')}\n`)
  return reply.send({ note, lines, verdict: verdictJson(result), problems })
}
