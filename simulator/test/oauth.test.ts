import { createHash, createPublicKey, verify } from 'node:crypto'
import t from 'tap'

import { startSimulator, type Simulator } from '../simulator.js'
import type { Application } from '../state.js'
import { call } from './helper.js'

const start = new Date('2026-05-04T08:00:00.000Z')
const clock = { now: start }
const gitlab = await startSimulator({ relativePath: '/gitlab', now: () => clock.now })
t.teardown(() => gitlab.close())
t.beforeEach(() => {
  clock.now = start
})

const maya = gitlab.createUser({ username: 'maya', name: 'Maya <b>' })
const bo = gitlab.createUser({ username: 'bo', name: 'Bo' })
gitlab.setUserState(bo.id, 'blocked')
const root = gitlab.createUser({ username: 'root', admin: true })
gitlab.createUser({ username: 'robot', name: 'Robot', bot: true })
const callback = 'https://mlmm.example.com/auth/callback?from=gitlab'
const verifier = 'ks02i3jdikdo2k0dkfodf3m39rjfjsdk0wk349rj3jrhf'
const challenge = '2i0WFA-0AerkjQm4X4oDEhqA17QIAKNjXpagHBXmO_U'

function newApplication(input: Partial<Parameters<Simulator['createApplication']>[0]> = {}): Application {
  return gitlab.createApplication({
    name: 'mlmm',
    redirectUri: callback,
    scopes: 'openid profile email read_user api',
    ...input,
  })
}

function authorizeUrl(application: Application, changes: Record<string, string | null> = {}): string {
  const url = new URL(`${gitlab.url}/oauth/authorize`)
  const parameters = {
    client_id: application.clientId,
    redirect_uri: callback,
    response_type: 'code',
    state: 'a state',
    scope: 'openid read_user',
    code_challenge: challenge,
    code_challenge_method: 'S256',
    ...changes,
  }
  for (const [name, value] of Object.entries(parameters))
    if (value !== null) url.searchParams.set(name, value)
  return url.href
}

function codeFor(
  application: Application,
  changes?: Record<string, string | null>,
  userId = maya.id,
): string {
  const location = gitlab.authorize({ userId, url: authorizeUrl(application, changes) })
  return new URL(location).searchParams.get('code') ?? ''
}

interface TokenAnswer {
  status: number
  json: Record<string, unknown>
}

async function post(
  path: string,
  fields: Record<string, string>,
  headers: Record<string, string> = {},
): Promise<TokenAnswer> {
  const answer = await fetch(`${gitlab.url}${path}`, {
    method: 'POST',
    body: new URLSearchParams(fields),
    headers,
  })
  return { status: answer.status, json: (await answer.json()) as Record<string, unknown> }
}

function credentials(application: Application): Record<string, string> {
  return { client_id: application.clientId, client_secret: application.clientSecret }
}

function exchangeCode(
  application: Application,
  code: string,
  changes: Record<string, string> = {},
): Promise<TokenAnswer> {
  return post('/oauth/token', {
    grant_type: 'authorization_code',
    code,
    redirect_uri: callback,
    code_verifier: verifier,
    ...credentials(application),
    ...changes,
  })
}

function refresh(application: Application, refreshToken: unknown): Promise<TokenAnswer> {
  return post('/oauth/token', {
    grant_type: 'refresh_token',
    refresh_token: String(refreshToken),
    ...credentials(application),
  })
}

async function pair(application: Application, changes?: Record<string, string | null>) {
  const { json } = await exchangeCode(application, codeFor(application, changes))
  return { accessToken: String(json['access_token']), refreshToken: String(json['refresh_token']) }
}

async function bearer(token: string, path = '/api/v4/user', method = 'GET') {
  const answer = await fetch(`${gitlab.url}${path}`, {
    method,
    headers: { authorization: `Bearer ${token}` },
  })
  return { status: answer.status, json: (await answer.json()) as unknown }
}

t.test('a code is exchanged for tokens that live two hours', async (t) => {
  const application = newApplication()
  const location = new URL(gitlab.authorize({ userId: maya.id, url: authorizeUrl(application) }))
  const { status, json } = await exchangeCode(application, location.searchParams.get('code') ?? '')

  t.equal(`${location.origin}${location.pathname}`, 'https://mlmm.example.com/auth/callback')
  t.equal(location.searchParams.get('from'), 'gitlab')
  t.equal(location.searchParams.get('state'), 'a state')
  t.equal(status, 200)
  t.match(json, {
    access_token: /^[0-9a-f]{64}$/,
    token_type: 'Bearer',
    expires_in: 7200,
    refresh_token: /^[0-9a-f]{64}$/,
    scope: 'openid read_user',
    created_at: start.getTime() / 1000,
  })
  t.match(await bearer(String(json['access_token'])), { status: 200, json: { id: maya.id } })
  t.equal(gitlab.state.tokens.get(String(json['access_token']))?.applicationId, application.id)

  clock.now = new Date(start.getTime() + 7199_000)
  t.equal((await bearer(String(json['access_token']))).status, 200)
  clock.now = new Date(start.getTime() + 7200_000)
  t.same(await bearer(String(json['access_token'])), {
    status: 401,
    json: {
      error: 'invalid_token',
      error_description: 'Token is expired. You can either do re-authorization or token refresh.',
    },
  })
})

t.test('a code is used once, within ten minutes, by its own application and address', async (t) => {
  const application = newApplication()
  const other = newApplication()
  const code = codeFor(application)
  await exchangeCode(application, code)
  const late = codeFor(application)
  const invalidGrant = { status: 400, json: { error: 'invalid_grant' } }

  t.match(await exchangeCode(application, code), {
    status: 400,
    json: { error: 'invalid_grant', error_description: /^The provided authorization grant is invalid, exp/ },
  })
  t.match(await exchangeCode(application, 'unknown'), invalidGrant)
  t.match(await exchangeCode(other, codeFor(application)), invalidGrant)
  t.match(
    await exchangeCode(application, codeFor(application), { redirect_uri: `${callback}&more=1` }),
    invalidGrant,
  )
  clock.now = new Date(start.getTime() + 599_000)
  const inTime = codeFor(application)
  clock.now = new Date(start.getTime() + 600_000)
  t.match(await exchangeCode(application, late), invalidGrant)
  t.equal((await exchangeCode(application, inTime)).status, 200)
})

t.test('a challenge has to be met', async (t) => {
  const application = newApplication()
  const without = { code_challenge: null, code_challenge_method: null }
  const attempt = (verifierSent: string, changes?: Record<string, string | null>) =>
    exchangeCode(application, codeFor(application, changes), { code_verifier: verifierSent })

  t.equal(createHash('sha256').update(verifier).digest('base64url'), challenge)
  t.match(await attempt('x'.repeat(43)), { status: 400, json: { error: 'invalid_grant' } })
  t.match(await attempt('short'), { status: 400, json: { error: 'invalid_grant' } })
  t.match(await attempt(verifier, without), { status: 400, json: { error: 'invalid_grant' } })
  const { code_verifier: _, ...fields } = {
    grant_type: 'authorization_code',
    code: codeFor(application),
    redirect_uri: callback,
    code_verifier: verifier,
    ...credentials(application),
  }
  t.match(await post('/oauth/token', fields), { status: 400, json: { error: 'invalid_request' } })
  t.equal(
    (await post('/oauth/token', { ...fields, code: codeFor(application, without) })).status,
    200,
    'a confidential application may do without',
  )
})

t.test('a refresh kills both old tokens at once', async (t) => {
  const application = newApplication()
  const first = await pair(application)
  clock.now = new Date(start.getTime() + 3 * 3_600_000)

  const second = await refresh(application, first.refreshToken)

  t.equal(second.status, 200)
  t.match(await bearer(String(second.json['access_token'])), { status: 200 })
  t.same(await bearer(first.accessToken), {
    status: 401,
    json: {
      error: 'invalid_token',
      error_description: 'Token was revoked. You have to re-authorize from the user.',
    },
  })
  t.match(await refresh(application, first.refreshToken), { status: 400, json: { error: 'invalid_grant' } })
  t.match(await bearer(String(second.json['access_token'])), { status: 200 }, 'reuse does not end the grant')
  t.equal(gitlab.state.refreshTokens.get(first.refreshToken)?.usedAt?.getTime(), clock.now.getTime())
})

t.test('of several refreshes at the same time one succeeds', async (t) => {
  const application = newApplication()
  const { refreshToken } = await pair(application)
  gitlab.clearCalls()

  const answers = await Promise.all(Array.from({ length: 8 }, () => refresh(application, refreshToken)))

  t.equal(answers.filter(({ status }) => status === 200).length, 1)
  t.equal(answers.filter(({ json }) => json['error'] === 'invalid_grant').length, 7)
  t.equal(gitlab.calls.filter(({ route }) => route === '/oauth/token').length, 8)
})

t.test('the token endpoint tells its errors apart', async (t) => {
  const application = newApplication()
  const code = codeFor(application)

  t.match(await exchangeCode(application, code, { client_secret: 'wrong' }), {
    status: 401,
    json: { error: 'invalid_client', error_description: /^Client authentication failed due to unknown cl/ },
  })
  t.match(await exchangeCode(application, code, { client_secret: '' }), { status: 401 })
  t.match(await exchangeCode(application, code, { client_id: 'unknown' }), { status: 401 })
  t.match(await exchangeCode(application, code, { grant_type: 'password' }), {
    status: 400,
    json: { error: 'unsupported_grant_type' },
  })
  t.match(await post('/oauth/token', {}), { status: 400, json: { error: 'invalid_request' } })
  t.match(await post('/oauth/token', { grant_type: 'refresh_token', ...credentials(application) }), {
    status: 400,
    json: { error: 'invalid_request' },
  })
  t.equal((await exchangeCode(application, code)).status, 200, 'no error used the code up')
})

t.test('an application says who it is by Basic, in a form or in JSON', async (t) => {
  const application = newApplication()
  const open = newApplication({ confidential: false })
  const fields = { grant_type: 'authorization_code', redirect_uri: callback, code_verifier: verifier }
  const basic = Buffer.from(`${application.clientId}:${application.clientSecret}`).toString('base64')
  const json = await fetch(`${gitlab.url}/oauth/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ...fields, ...credentials(application), code: codeFor(application) }),
  })

  t.equal(json.status, 200)
  t.equal(json.headers.get('cache-control'), 'no-store')
  t.equal(
    (
      await post(
        '/oauth/token',
        { ...fields, code: codeFor(application) },
        { authorization: `Basic ${basic}` },
      )
    ).status,
    200,
  )
  t.equal(
    (await post('/oauth/token', { ...fields, code: codeFor(open), client_id: open.clientId })).status,
    200,
    'a public application has no secret',
  )
})

t.test('what cannot be sent back is shown', async (t) => {
  const application = newApplication({ scopes: 'read_user' })
  const show = async (changes: Record<string, string | null>) => {
    const answer = await fetch(authorizeUrl(application, { scope: 'read_user', ...changes }), {
      redirect: 'manual',
    })
    return { location: answer.headers.get('location'), text: await answer.text() }
  }

  t.match(await show({ client_id: 'unknown' }), { location: null, text: /invalid_client/ })
  for (const wrong of [
    'https://evil.example.com/',
    `${callback}&x=1`,
    'https://mlmm.example.com/auth/callback',
  ]) {
    t.match(await show({ redirect_uri: wrong }), { location: null, text: /invalid_redirect_uri/ })
  }
  t.match(await show({ scope: 'read_user api' }), { location: null, text: /invalid_scope/ })
  t.match(await show({ response_type: 'token' }), { location: null, text: /unsupported_response_type/ })
  t.match(await show({ code_challenge_method: 'S512' }), { location: null, text: /invalid_request/ })
  t.match(await show({}), { location: null, text: /Sign in as/ })
  t.throws(
    () => gitlab.authorize({ userId: maya.id, url: authorizeUrl(application, { scope: 'api' }) }),
    /scope is invalid/,
  )
})

t.test('who denies is sent back with access_denied', async (t) => {
  const url = authorizeUrl(newApplication())
  const location = new URL(gitlab.authorize({ userId: maya.id, url, decision: 'deny' }))

  t.equal(location.searchParams.get('error'), 'access_denied')
  t.match(location.searchParams.get('error_description'), /^The resource owner/)
  t.equal(location.searchParams.get('state'), 'a state')
  t.equal(location.searchParams.get('code'), null)
})

/** A browser without scripts: keeps one cookie, follows nothing. */
function openBrowser() {
  let cookie = ''
  async function ask(url: string, form?: Record<string, string>, headers: Record<string, string> = {}) {
    const answer = await fetch(new URL(url, gitlab.url), {
      redirect: 'manual',
      headers: { cookie, ...headers },
      ...(form === undefined ? {} : { method: 'POST', body: new URLSearchParams(form) }),
    })
    const set = answer.headers.get('set-cookie')
    if (set !== null) cookie = set.split(';')[0] ?? ''
    return {
      status: answer.status,
      set,
      location: answer.headers.get('location') ?? '',
      text: await answer.text(),
    }
  }
  return { ask }
}

function hiddenFields(text: string): Record<string, string> {
  const inputs = text.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g)
  return Object.fromEntries([...inputs].map((input) => [input[1] ?? '', decoded(input[2] ?? '')]))
}

function decoded(text: string): string {
  return text
    .replaceAll('&amp;', '&')
    .replaceAll('&lt;', '<')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
}

t.test('in a browser one chooses a person once and consents to each application', async (t) => {
  const browser = openBrowser()
  const application = newApplication({ name: 'A & B' })
  const url = authorizeUrl(application)
  const people = await browser.ask(url)
  t.match(people.text, /Maya &lt;b&gt;/)
  t.match(people.text, /<td>@bo<\/td>\s*<td>blocked<\/td>/)
  t.notMatch(people.text, /robot/, 'a bot is nobody to sign in as')

  const returnTo = url.slice(gitlab.url.length)
  const refused = await browser.ask(`${gitlab.url}/users/sign_in`, {
    user_id: `${bo.id}`,
    return_to: returnTo,
  })
  t.match(refused, { status: 200, set: null, text: /Your account has been blocked/ })

  const signedIn = await browser.ask(`${gitlab.url}/users/sign_in`, {
    user_id: `${maya.id}`,
    return_to: returnTo,
  })
  t.equal(signedIn.location, url)
  t.match(signedIn.set, /^_gitlab_session=[0-9a-f]{64}; Path=\/gitlab; HttpOnly; SameSite=Lax$/)

  const consent = await browser.ask(signedIn.location)
  t.match(consent.text, /A &amp; B/)
  t.match(consent.text, /<code>openid<\/code>/)
  t.match(consent.text, /<code>read_user<\/code>/)
  const form = hiddenFields(consent.text)
  const denied = await browser.ask(`${gitlab.url}/oauth/authorize`, { ...form, decision: 'deny' })
  t.match(denied.location, /error=access_denied/)
  const granted = await browser.ask(`${gitlab.url}/oauth/authorize`, { ...form, decision: 'authorize' })
  const code = new URL(granted.location).searchParams.get('code') ?? ''
  t.equal((await exchangeCode(application, code)).status, 200)

  const again = await browser.ask(url)
  t.match(again.location, /code=/, 'a confidential application that holds such a token needs no new consent')
  t.match((await browser.ask(authorizeUrl(application, { scope: 'api' }))).text, /Authorize A &amp; B/)
  t.match((await browser.ask(authorizeUrl(newApplication({ trusted: true })))).location, /code=/)

  await browser.ask(`${gitlab.url}/users/sign_out`, {})
  t.match((await browser.ask(url)).text, /Sign in as/)
})

t.test('a page of somebody else can neither sign in, consent, nor be returned to', async (t) => {
  const browser = openBrowser()
  const foreign = { origin: 'https://evil.example.com' }
  const signInForm = { user_id: `${maya.id}`, return_to: 'https://evil.example.com/' }
  const signInUrl = `${gitlab.url}/users/sign_in`

  t.match(await browser.ask(signInUrl, signInForm, foreign), { status: 422, set: null })
  const own = { origin: new URL(gitlab.url).origin }
  t.equal((await browser.ask(signInUrl, signInForm, own)).location, signInUrl)
  const query = Object.fromEntries(new URL(authorizeUrl(newApplication())).searchParams)
  const form = { ...query, decision: 'authorize' }
  t.match(await browser.ask(`${gitlab.url}/oauth/authorize`, form, foreign), { status: 422 })
  t.match(await browser.ask(`${gitlab.url}/oauth/authorize`, form, { origin: 'null' }), { status: 422 })
  t.match((await browser.ask(`${gitlab.url}/oauth/authorize`, form, own)).location, /code=/)
})

t.test('who is blocked while signed in has to sign in again', async (t) => {
  const browser = openBrowser()
  const cleo = gitlab.createUser({ username: 'cleo' })
  await browser.ask(`${gitlab.url}/users/sign_in`, { user_id: `${cleo.id}` })
  t.match((await browser.ask(`${gitlab.url}/users/sign_in`)).text, /Signed in as cleo/)

  gitlab.setUserState(cleo.id, 'blocked')

  t.match((await browser.ask(authorizeUrl(newApplication({ trusted: true })))).text, /Sign in as/)
  t.throws(
    () => gitlab.authorize({ userId: cleo.id, url: authorizeUrl(newApplication()) }),
    /has been blocked/,
  )
})

t.test('a token is revoked by its application, and unknown ones are nobody’s business', async (t) => {
  const application = newApplication()
  const other = newApplication()
  const { accessToken, refreshToken } = await pair(application)
  const ask = (asker: Application, token: string) => post('/oauth/revoke', { token, ...credentials(asker) })

  t.match(await ask(other, accessToken), { status: 403, json: { error: 'unauthorized_client' } })
  t.match(await post('/oauth/revoke', { token: accessToken }), { status: 403 })
  t.equal((await bearer(accessToken)).status, 200)
  t.same(await ask(application, accessToken), { status: 200, json: {} })
  t.match(await bearer(accessToken), { status: 401, json: { error_description: /^Token was revoked/ } })
  t.match(await refresh(application, refreshToken), { status: 400, json: { error: 'invalid_grant' } })
  t.same(await ask(application, 'unknown'), { status: 200, json: {} })
})

t.test('token info, introspection and user info', async (t) => {
  const application = newApplication()
  const { accessToken } = await pair(application, { scope: 'openid email' })
  const plain = await pair(application, { scope: 'read_user' })
  const group = await call(gitlab, maya.token, 'POST', '/groups', { name: 'Lab', path: 'lab' })
  const parentId = (group.json as { id: number }).id
  await call(gitlab, root.token, 'POST', '/groups', { name: 'Sub', path: 'sub', parent_id: parentId })
  clock.now = new Date(start.getTime() + 100_000)
  const inspect = (asker: Application, token = accessToken) =>
    post('/oauth/introspect', { token, ...credentials(asker) })

  t.same(await bearer(accessToken, '/oauth/token/info'), {
    status: 200,
    json: {
      resource_owner_id: maya.id,
      scope: ['openid', 'email'],
      expires_in: 7100,
      application: { uid: application.clientId },
      created_at: start.getTime() / 1000,
      scopes: ['openid', 'email'],
      expires_in_seconds: 7100,
    },
  })
  t.equal((await bearer('no', `/oauth/token/info?access_token=${accessToken}`)).status, 401)
  t.match(await bearer('unknown', '/oauth/token/info'), { status: 401, json: { error: 'invalid_token' } })
  t.match(await bearer(maya.token, '/oauth/token/info'), { status: 401 }, 'of OAuth tokens only')
  t.match(await inspect(application), {
    status: 200,
    json: { active: true, scope: 'openid email', client_id: application.clientId },
  })
  t.same(await inspect(newApplication()), { status: 200, json: { active: false } })
  t.same(await inspect(application, 'unknown'), { status: 200, json: { active: false } })
  t.match(await post('/oauth/introspect', { token: accessToken }), { status: 401 })
  t.match(await bearer(accessToken, '/oauth/userinfo'), {
    status: 200,
    json: {
      sub: String(maya.id),
      nickname: 'maya',
      email: 'maya@example.com',
      email_verified: true,
      groups: ['lab', 'lab/sub'],
      groups_direct: ['lab'],
    },
  })
  t.match(await bearer(plain.accessToken, '/oauth/userinfo'), {
    status: 403,
    json: { error: 'insufficient_scope', scope: 'openid' },
  })
  gitlab.expireToken(accessToken)
  t.match(await bearer(accessToken, '/oauth/userinfo'), { status: 401 })
})

t.test(
  'a sign-in with openid has an id_token for the application, signed with a published key',
  async (t) => {
    const application = newApplication()
    const code = codeFor(application, { nonce: 'n-1', scope: 'openid' })
    const { json } = await exchangeCode(application, code)
    const [head = '', claims = '', signature = ''] = String(json['id_token']).split('.')
    const { kid, alg } = JSON.parse(Buffer.from(head, 'base64url').toString()) as { kid: string; alg: string }
    const jwks = (await (await fetch(`${gitlab.url}/oauth/discovery/keys`)).json()) as {
      keys: { kid: string; kty: string; n: string; e: string }[]
    }
    const jwk = jwks.keys.find((key) => key.kid === kid)
    const key = createPublicKey({ key: jwk ?? {}, format: 'jwk' })

    t.equal(alg, 'RS256')
    t.ok(verify('sha256', Buffer.from(`${head}.${claims}`), key, Buffer.from(signature, 'base64url')))
    t.match(JSON.parse(Buffer.from(claims, 'base64url').toString()), {
      iss: gitlab.url,
      sub: String(maya.id),
      aud: application.clientId,
      nonce: 'n-1',
      iat: start.getTime() / 1000,
    })
    t.equal(
      (await exchangeCode(application, codeFor(application, { scope: 'read_user' }))).json['id_token'],
      undefined,
    )
  },
)

t.test('the metadata names addresses that answer', async (t) => {
  for (const name of ['openid-configuration', 'oauth-authorization-server']) {
    const found = (await (await fetch(`${gitlab.url}/.well-known/${name}`)).json()) as Record<string, unknown>

    t.match(found, {
      issuer: gitlab.url,
      authorization_endpoint: `${gitlab.url}/oauth/authorize`,
      token_endpoint: `${gitlab.url}/oauth/token`,
      revocation_endpoint: `${gitlab.url}/oauth/revoke`,
      introspection_endpoint: `${gitlab.url}/oauth/introspect`,
      userinfo_endpoint: `${gitlab.url}/oauth/userinfo`,
      jwks_uri: `${gitlab.url}/oauth/discovery/keys`,
      code_challenge_methods_supported: ['plain', 'S256'],
    })
  }
})

t.test('the API says why a token does not serve', async (t) => {
  const cleo = gitlab.createUser({ username: 'cleo2' })
  const application = newApplication()
  const { json } = await exchangeCode(application, codeFor(application, {}, cleo.id))
  const token = String(json['access_token'])
  const reasons = {
    blocked: 'Your account has been blocked.',
    blocked_pending_approval: 'Your account is pending approval from your administrator and hence blocked.',
    deactivated:
      'Your account has been deactivated by your administrator. ' +
      `Please log back in from a web browser to reactivate your account at ${gitlab.url}`,
  }

  t.same(await bearer(token, '/api/v4/projects'), {
    status: 403,
    json: {
      error: 'insufficient_scope',
      error_description: 'The request requires higher privileges than provided by the access token.',
      scope: 'api read_api',
    },
  })
  t.same(await bearer('0'.repeat(64)), {
    status: 401,
    json: { error: 'invalid_token', error_description: 'Bad Access Token.' },
  })
  t.same((await call(gitlab, null, 'GET', '/user')).json, { message: '401 Unauthorized' })
  for (const state of ['blocked', 'blocked_pending_approval', 'deactivated'] as const) {
    gitlab.setUserState(cleo.id, state)
    const message = `403 Forbidden - ${reasons[state]}`
    t.same(await bearer(token), { status: 403, json: { message } })
    t.match(await refresh(application, json['refresh_token']), { json: { error: 'invalid_grant' } })
  }
  gitlab.authorize({ userId: cleo.id, url: authorizeUrl(application) })
  t.equal((await bearer(token)).status, 200, 'a sign-in reactivates')
  gitlab.expirePassword(cleo.id)
  t.same(await bearer(token), {
    status: 403,
    json: {
      message:
        '403 Forbidden - Your password expired. Please access GitLab from a web browser to update your password.',
    },
  })
  gitlab.authorize({ userId: cleo.id, url: authorizeUrl(application) })
  gitlab.revokeGrants(cleo.id)
  t.match(await bearer(token), { status: 401, json: { error_description: /^Token was revoked/ } })
})
