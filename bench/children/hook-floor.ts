import { createHash, timingSafeEqual } from 'node:crypto'
import fastify from 'fastify'
import { MongoClient } from 'mongodb'
import { durable } from '../../service/stores/database.js'

/** The floor of webhooks: a bare Fastify route that checks the secret in constant time, parses the body, and makes one
 * durable insert a request, for which it has the hash of the secret in memory. */

export interface HookFloorRequest {
  mongodbUrl: string
  secret: string
}

process.on('message', (request: HookFloorRequest) => {
  void listen(request).then((port) => process.send?.(port))
})
process.on('disconnect', () => process.exit())

async function listen({ mongodbUrl, secret }: HookFloorRequest): Promise<number> {
  const client = await new MongoClient(mongodbUrl, { maxPoolSize: 50, writeConcern: durable }).connect()
  const floor = client.db('mlmm_bench').collection('hook-floor')
  const expected = digest(secret)
  const app = fastify()
  app.post('/webhooks/gitlab/:projectId', async (request, reply) => {
    const given = digest(String(request.headers['x-gitlab-token']))
    if (!timingSafeEqual(given, expected)) return reply.code(401).send({})
    await floor.insertOne({ key: request.headers['idempotency-key'], at: new Date() })
    return { status: 'note' }
  })
  return Number(new URL(await app.listen({ host: '127.0.0.1', port: 0 })).port)
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
