import { createHmac, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import Fastify, { type FastifyInstance } from 'fastify'
import { SignJWT, type JWK, type JWTPayload } from 'jose'
import t, { type Test } from 'tap'
import { Problem } from '../../errors.js'
import { createSigningKeys, type SigningKeys, type StoredKeys } from '../../gitlab/keys.js'
import { ciIdentity } from '../../plugins/ci-identity.js'
import { refusals } from '../../plugins/refusals.js'

const issuer = 'https://gitlab.example.com'
const audience = 'https://mlmm.example.com'
const sha = '714a629c0b401fdce83e847fc9589983fc6f46bc'

interface Pair {
  kid: string
  privateKey: KeyObject
  publicKey: KeyObject
}

const [gitlabPair, nextPair, foreignPair] = ['ci-1', 'ci-2', 'foreign'].map(pair) as [Pair, Pair, Pair]

function pair(kid: string): Pair {
  return { kid, ...generateKeyPairSync('rsa', { modulusLength: 2048 }) }
}

function jwk({ kid, publicKey }: Pair): JWK {
  return { ...publicKey.export({ format: 'jwk' }), kid, use: 'sig', alg: 'RS256' }
}

/** Claims as GitLab 16.0 sends them. */
function claims(changes: Record<string, unknown> = {}): JWTPayload {
  const seconds = Math.floor(Date.now() / 1000)
  const all = {
    namespace_id: '72',
    namespace_path: 'my-group',
    project_id: '20',
    project_path: 'my-group/my-project',
    user_id: '1',
    user_login: 'sample-user',
    user_email: 'sample-user@example.com',
    pipeline_id: '574',
    pipeline_source: 'push',
    job_id: '302',
    ref: 'feature-branch-1',
    ref_type: 'branch',
    ref_path: 'refs/heads/feature-branch-1',
    ref_protected: 'false',
    runner_id: 1,
    runner_environment: 'self-hosted',
    sha,
    jti: '235b3a54-b797-45c7-ae9a-f72d7bc6ef5b',
    iss: issuer,
    iat: seconds,
    nbf: seconds - 5,
    exp: seconds + 3600,
    sub: 'project_path:my-group/my-project:ref_type:branch:ref:feature-branch-1',
    aud: audience,
    ...changes,
  }
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined))
}

function sign(payload: JWTPayload, by = gitlabPair, header: Record<string, unknown> = {}): Promise<string> {
  return new SignJWT(payload).setProtectedHeader({ alg: 'RS256', kid: by.kid, ...header }).sign(by.privateKey)
}

function encoded(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

/** A real HTTP server that answers with a key set, and can be down. */
async function startKeyServer(keys: JWK[]) {
  const state = { keys, fetches: 0, down: false, body: null as string | null }
  const server: Server = createServer((_request, response) => {
    state.fetches += 1
    if (state.down)
      return response.writeHead(502, { 'content-type': 'text/html' }).end('<html>Bad Gateway</html>')
    response.writeHead(200, { 'content-type': 'application/json' })
    return response.end(state.body ?? JSON.stringify({ keys: state.keys }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/oauth/discovery/keys`
  return { state, url }
}

function startKeys(test: Test, options: Parameters<typeof createSigningKeys>[0]): SigningKeys {
  const keys = createSigningKeys(options)
  test.teardown(() => keys.close())
  return keys
}

async function startApp(
  test: Test,
  keys: SigningKeys,
  now: () => number = Date.now,
): Promise<FastifyInstance> {
  const app = Fastify({ http: { maxHeaderSize: 131_072 } })
  await app.register(refusals)
  await app.register(ciIdentity, { keys, issuer, audience, now })
  app.get('/who', (request) => request.ciIdentity())
  app.setErrorHandler((error, _request, reply) => {
    if (!(error instanceof Problem)) throw error
    const { code, message, field, value } = error
    return reply.code(error.status).send({ code, message, field, value })
  })
  test.teardown(() => app.close())
  return app
}

async function who(app: FastifyInstance, authorization?: string) {
  const response = await app.inject({
    url: '/who',
    headers: authorization === undefined ? {} : { authorization },
  })
  return { status: response.statusCode, body: response.json() as Record<string, unknown> }
}

async function startAppWithKey(test: Test): Promise<FastifyInstance> {
  const server = await startKeyServer([jwk(pair('openid')), jwk(gitlabPair)])
  return startApp(test, startKeys(test, { url: server.url }))
}

const startSeconds = Math.floor(Date.now() / 1000)
const publicPem = gitlabPair.publicKey.export({ type: 'spki', format: 'pem' }) as string
const good = await sign(claims())
const [goodHeader, , goodSignature] = good.split('.')
const hs256 = `${encoded({ alg: 'HS256', kid: 'ci-1' })}.${encoded(claims())}`
const rs256 = `${encoded({ alg: 'RS256', kid: 'ci-1' })}.${encoded(claims())}`

const badTokens: [name: string, authorization: string | undefined, code: string, message: RegExp][] = [
  ['no header', undefined, 'ID_TOKEN_MISSING', /no Authorization header/],
  ['an empty header', '', 'ID_TOKEN_MISSING', /no Authorization header/],
  ['Basic', 'Basic dXNlcjpwYXNz', 'ID_TOKEN_MISSING', /not "Bearer"/],
  ['Bearer alone', 'Bearer ', 'ID_TOKEN_MISSING', /not "Bearer"/],
  ['two words', `Bearer ${good} again`, 'ID_TOKEN_MISSING', /not "Bearer"/],
  ['garbage', 'Bearer garbage', 'ID_TOKEN_INVALID', /malformed/],
  ['garbage with dots', 'Bearer a.b.c', 'ID_TOKEN_INVALID', /header/],
  ['binary garbage', `Bearer ${encoded({ alg: 'RS256', kid: 'ci-1' })}.%%.x`, 'ID_TOKEN_INVALID', /payload/],
  [
    'a payload that is a list',
    `Bearer ${goodHeader}.${encoded([1])}.${goodSignature}`,
    'ID_TOKEN_INVALID',
    /object/,
  ],
  ['an oversized token', `Bearer ${'a'.repeat(32_769)}`, 'ID_TOKEN_INVALID', /32769 characters; 32768/],
  [
    'wrong issuer',
    await sign(claims({ iss: 'https://evil.example.com' })),
    'ID_TOKEN_WRONG_ISSUER',
    /"https:\/\/evil.example.com"; expected https:\/\/gitlab.example.com/,
  ],
  [
    'issuer with a slash more',
    await sign(claims({ iss: `${issuer}/` })),
    'ID_TOKEN_WRONG_ISSUER',
    /expected/,
  ],
  ['no issuer', await sign(claims({ iss: undefined })), 'ID_TOKEN_WRONG_ISSUER', /missing/],
  [
    'wrong audience',
    await sign(claims({ aud: 'https://vault.example.com' })),
    'ID_TOKEN_WRONG_AUDIENCE',
    /"https:\/\/vault.example.com"; expected https:\/\/mlmm.example.com and no other/,
  ],
  [
    'an extra audience',
    await sign(claims({ aud: [audience, 'https://vault.example.com'] })),
    'ID_TOKEN_WRONG_AUDIENCE',
    /\["https:\/\/mlmm.example.com", "https:\/\/vault.example.com"\]/,
  ],
  [
    'our audience twice',
    await sign(claims({ aud: [audience, audience] })),
    'ID_TOKEN_WRONG_AUDIENCE',
    /expected/,
  ],
  ['no audience', await sign(claims({ aud: undefined })), 'ID_TOKEN_WRONG_AUDIENCE', /missing/],
  ['expired', await sign(claims({ exp: startSeconds - 61 })), 'ID_TOKEN_EXPIRED', /expired at 20\d\d-/],
  [
    'not yet valid',
    await sign(claims({ nbf: startSeconds + 90 })),
    'ID_TOKEN_INVALID',
    /not valid before 20\d\d-/,
  ],
  [
    'issued in the future',
    await sign(claims({ iat: startSeconds + 90 })),
    'ID_TOKEN_INVALID',
    /issued in the future/,
  ],
  ['no exp', await sign(claims({ exp: undefined })), 'ID_TOKEN_INVALID', /exp claim is required/],
  ['exp as text', await sign(claims({ exp: '9999999999' })), 'ID_TOKEN_INVALID', /claim exp .* "9999999999"/],
  ['exp beyond all dates', await sign(claims({ exp: 1e300 })), 'ID_TOKEN_INVALID', /claim exp/],
  ['nbf beyond all dates', await sign(claims({ nbf: 1e300 })), 'ID_TOKEN_INVALID', /claim nbf/],
  ['no sub', await sign(claims({ sub: undefined })), 'ID_TOKEN_INVALID', /sub claim is required/],
  [
    'a foreign key under the id of a known one',
    await sign(claims(), foreignPair, { kid: 'ci-1' }),
    'ID_TOKEN_INVALID',
    /signature is invalid/,
  ],
  ['a foreign key', await sign(claims(), foreignPair), 'ID_TOKEN_INVALID', /GitLab does not have: "foreign"/],
  [
    'no key id',
    await sign(claims(), gitlabPair, { kid: undefined }),
    'ID_TOKEN_INVALID',
    /does not name its key/,
  ],
  ['RS512', await sign(claims(), gitlabPair, { alg: 'RS512' }), 'ID_TOKEN_INVALID', /signed with "RS512"/],
  ['PS256', await sign(claims(), gitlabPair, { alg: 'PS256' }), 'ID_TOKEN_INVALID', /signed with "PS256"/],
  ['alg none', `${encoded({ alg: 'none' })}.${encoded(claims())}.`, 'ID_TOKEN_INVALID', /signed with "none"/],
  ['RS256 without a signature', `${rs256}.`, 'ID_TOKEN_INVALID', /[Uu]nsigned/],
  [
    'HS256 with the public key',
    `${hs256}.${createHmac('sha256', publicPem).update(hs256).digest('base64url')}`,
    'ID_TOKEN_INVALID',
    /signed with "HS256"/,
  ],
  [
    'HS256 with the public key, called RS256',
    `${rs256}.${createHmac('sha256', publicPem).update(rs256).digest('base64url')}`,
    'ID_TOKEN_INVALID',
    /signature is invalid/,
  ],
  [
    'changed claims',
    `${goodHeader}.${encoded(claims({ project_id: '21' }))}.${goodSignature}`,
    'ID_TOKEN_INVALID',
    /signature is invalid/,
  ],
  ['no project', await sign(claims({ project_id: undefined })), 'ID_TOKEN_INVALID', /project_id .* missing/],
  [
    'a project that is a path',
    await sign(claims({ project_id: 'a/b' })),
    'ID_TOKEN_INVALID',
    /project_id .* "a\/b"/,
  ],
  ['project 0', await sign(claims({ project_id: '0' })), 'ID_TOKEN_INVALID', /project_id/],
  [
    'a project beyond 2^53',
    await sign(claims({ project_id: '9007199254740993' })),
    'ID_TOKEN_INVALID',
    /project_id/,
  ],
  ['a negative pipeline', await sign(claims({ pipeline_id: -5 })), 'ID_TOKEN_INVALID', /pipeline_id/],
  ['a short sha', await sign(claims({ sha: 'abc' })), 'ID_TOKEN_INVALID', /claim sha/],
  ['a strange ref type', await sign(claims({ ref_type: 'note' })), 'ID_TOKEN_INVALID', /ref_type .* "note"/],
]

t.test('a token of GitLab 16.0 gives the identity, numbers as numbers', async (t) => {
  const app = await startAppWithKey(t)
  const { status, body } = await who(app, `Bearer ${await sign(claims())}`)

  t.equal(status, 200)
  t.match(body, {
    gitlabProjectId: 20,
    projectPath: 'my-group/my-project',
    namespacePath: 'my-group',
    tokenProjectId: 20,
    jobProjectId: null,
    isFork: false,
    userId: 1,
    userLogin: 'sample-user',
    pipelineId: 574,
    pipelineSource: 'push',
    jobId: 302,
    ref: 'feature-branch-1',
    refType: 'branch',
    refProtected: false,
    sha,
  })
})

t.test('a token of GitLab 18.4 for a fork is for the project that ran the job', async (t) => {
  const app = await startAppWithKey(t)
  const token = await sign(
    claims({
      project_id: '99',
      project_path: 'outsider/my-project',
      job_project_id: '20',
      job_project_path: 'my-group/my-project',
      job_namespace_path: 'my-group',
      ref_protected: 'true',
      pipeline_source: 'merge_request_event',
    }),
  )

  const { body } = await who(app, `Bearer ${token}`)

  t.match(body, {
    gitlabProjectId: 20,
    projectPath: 'my-group/my-project',
    tokenProjectId: 99,
    jobProjectId: 20,
    isFork: true,
    refProtected: true,
  })
})

t.test('a token may have the audience as a list of one', async (t) => {
  const app = await startAppWithKey(t)
  const { status } = await who(app, `Bearer ${await sign(claims({ aud: [audience] }))}`)

  t.equal(status, 200)
})

t.test('a token may be a minute off either way', async (t) => {
  const app = await startAppWithKey(t)
  const seconds = Math.floor(Date.now() / 1000)

  const ended = await who(app, `Bearer ${await sign(claims({ exp: seconds - 50 }))}`)
  const early = await who(app, `Bearer ${await sign(claims({ nbf: seconds + 50, iat: seconds + 50 }))}`)

  t.equal(ended.status, 200)
  t.equal(early.status, 200)
})

t.test('a token may be hours old, for jobs run for hours', async (t) => {
  const app = await startAppWithKey(t)
  const seconds = Math.floor(Date.now() / 1000)

  const { status } = await who(
    app,
    `Bearer ${await sign(claims({ iat: seconds - 86_400, nbf: seconds - 86_405 }))}`,
  )

  t.equal(status, 200)
})

t.test('a bad token is refused with 401, its code and what was found', async (t) => {
  const server = await startKeyServer([jwk(gitlabPair)])
  const app = await startApp(t, startKeys(t, { url: server.url }))
  for (const [name, authorization, code, message] of badTokens) {
    t.test(name, async (t) => {
      const isToken =
        authorization !== undefined && authorization !== '' && !/^(?:Bearer|Basic)/.test(authorization)
      const { status, body } = await who(app, isToken ? `Bearer ${authorization}` : authorization)

      t.equal(status, 401)
      t.equal(body.code, code)
      t.match(body.message, message)
      t.notMatch(JSON.stringify(body), /eyJ/, 'never quotes the token')
      t.ok(String(body.message).length < 300, 'stays short')
    })
  }
})

t.test('a flood of unknown key ids fetches the keys once', async (t) => {
  const server = await startKeyServer([jwk(gitlabPair)])
  const app = await startApp(t, startKeys(t, { url: server.url }))
  await who(app, `Bearer ${await sign(claims())}`)
  const tokens = Array.from({ length: 50 }, (_, index) =>
    sign(claims(), foreignPair, { kid: `made-up-${index}` }),
  )

  const answers = await Promise.all((await Promise.all(tokens)).map((token) => who(app, `Bearer ${token}`)))

  t.ok(answers.every(({ status }) => status === 401))
  t.equal(server.state.fetches, 1)
})

t.test('a token of another issuer fetches nothing and reaches no server of its choice', async (t) => {
  const server = await startKeyServer([jwk(gitlabPair)])
  const evil = await startKeyServer([jwk(foreignPair)])
  const keys = startKeys(t, { url: server.url })
  const app = await startApp(t, keys)
  await keys.refresh()
  const fetches = server.state.fetches
  const token = await sign(claims({ iss: new URL(evil.url).origin }), foreignPair, {
    jku: evil.url,
    jwk: jwk(foreignPair),
  })

  const { body } = await who(app, `Bearer ${token}`)

  t.equal(body.code, 'ID_TOKEN_WRONG_ISSUER')
  t.equal(server.state.fetches, fetches)
  t.equal(evil.state.fetches, 0)
})

t.test('keys rotate', async (t) => {
  const server = await startKeyServer([jwk(gitlabPair)])
  let nowMs = Date.now()
  const now = () => nowMs
  const keys = startKeys(t, { url: server.url, now })
  const app = await startApp(t, keys, now)
  const old = await sign(claims())
  const fresh = await sign(claims(), nextPair)
  t.equal((await who(app, `Bearer ${old}`)).status, 200)

  server.state.keys = [jwk(gitlabPair), jwk(nextPair)]
  t.equal((await who(app, `Bearer ${fresh}`)).status, 401, 'not within the cooldown')
  nowMs += 31_000
  t.equal((await who(app, `Bearer ${fresh}`)).status, 200, 'fetched for the unknown id')
  t.equal((await who(app, `Bearer ${old}`)).status, 200)

  server.state.keys = [jwk(nextPair)]
  await keys.refresh()
  t.equal((await who(app, `Bearer ${old}`)).status, 401, 'a withdrawn key dies, also for tokens seen before')
  t.equal((await who(app, `Bearer ${fresh}`)).status, 200)
})

t.test('keys are fetched again in the background', async (t) => {
  const server = await startKeyServer([jwk(gitlabPair)])
  const changed = new Promise<void>((resolve) => {
    startKeys(t, {
      url: server.url,
      refreshMs: 5,
      onChange: ({ keys }) => {
        if (keys.length === 1) server.state.keys = [jwk(gitlabPair), jwk(nextPair)]
        else resolve()
      },
    })
  })

  await changed

  t.ok(server.state.fetches >= 2)
})

t.test('while GitLab is down, known keys stay good', async (t) => {
  const server = await startKeyServer([jwk(gitlabPair)])
  const keys = startKeys(t, { url: server.url })
  const app = await startApp(t, keys)
  await keys.refresh()
  server.state.down = true
  await t.rejects(keys.refresh(), /the keys of ID tokens/)

  t.equal((await who(app, `Bearer ${await sign(claims())}`)).status, 200)
})

t.test(
  'while GitLab is down and no keys are known, the answer is 503, and GitLab is not asked for each token',
  async (t) => {
    const server = await startKeyServer([jwk(gitlabPair)])
    server.state.down = true
    let nowMs = Date.now()
    const now = () => nowMs
    const app = await startApp(t, startKeys(t, { url: server.url, now }), now)
    const token = await sign(claims())

    const answers = await Promise.all(Array.from({ length: 20 }, () => who(app, `Bearer ${token}`)))
    t.ok(answers.every(({ status, body }) => status === 503 && body.code === 'IDENTITY_KEYS_UNAVAILABLE'))
    t.equal((await who(app, `Bearer ${token}`)).status, 503)
    t.equal(server.state.fetches, 1)

    server.state.down = false
    nowMs += 6000
    t.equal((await who(app, `Bearer ${token}`)).status, 200, 'mended as soon as GitLab is back')
  },
)

t.test('a restart while GitLab is down verifies with the stored keys', async (t) => {
  const server = await startKeyServer([jwk(gitlabPair)])
  const stored = await new Promise<StoredKeys>((onChange) => startKeys(t, { url: server.url, onChange }))
  server.state.down = true

  const restarted = await startApp(
    t,
    startKeys(t, { url: server.url, initial: JSON.parse(JSON.stringify(stored)) }),
  )
  const elsewhere = await startApp(
    t,
    startKeys(t, { url: server.url, initial: { ...stored, url: 'https://old.example.com/keys' } }),
  )

  t.equal((await who(restarted, `Bearer ${await sign(claims())}`)).status, 200)
  t.equal(
    (await who(elsewhere, `Bearer ${await sign(claims())}`)).status,
    503,
    'keys of another address are not used',
  )
})

t.test('nonsense in place of keys is not taken for keys', async (t) => {
  const server = await startKeyServer([jwk(gitlabPair)])
  const keys = startKeys(t, { url: server.url })
  const app = await startApp(t, keys)
  await keys.refresh()
  const privateJwk = {
    ...gitlabPair.privateKey.export({ format: 'jwk' }),
    kid: 'ci-1',
    use: 'sig',
    alg: 'RS256',
  }
  const bodies = ['', '<html>', '{}', '{"keys":[]}', '{"keys":[{"kty":"oct","kid":"ci-1","k":"AAAA"}]}']

  for (const body of [...bodies, JSON.stringify({ keys: [privateJwk] }), `"${'x'.repeat(1_100_000)}"`]) {
    server.state.body = body
    await t.rejects(keys.refresh(), /the keys of ID tokens/, body.slice(0, 60))
  }

  t.equal((await who(app, `Bearer ${await sign(claims())}`)).status, 200, 'the good ones stay')
})

t.test('a token that comes again', async (t) => {
  const server = await startKeyServer([jwk(gitlabPair)])
  let nowMs = Date.now()
  const now = () => nowMs
  const keys = startKeys(t, { url: server.url, now })
  const asked: string[] = []
  const counting = { ...keys, findKey: (kid: string) => (asked.push(kid), keys.findKey(kid)) }
  const app = await startApp(t, counting, now)
  const token = await sign(claims())

  await who(app, `Bearer ${token}`)
  const again = await who(app, `bearer ${token}`)
  t.equal(again.body.gitlabProjectId, 20)
  t.equal(asked.length, 1, 'is not verified again')

  nowMs += 3_601_000
  t.equal((await who(app, `Bearer ${token}`)).status, 200)
  t.equal(asked.length, 2, 'but is after its end, within the leeway')

  nowMs += 60_000
  t.equal((await who(app, `Bearer ${token}`)).body.code, 'ID_TOKEN_EXPIRED')
})
