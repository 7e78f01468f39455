import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { inspect } from 'node:util'
import t, { type Test } from 'tap'
import { startSimulator } from '../../../simulator/simulator.js'
import { createOAuth, OAuthError } from '../../gitlab/oauth.js'

const redirectUri = 'https://mlmm.example.com/-/sign-in/callback'
const simulator = await startSimulator({ relativePath: '/gitlab' })
t.teardown(() => simulator.close())
const person = simulator.createUser({ username: 'maya', name: 'Maya' })
const { clientId, clientSecret } = simulator.createApplication({
  name: 'mlmm',
  redirectUri,
  scopes: 'read_user api',
})
const oauth = createOAuth({ url: simulator.url, apiUrl: simulator.url, clientId, clientSecret, redirectUri })

async function failureOf(call: Promise<unknown>): Promise<OAuthError> {
  const error = await call.then(
    () => null,
    (reason: unknown) => reason,
  )
  if (error instanceof OAuthError) return error
  throw new Error(`expected an OAuthError, got ${inspect(error)}`)
}

t.test('a person signs in, the pair is renewed and taken back', async (t) => {
  const { url, state, verifier } = await oauth.begin({ scopes: ['read_user'] })
  t.match(url, `${simulator.url}/oauth/authorize?`)
  t.match(Object.fromEntries(new URL(url).searchParams), {
    code_challenge_method: 'S256',
    state,
    scope: 'read_user',
  })

  const callbackUrl = simulator.authorize({ userId: person.id, url })
  const first = await oauth.finish({ callbackUrl, state, verifier })
  t.match(first, { scopes: ['read_user'], expiresInSeconds: 7200 })
  const second = await oauth.refresh(first.refreshToken ?? '')
  t.not(second.accessToken, first.accessToken)
  t.match(await failureOf(oauth.refresh(first.refreshToken ?? '')), {
    kind: 'invalid_grant',
    status: 400,
    outcomeUnknown: false,
  })
  await oauth.revoke(second.accessToken)
  t.not(simulator.state.tokens.get(second.accessToken)?.state, 'active')
})

t.test('another state, another verifier and a refusal give no tokens', async (t) => {
  const { url, state, verifier } = await oauth.begin({ scopes: ['read_user'] })
  const callbackUrl = simulator.authorize({ userId: person.id, url })
  const denied = simulator.authorize({ userId: person.id, url, decision: 'deny' })

  t.match(await failureOf(oauth.finish({ callbackUrl, state: 'x', verifier })), {
    kind: 'other',
    status: null,
  })
  t.match(await failureOf(oauth.finish({ callbackUrl: denied, state, verifier })), { kind: 'denied' })
  t.match(await failureOf(oauth.finish({ callbackUrl, state, verifier: 'v'.repeat(43) })), {
    kind: 'invalid_grant',
  })
})

t.test('a wrong secret is the fault of the application, not of the grant', async (t) => {
  const wrong = createOAuth({
    url: simulator.url,
    apiUrl: simulator.url,
    clientId,
    clientSecret: 'no',
    redirectUri,
  })

  t.match(await failureOf(wrong.refresh('x')), { kind: 'invalid_client', status: 401 })
})

async function against(t: Test, handler: (response: ServerResponse) => void, timeoutMs = 2_000) {
  let calls = 0
  const server = createServer((_request, response) => {
    calls += 1
    handler(response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const apiUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const oauth = createOAuth({
    url: 'https://git.example.com',
    apiUrl,
    clientId,
    clientSecret: 'the-secret',
    redirectUri,
    timeoutMs,
  })
  return { oauth, calls: () => calls }
}

t.test('an outcome that nobody knows is told from a refusal', async (t) => {
  const cases: [string, (response: ServerResponse) => void, object][] = [
    ['cut', (response) => response.destroy(), { kind: 'unavailable', outcomeUnknown: true }],
    [
      '502',
      (response) => response.writeHead(502).end('<html>'),
      { kind: 'unavailable', outcomeUnknown: true },
    ],
    ['no answer', () => {}, { kind: 'unavailable', outcomeUnknown: true }],
    [
      '429',
      (response) => response.writeHead(429, { 'retry-after': '7' }).end(),
      { kind: 'unavailable', outcomeUnknown: false, retryAfterMs: 7_000 },
    ],
    ['no JSON', (response) => response.writeHead(200).end('{'), { kind: 'other', outcomeUnknown: true }],
    [
      'moved',
      (response) => response.writeHead(302, { location: '/elsewhere' }).end(),
      { kind: 'other', outcomeUnknown: false },
    ],
  ]
  for (const [name, handler, expected] of cases) {
    const { oauth, calls } = await against(t, handler, 300)
    const error = await failureOf(oauth.refresh('the-refresh-token'))
    t.match(error, expected, name)
    t.equal(calls(), 1, 'one try')
    t.notMatch(inspect(error), /the-refresh-token|the-secret/)
  }
})

t.test('a connection that was refused has changed nothing', async (t) => {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  await new Promise((resolve) => server.close(resolve))
  const nobody = createOAuth({
    url,
    apiUrl: url,
    clientId,
    clientSecret,
    redirectUri,
  })

  t.match(await failureOf(nobody.refresh('x')), { kind: 'unavailable', outcomeUnknown: false })
})

t.test('an answer without scope and with another spelling of the type is read', async (t) => {
  const { oauth } = await against(t, (response) =>
    response.writeHead(200, { 'content-type': 'application/json' }).end(
      JSON.stringify({
        access_token: 'a',
        refresh_token: 'r',
        token_type: 'BEARER',
        expires_in: 7200,
        created_at: 1,
      }),
    ),
  )

  t.same(await oauth.refresh('x'), {
    accessToken: 'a',
    refreshToken: 'r',
    expiresInSeconds: 7200,
    scopes: null,
  })
})
