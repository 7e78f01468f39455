import fastify from 'fastify'
import t from 'tap'
import { securityHeaders } from '../../plugins/security-headers.js'

t.test('every answer forbids scripts, frames and guessing of types, also a refusal', async (t) => {
  const app = fastify()
  await app.register(securityHeaders)
  app.get('/page', async () => 'text')
  app.get('/broken', async () => {
    throw new Error('broken')
  })

  for (const [url, status] of [
    ['/page', 200],
    ['/broken', 500],
    ['/none', 404],
  ] as const) {
    const answer = await app.inject(url)
    t.equal(answer.statusCode, status)
    t.match(answer.headers['content-security-policy'], /^default-src 'none';/)
    t.match(answer.headers, {
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'same-origin',
      'strict-transport-security': /max-age=\d{8}/,
    })
  }
})
