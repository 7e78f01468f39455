import fastify from 'fastify'
import { MongoClient } from 'mongodb'
import { createSigningKeys } from '../../service/gitlab/keys.js'
import { readReport } from '../../service/ingest/report.js'
import { ciIdentity } from '../../service/plugins/ci-identity.js'
import { durable } from '../../service/stores/database.js'

/**
 * The floor: a bare Fastify route that does what no way of taking a report can leave out. It checks the ID token with
 * the service's own check and cache and the body with the service's own schema, and answers; with `mongodbUrl` it
 * makes one durable insert a request before that.
 */

export interface FloorRequest {
  issuer: string
  jwksUrl: string
  audience: string
  mongodbUrl: string | null
}

process.on('message', (request: FloorRequest) => {
  void listen(request).then((port) => process.send?.(port))
})
process.on('disconnect', () => process.exit())

async function listen({ issuer, jwksUrl, audience, mongodbUrl }: FloorRequest): Promise<number> {
  const app = fastify({ bodyLimit: 32 * 1024 * 1024, http: { maxHeaderSize: 64 * 1024 } })
  const insert = mongodbUrl === null ? null : await inserter(mongodbUrl)
  await app.register(ciIdentity, { keys: createSigningKeys({ url: jwksUrl }), issuer, audience })
  app.post('/api/v1/reports', async (request, reply) => {
    const { jobId } = await request.ciIdentity()
    const report = readReport(request.body)
    await insert?.({ jobId, ...report.models[0] })
    return reply.code(202).send({ models: report.models.length })
  })
  return Number(new URL(await app.listen({ host: '127.0.0.1', port: 0 })).port)
}

async function inserter(mongodbUrl: string): Promise<(doc: object) => Promise<unknown>> {
  const client = await new MongoClient(mongodbUrl, { maxPoolSize: 50, writeConcern: durable }).connect()
  const floor = client.db('mlmm_bench').collection('floor')
  return (doc) => floor.insertOne(doc)
}
