import t from 'tap'

import { createCast } from '../people.js'
import { startSimulator } from '../simulator.js'
import { call, type Answer } from './helper.js'

const gitlab = await startSimulator({ relativePath: '/gitlab', allowLocalHooks: false })
t.teardown(() => gitlab.close())
const cast = createCast(gitlab)
const { ada, maya, devon, otto } = cast
const ask = (who: { token: string }, method: string, path: string, body?: unknown) =>
  call(gitlab, who.token, method, path, body)

function idOf(answer: Answer): number {
  return (answer.json as { id: number }).id
}

t.test('only administrators administer', async (t) => {
  const routes = [
    ['GET', '/applications'],
    ['POST', '/applications'],
    ['POST', '/applications/1/renew-secret'],
    ['DELETE', '/applications/1'],
    ['GET', '/application/settings'],
    ['PUT', '/application/settings'],
    ['POST', '/users'],
    ['PUT', `/users/${otto.id}`],
    ['DELETE', `/users/${otto.id}`],
    ...['block', 'unblock', 'deactivate', 'activate', 'approve'].map((one) => [
      'POST',
      `/users/${otto.id}/${one}`,
    ]),
  ]

  for (const [method = '', path = ''] of routes) {
    const body = method === 'GET' ? undefined : {}
    t.match(await ask(maya, method, path, body), { status: 403, json: { message: '403 Forbidden' } }, path)
    t.equal((await call(gitlab, null, method, path, body)).status, 401, path)
  }
  t.equal((await ask(ada, 'POST', '/service_accounts', {})).status, 404, 'not in the free edition')
})

t.test('an application is made, listed without its secret, used and deleted', async (t) => {
  const redirectUri = 'https://mlmm.example.com/callback'
  const wanted = { name: 'mlmm', redirect_uri: redirectUri, scopes: 'openid read_user', trusted: true }
  const made = await ask(ada, 'POST', '/applications', wanted)
  const { id, application_id: clientId, secret } = made.json as Record<string, string>
  const listed = await ask(ada, 'GET', '/applications')
  const query = new URLSearchParams({
    client_id: String(clientId),
    redirect_uri: redirectUri,
    response_type: 'code',
  })
  const url = `${gitlab.url}/oauth/authorize?${query}`
  const exchange = async (clientSecret = secret) => {
    const code = new URL(gitlab.authorize({ userId: maya.id, url })).searchParams.get('code') ?? ''
    const fields = { grant_type: 'authorization_code', code, redirect_uri: redirectUri }
    const credentials = { client_id: String(clientId), client_secret: String(clientSecret) }
    const body = new URLSearchParams({ ...fields, ...credentials })
    const answer = await fetch(`${gitlab.url}/oauth/token`, { method: 'POST', body })
    return { status: answer.status, json: (await answer.json()) as Record<string, unknown> }
  }
  const first = await exchange()

  t.match(made, {
    status: 201,
    json: {
      application_id: /^[0-9a-f]{64}$/,
      application_name: 'mlmm',
      callback_url: redirectUri,
      confidential: true,
      secret: /^gloas-[0-9a-f]{64}$/,
    },
  })
  t.match(listed.json, [{ id, application_id: clientId }])
  t.notMatch(listed.text, String(secret))
  t.match(first, { status: 200, json: { scope: 'openid' } })
  t.equal(gitlab.state.applications.get(Number(id))?.trusted, true)

  const renewed = await ask(ada, 'POST', `/applications/${id}/renew-secret`)
  t.equal((await exchange()).status, 401, 'the old secret stops at once')
  t.equal((await exchange((renewed.json as { secret: string }).secret)).status, 200)

  t.equal((await ask(ada, 'DELETE', `/applications/${id}`)).status, 204)
  t.equal((await ask(ada, 'DELETE', `/applications/${id}`)).status, 404)
  t.throws(() => gitlab.authorize({ userId: maya.id, url }), /unknown client/)
  t.notOk(gitlab.state.tokens.has(String(first.json['access_token'])), 'its tokens go with it')
})

t.test('an application has a name, an absolute address and scopes that exist', async (t) => {
  const wanted = { name: 'mlmm', redirect_uri: 'https://mlmm.example.com/callback', scopes: 'api' }

  for (const wrong of [
    { name: undefined },
    { redirect_uri: undefined },
    { redirect_uri: '/callback' },
    { redirect_uri: 'https://mlmm.example.com/#here' },
    { scopes: undefined },
    { scopes: '' },
    { scopes: 'api everything' },
  ]) {
    t.equal(
      (await ask(ada, 'POST', '/applications', { ...wanted, ...wrong })).status,
      400,
      JSON.stringify(wrong),
    )
  }
  const open = await ask(ada, 'POST', '/applications', {
    ...wanted,
    confidential: false,
    redirect_uri: 'http://a.example.com/\nhttp://b.example.com/',
  })
  t.match(open, { status: 201, json: { confidential: false } })
  t.same(gitlab.state.applications.get(idOf(open))?.redirectUris, [
    'http://a.example.com/',
    'http://b.example.com/',
  ])
})

t.test('hooks reach the local network only where an administrator lets them', async (t) => {
  const project = await gitlab.createProject({ path: 'research/hooks', members: cast.members })
  const settings = (body: unknown) => ask(ada, 'PUT', '/application/settings', body)
  const hook = async (url: string) =>
    (await ask(maya, 'POST', `/projects/${project.id}/hooks`, { url })).status
  const inside = [
    'http://localhost/',
    'http://127.0.0.1:3000/',
    'http://10.1.2.3/',
    'http://172.20.0.1/',
    'http://192.168.1.1/',
    'http://169.254.169.254/',
    'http://0.0.0.0/',
    'http://[::1]/',
    'http://[fd00::1]/',
  ]

  for (const url of inside) t.equal(await hook(url), 422, url)
  t.match(await ask(maya, 'POST', `/projects/${project.id}/hooks`, { url: 'http://10.0.0.1/' }), {
    json: { message: { url: [/^is blocked: Requests to the local network/] } },
  })
  t.equal(await hook('https://mlmm.example.com/'), 201)
  t.equal(await hook('http://172.32.0.1/'), 201)

  t.match(
    await settings({ outbound_local_requests_whitelist: ['127.0.0.1:3000', '10.0.0.0/8', 'localhost'] }),
    {
      status: 200,
      json: {
        allow_local_requests_from_web_hooks_and_services: false,
        outbound_local_requests_whitelist: ['127.0.0.1:3000', '10.0.0.0/8', 'localhost'],
      },
    },
  )
  t.equal(await hook('http://127.0.0.1:3000/'), 201)
  t.equal(await hook('http://127.0.0.1:3001/'), 422)
  t.equal(await hook('http://10.1.2.3:8080/'), 201)
  t.equal(await hook('http://localhost:9999/'), 201)
  t.equal(await hook('http://192.168.1.1/'), 422)
  t.equal((await settings({ outbound_local_requests_whitelist: Array(1001).fill('a') })).status, 400)
  t.match((await ask(ada, 'GET', '/application/settings')).json, {
    outbound_local_requests_whitelist: { length: 3 },
  })

  await settings({ allow_local_requests_from_web_hooks_and_services: true })
  for (const url of inside) t.equal(await hook(url), 201, url)
})

t.test('a person is made, changed, suspended and deleted', async (t) => {
  const wanted = {
    username: 'mlmm-bot',
    name: 'mlmm',
    email: 'mlmm@example.com',
    force_random_password: true,
    skip_confirmation: true,
  }
  const { force_random_password: _, ...withoutPassword } = wanted
  const made = await ask(ada, 'POST', '/users', wanted)
  const path = `/users/${idOf(made)}`
  const token = gitlab.createToken(idOf(made))
  const own = () => call(gitlab, token, 'GET', '/user')

  t.match(made, { status: 201, json: { username: 'mlmm-bot', state: 'active', bot: false, is_admin: false } })
  t.match(await ask(ada, 'POST', '/users', withoutPassword), { status: 400, json: { error: /are missing/ } })
  t.match(await ask(ada, 'POST', '/users', { ...wanted, username: 'other' }), {
    status: 409,
    json: { message: 'Email has already been taken' },
  })
  t.match(await ask(ada, 'POST', '/users', { ...wanted, email: 'o@example.com' }), {
    status: 409,
    json: { message: 'Username has already been taken' },
  })
  t.match(await ask(ada, 'PUT', path, { name: 'mlmm bot', external: true }), {
    json: { name: 'mlmm bot', external: true, username: 'mlmm-bot' },
  })
  t.equal((await ask(ada, 'PUT', path, { email: maya.email })).status, 409)
  t.equal((await own()).status, 200)

  t.match(await ask(ada, 'POST', `${path}/block`), { status: 201, json: true })
  t.match(await own(), { status: 403, json: { message: /has been blocked/ } })
  t.equal((await ask(ada, 'POST', `${path}/deactivate`)).status, 403)
  t.match(await ask(ada, 'POST', `${path}/unblock`), { status: 201 })
  t.equal((await own()).status, 200)
  t.equal((await ask(ada, 'POST', `${path}/deactivate`)).status, 201)
  t.match(await own(), { status: 403, json: { message: /has been deactivated/ } })
  t.equal((await ask(ada, 'POST', `${path}/activate`)).status, 201)
  t.equal((await own()).status, 200)
  gitlab.setUserState(idOf(made), 'blocked_pending_approval')
  t.match(await own(), { status: 403, json: { message: /pending approval/ } })
  t.equal((await ask(ada, 'POST', `${path}/approve`)).status, 201)

  t.equal((await ask(ada, 'DELETE', path)).status, 204)
  t.equal((await ask(ada, 'GET', path)).status, 404)
  t.equal((await own()).status, 401)
})

t.test('what is told about a person depends on who asks', async (t) => {
  const byOther = (await ask(maya, 'GET', `/users/${devon.id}`)).json as object
  const self = (await ask(devon, 'GET', '/user')).json as object
  const byAdmin = (await ask(ada, 'GET', `/users/${devon.id}`)).json as object

  t.match(byOther, { id: devon.id, username: 'devon', bot: false })
  for (const name of ['is_admin', 'external', 'email', 'namespace_id']) t.notOk(name in byOther, name)
  t.match(self, { external: false, email: 'devon@example.com', namespace_id: Number })
  t.notOk('is_admin' in self)
  t.match(byAdmin, { external: false, is_admin: false, email: 'devon@example.com' })
  t.match((await ask(ada, 'GET', '/user')).json, { is_admin: true })
  t.match((await ask(maya, 'GET', '/users?username=DEVON')).json, [{ id: devon.id }])
  t.match((await ask(maya, 'GET', '/users?search=outsider')).json, [{ id: otto.id }])
})

t.test('a project is made in one’s own namespace or in a group, and deleted by its owner', async (t) => {
  const group = idOf(await ask(ada, 'POST', '/groups', { name: 'Lab', path: 'lab', visibility: 'internal' }))
  await ask(ada, 'POST', `/groups/${group}/members`, { user_id: devon.id, access_level: 30 })
  const own = await ask(devon, 'POST', '/projects', {
    name: 'My Model',
    description: 'Mine',
    initialize_with_readme: true,
  })
  const inGroup = await ask(devon, 'POST', '/projects', {
    path: 'model',
    namespace_id: group,
    visibility: 'internal',
  })

  t.match(own, {
    status: 201,
    json: {
      path_with_namespace: 'devon/my-model',
      description: 'Mine',
      visibility: 'private',
      default_branch: 'main',
      empty_repo: false,
      namespace: { kind: 'user', full_path: 'devon' },
      permissions: { project_access: { access_level: 50 }, group_access: null },
    },
  })
  t.match(inGroup, {
    status: 201,
    json: {
      path_with_namespace: 'lab/model',
      default_branch: null,
      empty_repo: true,
      namespace: { id: group, kind: 'group' },
      permissions: { project_access: null, group_access: { access_level: 30 } },
    },
  })
  t.equal((await ask(devon, 'POST', '/projects', { path: 'model', namespace_id: group })).status, 400)
  t.match(await ask(devon, 'POST', '/projects', { path: 'p', namespace_id: group, visibility: 'public' }), {
    status: 400,
    json: { message: { visibility_level: [/not allowed/] } },
  })
  t.equal((await ask(maya, 'POST', '/projects', { path: 'p', namespace_id: group })).status, 403)
  t.equal((await ask(devon, 'POST', '/projects', { path: 'p', namespace_id: 9999 })).status, 404)
  t.equal((await ask(devon, 'POST', '/projects', {})).status, 400)
  t.equal((await ask(cast.ex, 'POST', '/projects', { name: 'p' })).status, 403)

  t.equal((await ask(devon, 'DELETE', `/projects/${idOf(inGroup)}`)).status, 403)
  t.match(await ask(ada, 'DELETE', `/projects/${idOf(inGroup)}`), {
    status: 202,
    json: { message: '202 Accepted' },
  })
  t.equal((await ask(devon, 'DELETE', `/projects/${idOf(own)}`)).status, 202)
  t.equal((await ask(devon, 'GET', `/projects/${idOf(own)}`)).status, 404)
})

t.test('namespaces are one’s own and those of one’s groups', async (t) => {
  const group = idOf(await ask(maya, 'POST', '/groups', { name: 'Team', path: 'team' }))
  const paths = async (who: { token: string }, query = '') =>
    ((await ask(who, 'GET', `/namespaces${query}`)).json as { full_path: string }[]).map(
      (one) => one.full_path,
    )

  t.same(await paths(maya), ['maya', 'team'])
  t.same(await paths(otto), ['otto'])
  t.same(await paths(maya, '?search=tea'), ['team'])
  t.ok((await paths(ada)).includes('team'))
  t.match((await ask(maya, 'GET', `/namespaces/${group}`)).json, {
    id: group,
    kind: 'group',
    full_path: 'team',
  })
  t.match((await ask(maya, 'GET', '/namespaces/maya')).json, { kind: 'user' })
  t.equal((await ask(otto, 'GET', `/namespaces/${group}`)).status, 404)
  t.equal((await ask(otto, 'GET', '/namespaces/maya')).status, 404)
})
