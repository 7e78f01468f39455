import t from 'tap'

import { call, startStory } from './helper.js'

const story = await startStory(t, { relativePath: '/gitlab' })
const { gitlab, author, bot, project } = story
const eve = gitlab.createUser({ username: 'eve' })
const external = gitlab.createUser({ username: 'ext', external: true })
const admin = gitlab.createUser({ username: 'root', admin: true })

function status(token: string | null, path: string): Promise<number> {
  return call(gitlab, token, 'GET', path).then((answer) => answer.status)
}

t.test('a project is found by number and by encoded path', async (t) => {
  const byId = await call(gitlab, author.token, 'GET', `/projects/${project.id}`)
  const byPath = await call(gitlab, author.token, 'GET', '/projects/research%2Firis')

  t.same(byId.json, byPath.json)
  t.match(byId.json, {
    path_with_namespace: 'research/iris',
    default_branch: 'main',
    permissions: { project_access: { access_level: 30 }, group_access: null },
    web_url: `${gitlab.url}/research/iris`,
    public_jobs: true,
    builds_access_level: 'enabled',
  })
})

t.test('what one may not see does not exist', async (t) => {
  const hidden = await gitlab.createProject({
    path: 'research/hidden',
    members: [{ userId: author.id, accessLevel: 20 }],
  })
  const internal = await gitlab.createProject({ path: 'research/internal', visibility: 'internal' })

  const answer = await call(gitlab, eve.token, 'GET', `/projects/${hidden.id}`)

  t.match(answer, { status: 404, json: { message: '404 Project Not Found' } })
  t.equal(await status(author.token, `/projects/${hidden.id}`), 200)
  t.equal(await status(admin.token, `/projects/${hidden.id}`), 200)
  t.equal(await status(eve.token, `/projects/${internal.id}`), 200)
  t.equal(await status(external.token, `/projects/${internal.id}`), 404)
  t.equal(await status(null, `/projects/${internal.id}`), 404)
  t.equal(await status(null, `/projects/${project.id}`), 200)
})

t.test('pipelines of a public project can be closed to the public', async (t) => {
  const closed = await gitlab.createProject({
    path: 'research/closed',
    visibility: 'public',
    publicJobs: false,
    members: [{ userId: author.id, accessLevel: 20 }],
  })

  t.equal(await status(author.token, `/projects/${closed.id}/pipelines`), 200)
  t.equal(await status(eve.token, `/projects/${closed.id}/pipelines`), 403)
  t.equal(await status(eve.token, `/projects/${project.id}/pipelines`), 200)
})

t.test('of several memberships the highest counts, and expired ones do not', async (t) => {
  const several = await gitlab.createProject({
    path: 'research/several',
    visibility: 'public',
    members: [
      { userId: author.id, accessLevel: 10 },
      { userId: author.id, accessLevel: 40, kind: 'invited' },
      { userId: author.id, accessLevel: 30, kind: 'inherited' },
      { userId: bot.id, accessLevel: 50, expiresAt: '2020-01-01' },
    ],
  })
  const member = (userId: number) =>
    call(gitlab, author.token, 'GET', `/projects/${several.id}/members/all/${userId}`)

  t.match((await member(author.id)).json, { id: author.id, access_level: 40, expires_at: null })
  t.match(await member(bot.id), { status: 404, json: { message: '404 Not found' } })
  t.match(await member(eve.id), { status: 404 })
})

t.test('a renamed project answers at its number and redirects from its old path', async (t) => {
  const moving = await gitlab.createProject({ path: 'research/old', visibility: 'public' })
  gitlab.moveProject(moving.id, 'archive/new')

  const old = await call(gitlab, author.token, 'POST', '/projects/research%2Fold/merge_requests/1/notes', {})
  const byId = await call(gitlab, author.token, 'GET', `/projects/${moving.id}`)
  await gitlab.createProject({ path: 'research/old', visibility: 'public' })
  const taken = await call(gitlab, author.token, 'GET', '/projects/research%2Fold')

  const location = `${gitlab.url}/api/v4/projects/${moving.id}/merge_requests/1/notes`
  t.equal(old.status, 301)
  t.equal(old.headers.get('location'), location)
  t.equal(old.text, `This resource has been moved permanently to ${location}`)
  t.match(byId.json, { path_with_namespace: 'archive/new' })
  t.equal(taken.status, 200)
})

t.test('tokens fail in the ways that GitLab knows', async (t) => {
  const blocked = gitlab.createUser({ username: 'blocked' })
  gitlab.setUserState(blocked.id, 'blocked')
  const bearer = async (token: string, method = 'GET') => {
    const answer = await fetch(`${gitlab.url}/api/v4/user`, {
      method,
      headers: { authorization: `Bearer ${token}` },
    })
    return { status: answer.status, json: (await answer.json()) as unknown }
  }
  const reader = gitlab.createToken(author.id, { scopes: ['read_user'] })

  t.match(await bearer(author.token), { status: 200, json: { id: author.id } })
  t.match(await bearer('unknown'), { status: 401, json: { error: 'invalid_token' } })
  t.match(await bearer(gitlab.createToken(author.id, { state: 'expired' })), {
    status: 401,
    json: { error_description: /expired/ },
  })
  t.match(await bearer(gitlab.createToken(author.id, { state: 'revoked' })), {
    status: 401,
    json: { error_description: /revoked/ },
  })
  t.match(await bearer(blocked.token), {
    status: 403,
    json: { message: '403 Forbidden - Your account has been blocked.' },
  })
  t.match(await bearer(reader), { status: 200 })
  t.match(await call(gitlab, reader, 'GET', '/projects'), {
    status: 403,
    json: { error: 'insufficient_scope' },
  })
  t.match(await call(gitlab, 'unknown', 'GET', '/user'), {
    status: 401,
    json: { message: '401 Unauthorized' },
  })
  t.match(await call(gitlab, null, 'GET', '/user'), { status: 401, json: { message: '401 Unauthorized' } })
})

t.test('a job token reads what it may and knows its job', async (t) => {
  const pipeline = gitlab.createPipeline({
    projectId: project.id,
    sha: 'a'.repeat(40),
    ref: 'main',
    userId: author.id,
    jobs: [{ name: 'train', status: 'running' }],
  })
  const job = pipeline.jobs[0]
  const own = await fetch(`${gitlab.url}/api/v4/job`, { headers: { 'job-token': job?.token ?? '' } })
  const user = await fetch(`${gitlab.url}/api/v4/user`, { headers: { 'job-token': job?.token ?? '' } })

  t.match(await own.json(), {
    id: job?.id,
    name: 'train',
    pipeline: { id: pipeline.id },
    user: { id: author.id },
  })
  t.equal(user.status, 401)
})
