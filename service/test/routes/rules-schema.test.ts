import fastify from 'fastify'
import t from 'tap'
import { rulesSchemaRoutes } from '../../routes/rules-schema.js'
import { rulesJsonSchema } from '../../schemas/rules.js'

t.test('the JSON Schema of the rules is served, and once is enough', async (t) => {
  const app = fastify()
  t.teardown(() => app.close())
  await app.register(rulesSchemaRoutes)

  const first = await app.inject('/schemas/mlmm-rules.json')
  const headers = { 'if-none-match': String(first.headers.etag) }
  const again = await app.inject({ url: '/schemas/mlmm-rules.json', headers })

  t.equal(first.statusCode, 200)
  t.equal(first.headers['content-type'], 'application/schema+json; charset=utf-8')
  t.match(first.headers['cache-control'], /max-age/)
  t.same(first.json(), JSON.parse(JSON.stringify(rulesJsonSchema)))
  t.equal(again.statusCode, 304)
  t.equal(again.body, '')
})
