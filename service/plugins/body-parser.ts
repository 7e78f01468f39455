import multipart from '@fastify/multipart'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { Problem } from '../errors.js'
import { parseJson } from '../ingest/json.js'
import { limits } from '../ingest/limits.js'
import { nothingHere } from './error-handler.js'

const largeBodyBytes = 64 * 1024

/** JSON as Python writes it, and multipart bodies. Compressed bodies are refused. */
export const bodyParser = fp(registerBodyParser, { name: 'body-parser', fastify: '5.x' })

async function registerBodyParser(fastify: FastifyInstance): Promise<void> {
  fastify.addHook('onRequest', async (request) => {
    // Before the body, which nobody is to read.
    if (request.is404) throw nothingHere()
    const encoding = request.headers['content-encoding']
    if (encoding === undefined || encoding === 'identity') return
    throw new Problem('UNSUPPORTED_CONTENT_TYPE', {
      message: 'The body is compressed; send it as it is.',
      field: 'content-encoding',
      value: encoding,
    })
  })
  fastify.removeContentTypeParser(['application/json', 'text/plain'])
  fastify.addContentTypeParser(
    ['application/json', 'application/problem+json'],
    { parseAs: 'buffer', bodyLimit: limits.bodyBytes },
    async (_request: unknown, body: Buffer) => {
      if (body.length > largeBodyBytes) await largeBodyTurn()
      return parseJson(decode(body))
    },
  )
  await fastify.register(multipart, {
    limits: {
      fileSize: limits.bodyBytes,
      files: limits.files,
      fields: 1,
      parts: limits.files + 1,
      headerPairs: 20,
    },
  })
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false })

/** @throws Problem INVALID_JSON for bytes that are no UTF-8 */
export function decode(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes)
  } catch (cause) {
    throw new Problem('INVALID_JSON', { message: 'The text is not valid UTF-8.', cause })
  }
}

/** Large bodies go one a turn of the event loop, so that small requests get between them. */
let turn: Promise<void> = Promise.resolve()
function largeBodyTurn(): Promise<void> {
  turn = turn.then(() => new Promise((resolve) => setImmediate(resolve)))
  return turn
}
