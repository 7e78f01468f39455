import { randomUUID } from 'node:crypto'
import t from 'tap'
import { projectCollection } from '../../stores/project-store.js'
import { isSignedBy, readClaim } from '../../webhooks/credentials.js'
import {
  earlierSecret,
  earlierSigningToken,
  type Intake,
  mergeRequestEvent,
  now,
  openHookDatabase,
  openIntake,
  readFixture,
  readSamples,
  secret,
  signatureHeaders,
} from './webhook-support.js'

type Headers = Record<string, string | string[]>

const atOnce = 500
const database = await openHookDatabase(t)

function send({ app, project }: Intake, body: string | undefined, headers: Headers) {
  const url = `/webhooks/gitlab/${project.id}`
  return app.inject({
    method: 'POST',
    url,
    headers: { 'content-type': 'application/json', ...headers },
    payload: body ?? '',
  })
}

/** Beside the right signature those of another version and another key. */
function several(body: string): Headers {
  const own = signatureHeaders(body)
  return { ...own, 'webhook-signature': `v1a,x v1,${'A'.repeat(43)}= ${own['webhook-signature']}` }
}

t.test('the documented signature vector holds', async (t) => {
  const { signing_token, headers, raw_body } = readFixture('signature-vector-19.0.json') as {
    signing_token: string
    headers: Record<string, string>
    raw_body: string
  }
  const key = Buffer.from(signing_token.slice(6), 'base64')

  const claim = readClaim(
    Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value])),
    new Date(1767225600_000),
  )

  t.ok(claim)
  if (claim === null) return
  t.equal(isSignedBy(claim, Buffer.from(raw_body), [key]), true)
  t.equal(isSignedBy(claim, Buffer.from(`${raw_body} `), [key]), false)
})

t.test('secrets and signatures are good before and after a rotation', async (t) => {
  const intake = await openIntake(t, database)
  const token = { 'x-gitlab-token': secret }
  const status = async (iid: number, headers: (body: string) => Headers) => {
    const body = mergeRequestEvent(iid)
    return (await send(intake, body, headers(body))).statusCode
  }

  t.equal(await status(1, () => token), 200)
  t.equal(await status(2, () => ({ 'x-gitlab-token': earlierSecret })), 200)
  t.equal(await status(3, (body) => signatureHeaders(body)), 200)
  t.equal(await status(4, (body) => signatureHeaders(body, { token: earlierSigningToken })), 200)
  t.equal(await status(5, several), 200)
  t.equal(Object.keys((await intake.effects()).jobs).length, 5)

  intake.clock.now = new Date(now.getTime() + 2 * 3_600_000)
  const at = intake.clock.now
  t.equal(await status(6, () => ({ 'x-gitlab-token': earlierSecret })), 401)
  t.equal(await status(7, (body) => signatureHeaders(body, { token: earlierSigningToken, at })), 401)
  t.equal(await status(8, (body) => signatureHeaders(body, { at })), 200)
  t.equal(await status(9, () => token), 200)
})

t.test('the address of earlier versions goes on working', async (t) => {
  const intake = await openIntake(t, database)
  const old = (token: string) =>
    intake.app.inject({
      method: 'POST',
      url: '/webhooks/gitlab',
      headers: { 'x-gitlab-token': token, 'content-type': 'application/json' },
      payload: mergeRequestEvent(1),
    })

  t.equal((await old(secret)).statusCode, 200)
  t.equal((await old(earlierSecret)).json().status, 'duplicate')
  t.equal((await old('another')).statusCode, 401)
})

interface Forgery {
  url?: string
  method?: 'GET' | 'PUT' | 'DELETE' | 'PATCH' | 'HEAD'
  headers?: Headers
  payload?: string
  is?: number
}

function minutes(count: number): Date {
  return new Date(now.getTime() + count * 60_000)
}

function eventHeaders(event: string): Headers {
  return { 'x-gitlab-token': secret, 'x-gitlab-event': event }
}

function forgedTokens({ project, other }: Intake): Record<string, Forgery> {
  const token = { 'x-gitlab-token': secret }
  const own = `/webhooks/gitlab/${project.id}`
  const foreign = JSON.stringify({
    object_kind: 'pipeline',
    project: { id: 43 },
    object_attributes: { id: 1 },
  })
  const mixed = JSON.stringify({
    object_kind: 'push',
    project: { id: 42 },
    project_id: 43,
    ref: 'x',
    commits: [],
  })
  return {
    'no credentials': {},
    'an empty token': { headers: { 'x-gitlab-token': '' } },
    'a blank token': { headers: { 'x-gitlab-token': ' ' } },
    'a wrong token': { headers: { 'x-gitlab-token': 'wrong' } },
    'a part of the token': { headers: { 'x-gitlab-token': secret.slice(0, -1) } },
    'the token and more': { headers: { 'x-gitlab-token': `${secret}x` } },
    'the token in capitals': { headers: { 'x-gitlab-token': secret.toUpperCase() } },
    'the token twice': { headers: { 'x-gitlab-token': [secret, secret] } },
    'a wrong and the right token': { headers: { 'x-gitlab-token': ['x', secret] } },
    'the token and another after a comma': { headers: { 'x-gitlab-token': `${secret},x` } },
    'the word null': { headers: { 'x-gitlab-token': 'null' } },
    'the hash of the token': { headers: { 'x-gitlab-token': project.hook.secretHash ?? 'x' } },
    'a token of unicode': { headers: { 'x-gitlab-token': 'ÿ'.repeat(30) } },
    'a huge token': { headers: { 'x-gitlab-token': 'x'.repeat(30_000) } },
    'the token as a bearer token': { headers: { authorization: `Bearer ${secret}` } },
    'the token in the address': { url: `${own}?token=${secret}` },
    'the token in a cookie': { headers: { cookie: `x-gitlab-token=${secret}` } },
    'the token under another name': { headers: { 'gitlab-token': secret } },
    'the token of another project': { headers: { 'x-gitlab-token': 'the-secret-of-the-other' } },
    'the token at the address of another project': { url: `/webhooks/gitlab/${other.id}`, headers: token },
    'the payload of another project': { headers: token, payload: foreign },
    'a payload of two projects': { headers: token, payload: mixed },
    'the payload of another project at the old address': {
      url: '/webhooks/gitlab',
      headers: token,
      payload: foreign,
    },
    'a project that there is not': { url: '/webhooks/gitlab/p0000000000000000', headers: token },
    'the number of the project in GitLab': { url: '/webhooks/gitlab/42', headers: token },
    'the path of the project': { url: '/webhooks/gitlab/research%2Firis', headers: token },
    'an operator for an id': { url: '/webhooks/gitlab/%7B%22%24ne%22%3A1%7D', headers: token },
    'a prototype for an id': { url: '/webhooks/gitlab/__proto__', headers: token },
    'a NUL in the id': { url: `${own}%00`, headers: token },
  }
}

function forgedSignatures({ project, other }: Intake, body: string): Record<string, Forgery> {
  const token = { 'x-gitlab-token': secret }
  const own = `/webhooks/gitlab/${project.id}`
  const signed = signatureHeaders(body)
  return {
    'a wrong signature': { headers: { ...signed, 'webhook-signature': `v1,${'A'.repeat(43)}=` } },
    'a wrong signature beside the right token': {
      headers: { ...signed, ...token, 'webhook-signature': `v1,${'A'.repeat(43)}=` },
    },
    'an empty signature beside the right token': {
      headers: { ...signed, ...token, 'webhook-signature': '' },
    },
    'words for a signature beside the right token': { headers: { ...token, 'webhook-signature': 'none' } },
    'a signature of another version': {
      headers: { ...signed, 'webhook-signature': (signed['webhook-signature'] ?? '').replace('v1,', 'v2,') },
    },
    'a signature without its version': {
      headers: { ...signed, 'webhook-signature': (signed['webhook-signature'] ?? '').slice(3) },
    },
    'an old signature': { headers: signatureHeaders(body, { at: minutes(-6) }) },
    'a signature of the future': { headers: signatureHeaders(body, { at: minutes(6) }) },
    'an old signature with a new time': {
      headers: {
        ...signatureHeaders(body, { at: minutes(-6) }),
        'webhook-timestamp': signed['webhook-timestamp'] ?? '',
      },
    },
    'a signature by another key': {
      headers: signatureHeaders(body, { token: `whsec_${Buffer.alloc(32, 3).toString('base64')}` }),
    },
    'a signature by the token': {
      headers: signatureHeaders(body, { token: `whsec_${Buffer.from(secret).toString('base64')}` }),
    },
    'a signature by an empty key': { headers: signatureHeaders(body, { token: 'whsec_' }) },
    'a signature of another body': { headers: signatureHeaders(body, { body: mergeRequestEvent(2) }) },
    'a signature of the same JSON written otherwise': { headers: signed, payload: `${body} ` },
    'a signature of another id': { headers: { ...signed, 'webhook-id': randomUUID() } },
    'a signature without an id': { headers: { ...signed, 'webhook-id': '' } },
    'a signature without a time': { headers: { ...signed, 'webhook-timestamp': '' } },
    'a time that is none': { headers: { ...signed, 'webhook-timestamp': 'now' } },
    'a signature at the address of another project': { url: `/webhooks/gitlab/${other.id}`, headers: signed },
    'a signature and no project': { url: '/webhooks/gitlab', headers: signed },
    'truncated JSON and no credentials': { payload: body.slice(0, 20) },
    'a form and no credentials': { headers: { 'content-type': 'application/x-www-form-urlencoded' } },
    GET: { method: 'GET', headers: token, is: 404 },
    PUT: { method: 'PUT', headers: token, is: 404 },
    PATCH: { method: 'PATCH', headers: token, is: 404 },
    DELETE: { method: 'DELETE', headers: token, is: 404 },
    'a further folder': { url: `${own}/more`, headers: token, is: 404 },
    'a compressed body': { headers: { ...token, 'content-encoding': 'gzip' }, is: 415 },
  }
}

t.test('forged webhooks are refused and nothing comes of them', async (t) => {
  const intake = await openIntake(t, database)
  const { app } = intake
  const body = mergeRequestEvent(1)
  const own = `/webhooks/gitlab/${intake.project.id}`
  const forgeries = { ...forgedTokens(intake), ...forgedSignatures(intake, body) }
  t.ok(Object.keys(forgeries).length >= 40)

  for (const [name, { url = own, method = 'POST', headers = {}, payload = body, is = 401 }] of Object.entries(
    forgeries,
  )) {
    const answer = await app.inject({
      method,
      url,
      headers: { 'content-type': 'application/json', ...headers },
      ...(method !== 'GET' && { payload }),
    })
    t.equal(answer.statusCode, is, name)
  }

  t.same(await intake.effects(), { jobs: {}, deliveries: 0 })
})

t.test('a body of 26 MB is refused', async (t) => {
  const intake = await openIntake(t, database)

  const answer = await send(intake, 'x'.repeat(26 * 1024 * 1024), { 'x-gitlab-token': secret })

  t.equal(answer.statusCode, 413)
  t.same(await intake.effects(), { jobs: {}, deliveries: 0 })
})

t.test('what is authentic is acknowledged, whatever it is', async (t) => {
  const intake = await openIntake(t, database)
  const token = { 'x-gitlab-token': secret }
  const odd: Record<string, [string | undefined, Headers?]> = {
    nothing: [undefined],
    'truncated JSON': [mergeRequestEvent(1).slice(0, 30)],
    'an array': ['[1,2]'],
    'a number': ['1'],
    'a template of the project': ['{"event":"push"}'],
    'an unknown kind': ['{"object_kind":"emoji","project_id":42}'],
    text: ['hello', { 'content-type': 'text/plain' }],
    'a form': [mergeRequestEvent(1).slice(1), { 'content-type': 'application/x-www-form-urlencoded' }],
    'no known type': ['x', { 'content-type': 'a/b; c' }],
    'a deep body': [`${'['.repeat(100_000)}`],
    'a pipeline by a commit status': [
      '{"object_kind":"pipeline","project":{"id":42},"object_attributes":{"id":5,"source":"external"}}',
    ],
    'a note of ours': [
      '{"object_kind":"note","project_id":42,"object_attributes":{"note":"<!-- mlmm v1 -->"}}',
    ],
    'an edit of words': [
      JSON.stringify({ ...JSON.parse(mergeRequestEvent(1, { action: 'update' })), changes: { title: {} } }),
    ],
    'an approval': [mergeRequestEvent(1, { action: 'approved' })],
  }

  for (const [name, [body, headers]] of Object.entries(odd)) {
    const answer = await send(intake, body, { ...token, ...headers })
    t.match({ ...answer.json(), code: answer.statusCode }, { status: 'ignored', code: 200 }, name)
  }

  t.same((await intake.effects()).jobs, {})
})

t.test('a delivery that comes again has no second effect', async (t) => {
  const intake = await openIntake(t, database)
  const token = { 'x-gitlab-token': secret }
  const named = { ...token, 'idempotency-key': 'one' }
  const body = mergeRequestEvent(3, { action: 'update', oldrev: 'abc' })

  t.equal((await send(intake, body, named)).json().status, 'note')
  t.equal((await send(intake, body, named)).json().status, 'duplicate')
  const together = await Promise.all(
    Array.from({ length: 5 }, () => send(intake, body, { ...token, 'idempotency-key': 'two' })),
  )
  t.same(together.map((answer) => answer.json().status).toSorted(), [...Array(4).fill('duplicate'), 'note'])
  t.same(await intake.effects(), { jobs: { [`note:${intake.project.id}:3`]: 2 }, deliveries: 2 })

  // Where GitLab gives it no name, the same body may be news later.
  t.equal((await send(intake, body, token)).json().status, 'note')
  t.equal((await send(intake, body, token)).json().status, 'duplicate')
  intake.clock.now = new Date(now.getTime() + 120_000)
  t.equal((await send(intake, body, token)).json().status, 'note')
  t.equal((await send(intake, body, named)).json().status, 'duplicate')
})

t.test('a signed delivery that is sent by somebody else again has no effect', async (t) => {
  const intake = await openIntake(t, database)
  const body = mergeRequestEvent(3)
  const headers = signatureHeaders(body)

  t.equal((await send(intake, body, headers)).json().status, 'note')
  t.equal((await send(intake, body, headers)).json().status, 'duplicate')
  t.equal((await send(intake, body, { ...headers, 'idempotency-key': 'x' })).json().status, 'duplicate')
  t.same(await intake.effects(), { jobs: { [`note:${intake.project.id}:3`]: 1 }, deliveries: 1 })
})

t.test('1,000 deliveries, ten of each, have 100 effects', async (t) => {
  const intake = await openIntake(t, database)
  const all = Array.from({ length: 1_000 }, (_, index) => index % 100)

  const answers = await Promise.all(
    all.map((iid) =>
      send(intake, mergeRequestEvent(iid + 1), { 'x-gitlab-token': secret, 'idempotency-key': `d${iid}` }),
    ),
  )

  t.ok(answers.every((answer) => answer.statusCode === 200))
  const { jobs, deliveries } = await intake.effects()
  t.same([Object.keys(jobs).length, [...new Set(Object.values(jobs))], deliveries], [100, [1], 100])
})

t.test('a project that was renamed is asked about', async (t) => {
  const intake = await openIntake(t, database)
  const body = JSON.stringify({
    object_kind: 'push',
    project: { id: 42, path_with_namespace: 'research/lilies' },
  })

  await send(intake, body, { 'x-gitlab-token': secret })

  t.same((await intake.stores.projects.find(intake.project.id))?.checkedAt, new Date(0))
})

t.test('what comes of a project that was disconnected has no effect', async (t) => {
  const intake = await openIntake(t, database)
  const set = (disconnectedAt: Date | null) =>
    projectCollection(database.db).updateOne({ _id: intake.project.id }, { $set: { disconnectedAt } })
  await set(now)

  const answer = await send(intake, mergeRequestEvent(1), { 'x-gitlab-token': secret })
  await set(null)

  t.equal(answer.json().status, 'ignored')
  t.same((await intake.effects()).jobs, {})
})

t.test('every documented payload passes, with any one field gone, null or renamed too', async (t) => {
  const intake = await openIntake(t, database)
  const samples = readSamples(42)
  t.ok(samples.length >= 12)

  for (const { name, body } of samples) {
    t.equal((await send(intake, JSON.stringify(body), eventHeaders(name))).statusCode, 200, name)
    const spoilt = pathsOf(body).flatMap((path) =>
      ['gone', 'null', 'renamed'].map((how) => spoil(body, path, how)),
    )
    const found = new Set<number>()
    for (let start = 0; start < spoilt.length; start += atOnce) {
      const batch = spoilt.slice(start, start + atOnce)
      const answers = await Promise.all(
        batch.map((one) => send(intake, JSON.stringify(one), eventHeaders(name))),
      )
      for (const answer of answers) found.add(answer.statusCode)
    }
    t.same([...found], [200], `${name}: ${spoilt.length} ways`)
  }
})

type Path = (string | number)[]

function pathsOf(value: unknown, at: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return []
  const keys = Array.isArray(value) ? [...value.keys()] : Object.keys(value)
  return keys.flatMap((key) => {
    const path = [...at, key]
    return [path, ...pathsOf((value as Record<string | number, unknown>)[key], path)]
  })
}

function spoil(body: unknown, path: Path, how: string): unknown {
  const copy = structuredClone(body) as Record<string | number, unknown>
  const last = path.at(-1) ?? ''
  const parent = path.slice(0, -1).reduce((at, key) => at[key] as typeof at, copy)
  const value = parent[last]
  delete parent[last]
  if (how === 'null') parent[last] = null
  if (how === 'renamed') parent[`${last}_`] = value
  return copy
}
