import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { execFileSync } from 'node:child_process'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import t, { type Test } from 'tap'
import { freePort, startService } from '../../demo/service-process.js'
import { startMongod } from '../../embedded/mongod.js'
import { eventually } from '../../service/test/support/service.js'
import { startSimulator } from '../../simulator/simulator.js'
import { doctorCommand } from '../doctor/doctor.js'
import { run } from '../run.js'

const folder = mkdtempSync(join(tmpdir(), 'mlmm-doctor-'))
const simulator = await startSimulator({ relativePath: '/gitlab' })
const mongod = await startMongod({ cacheSizeGb: 0.25 })
const port = await freePort()
const publicUrl = `http://127.0.0.1:${port}`
const env = join(folder, '.env')
process.env.GITLAB_ADMIN_TOKEN = simulator.createUser({ username: 'root', admin: true }).token
const made = await mlmm(['setup', simulator.url, '--public-url', publicUrl, '--env', env, '--yes'])
const settings = {
  ...(parseEnv(readFileSync(env, 'utf8')) as Record<string, string>),
  PORT: String(port),
  MONGODB_URL: mongod.url,
  AUTO_CONNECT: 'team/*',
  LOG_LEVEL: 'warn',
}
const service = await startService(settings, join(folder, 'service.log'))
let mongodStops: Promise<void> | null = null
t.teardown(async () => {
  await service.kill()
  await (mongodStops ?? mongod.stop())
  await simulator.close()
  rmSync(folder, { recursive: true })
})

function outputTo(output: { text: string; errors: string }) {
  return {
    write: (text: string) => (output.text += text),
    complain: (text: string) => (output.errors += text),
    isTerminal: false,
  }
}

async function mlmm(args: string[]) {
  const output = { text: '', errors: '' }
  const code = await run(args, outputTo(output))
  return { code, ...output }
}

interface Examination {
  args?: string[]
  now?: () => Date
}

let examined = 0

/** With some of the settings changed. */
async function doctor(changes: Record<string, string> = {}, { args = [], now }: Examination = {}) {
  const file = join(folder, `changed-${(examined += 1)}.env`)
  const lines = Object.entries({ ...settings, ...changes }).map(([name, value]) => `${name}=${value}\n`)
  writeFileSync(file, lines.join(''))
  const output = { text: '', errors: '' }
  const code = await doctorCommand(['--env', file, ...args], outputTo(output), now)
  for (const secret of secrets({ ...settings, ...changes })) {
    if (output.text.includes(secret)) throw new Error('a secret is shown')
  }
  return { code, ...output }
}

function secrets(of: Record<string, string>): string[] {
  const names = ['GITLAB_BOT_TOKEN', 'GITLAB_CLIENT_SECRET', 'SESSION_SECRET', 'ENCRYPTION_KEYS']
  return [...names.map((name) => of[name] ?? '').filter((secret) => secret.length > 8), 'secret-word']
}

/** `fix` stands on the line after. */
async function problem(t: Test, changes: Record<string, string>, expected: RegExp, options?: Examination) {
  const { code, text } = await doctor(changes, options)
  t.equal(code, 1)
  t.match(text, expected)
}

t.test('after setup, all is well', async (t) => {
  const writesBefore = simulator.calls.filter(({ method }) => method !== 'GET').length

  const { code, text } = await doctor()

  t.equal(made.code, 0, made.text)
  t.equal(code, 0, text)
  t.match(text, /^ok {7}configuration: complete, from .*changed-\d+\.env\n/)
  t.match(text, /\nok {7}GitLab API: 18\.4\S* at http:\/\/127\.0\.0\.1:\d+\/gitlab/)
  t.match(text, /\nok {7}clock: agrees/)
  t.match(text, /\nok {7}bot: @mlmm-bot, scope api, until 20/)
  t.match(text, /\nok {7}OAuth: client id and secret are right, redirects to /)
  t.match(text, /\nok {7}ID tokens: \d keys?, issuer http/)
  t.match(text, /\nok {7}MongoDB: \d+\.\S+, replica set \S+, database mlmm\n/)
  t.match(text, /\nok {7}service: ready at /)
  t.match(text, /\nok {7}CI template: served at /)
  const writes = simulator.calls.filter(({ method }) => method !== 'GET').slice(writesBefore)
  t.same(
    writes.map(({ method, route }) => `${method} ${route}`),
    ['POST /oauth/token'],
  )
})

t.test('as JSON', async (t) => {
  const { code, text } = await doctor({ GITLAB_CLIENT_SECRET: 'wrong' }, { args: ['--json'] })

  t.equal(code, 1)
  const found = JSON.parse(text) as { state: string; name: string }[]
  t.match(
    found.find(({ state }) => state === 'problem'),
    { name: 'OAuth', text: /is not its secret/, fix: /./ },
  )
})

t.test('GitLab: wrong address, wrong path, redirect, old version, closed port', async (t) => {
  await problem(
    t,
    { GITLAB_URL: simulator.url.replace('/gitlab', '') },
    /problem {2}GitLab API: .* answers 404/,
  )
  await problem(t, { GITLAB_URL: 'http://127.0.0.1:1' }, /problem {2}GitLab API: http:\/\/127\.0\.0\.1:1 /)
  const redirecting = await answering(t, 301, { location: 'https://gitlab.example.com/api/v4/version' }, '')
  await problem(
    t,
    { GITLAB_URL: redirecting },
    /GitLab API: .* it redirects to https:\/\/gitlab\.example\.com/,
  )
  const page = await answering(t, 200, {}, '<html>Welcome</html>')
  await problem(
    t,
    { GITLAB_URL: page },
    /GitLab API: .* a web page; is the path right\?\n +→ set GITLAB_URL to/,
  )
  const old = await answering(t, 200, {}, '{"version":"15.11.2"}')
  await problem(t, { GITLAB_URL: old }, /GitLab API: this is GitLab 15\.11\.2\n +→ update GitLab to 16\.0/)
})

t.test('a certificate of an unknown authority', async (t) => {
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1']
  const pair = ['-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', cert]
  execFileSync('openssl', ['req', '-x509', ...pair, '-days', '1', ...subject], { stdio: 'ignore' })
  const server = createTlsServer({ key: readFileSync(key), cert: readFileSync(cert) }, (_request, response) =>
    response.end('{}'),
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())

  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
  await problem(
    t,
    { GITLAB_URL: url },
    /authority that is not known here \(DEPTH_ZERO_SELF_SIGNED_CERT\)\. .*NODE_EXTRA_CA_CERTS/,
  )
})

t.test('the bot: revoked, expired, ending soon, too small a scope, blocked', async (t) => {
  const { id } = [...simulator.state.users.values()].find(({ username }) => username === 'mlmm-bot') ?? {
    id: 0,
  }
  const token = (input: object) => ({ GITLAB_BOT_TOKEN: simulator.createToken(id, input) })

  await problem(
    t,
    { GITLAB_BOT_TOKEN: 'glpat-unknown-one' },
    /bot: GitLab refuses the token: 401 Unauthorized\n +→ remove/,
  )
  await problem(t, token({ state: 'expired' }), /bot: GitLab refuses the token: Token is expired/)
  await problem(t, token({ scopes: ['read_api'] }), /bot: the token of @mlmm-bot has the scopes read_api/)
  const soon = new Date(Date.now() + 3 * 86_400_000)
  await problem(t, token({ scopes: ['api'], expiresAt: soon }), /bot: the token of @mlmm-bot ends on 20/)
  const blocked = simulator.createUser({ username: 'sleepy' })
  simulator.setUserState(blocked.id, 'blocked')
  await problem(t, { GITLAB_BOT_TOKEN: blocked.token }, /bot: GitLab refuses the user: .*blocked/)
})

t.test('OAuth: wrong secret, wrong id, other redirect URI, fewer scopes', async (t) => {
  await problem(t, { GITLAB_CLIENT_SECRET: 'wrong-secret' }, /OAuth: GitLab does not know .*\n +→ copy both/)
  await problem(t, { GITLAB_CLIENT_ID: 'unknown' }, /OAuth: GitLab does not know GITLAB_CLIENT_ID/)
  const other = simulator.createApplication({
    name: 'x',
    redirectUri: 'https://x.example.com/',
    scopes: ['api'],
  })
  const elsewhere = { GITLAB_CLIENT_ID: other.clientId, GITLAB_CLIENT_SECRET: other.clientSecret }
  await problem(
    t,
    elsewhere,
    /OAuth: the application has another redirect URI\n +→ set its redirect URI to http/,
  )
  const redirectUri = `${publicUrl}/-/sign-in/callback`
  const small = simulator.createApplication({ name: 'y', redirectUri, scopes: ['read_user'] })
  const narrow = { GITLAB_CLIENT_ID: small.clientId, GITLAB_CLIENT_SECRET: small.clientSecret }
  await problem(t, narrow, /OAuth: the application lacks scopes/)
})

t.test('ID tokens: another issuer, no keys', async (t) => {
  const signing = await startSimulator({ issuerUrl: 'https://gitlab.example.com' })
  t.teardown(() => signing.close())

  const split = { GITLAB_API_URL: signing.url, GITLAB_URL: signing.url }
  await problem(
    t,
    split,
    /ID tokens: GitLab signs as https:\/\/gitlab\.example\.com, .*\n +→ set GITLAB_ISSUER to exactly https:\/\/gitlab\.example\.com\n/,
  )
  await problem(t, { GITLAB_JWKS_URL: `${publicUrl}/healthz` }, /ID tokens: .* answers 200, not with keys/)
})

t.test('the clock', async (t) => {
  const now = new Date(Date.now() - 95_000)
  await problem(t, {}, /clock: this machine is 9\d seconds behind GitLab/, { now: () => now })
})

t.test('the configuration: incomplete, wrong', async (t) => {
  await problem(t, { GITLAB_CLIENT_SECRET: '' }, /^problem {2}configuration: GITLAB_CLIENT_SECRET is not set/)
  await problem(t, { PUBLIC_URL: 'mlmm' }, /^problem {2}configuration: PUBLIC_URL must be/)
  const missing = await mlmm(['doctor', '--env', join(folder, 'nothing')])
  t.equal(missing.code, 1)
  t.match(missing.text, /configuration: PUBLIC_URL is not set/)
  t.equal((await mlmm(['doctor', '--nope'])).code, 2)
})

t.test('the service: away, something else, another address', async (t) => {
  await problem(
    t,
    { PUBLIC_URL: 'http://127.0.0.1:1' },
    /service: http:\/\/127\.0\.0\.1:1 .*\n +→ start the service/,
  )
  await problem(t, { PUBLIC_URL: simulator.url }, /service: .*\/healthz answers \d+, not as mlmm does/)
  const through = publicUrl.replace('127.0.0.1', 'localhost')
  await problem(
    t,
    { PUBLIC_URL: through },
    /CI template: .* sends jobs elsewhere .*\n +→ start the service with the same/,
  )
})

t.test('a project: hidden, too low a role, no hook, a hook that works, a disabled one', async (t) => {
  const bot = [...simulator.state.users.values()].find(({ username }) => username === 'mlmm-bot')
  const botId = bot?.id ?? 0
  const maya = simulator.createUser({ username: 'maya' })
  const path = 'team/iris'
  const members = [{ userId: maya.id, accessLevel: 40 as const }]
  const { id } = await simulator.createProject({ path, visibility: 'private', members })
  const sha = await simulator.pushFiles({
    projectId: id,
    userId: maya.id,
    branch: 'main',
    message: 'first',
    files: { 'a.txt': 'a' },
  })
  const args = { args: ['--project', path] }

  await problem(t, {}, /posting: @mlmm-bot sees no project team\/iris\n +→ make @mlmm-bot a member/, args)
  simulator.addMember(id, { userId: botId, accessLevel: 20 })
  await problem(t, {}, /posting: @mlmm-bot has the level 20 in team\/iris/, args)
  simulator.removeMember(id, botId)
  simulator.addMember(id, { userId: botId, accessLevel: 40 })
  await problem(t, {}, /ok {7}posting: .*\nproblem {2}webhook: no hook points to http/, args)

  const { jobs } = simulator.createPipeline({
    projectId: id,
    ref: 'main',
    sha,
    userId: maya.id,
    jobs: [{ name: 'train' }],
  })
  const answer = await fetch(`${publicUrl}/api/v1/reports`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${simulator.idToken({ jobId: jobs[0]?.id ?? 0, aud: publicUrl })}`,
      'content-type': 'application/json',
    },
    body: JSON.stringify({ models: [{ name: 'tree', dataset: 'iris', results: { accuracy: 0.9 } }] }),
  })
  t.ok(answer.ok, await answer.text())
  await eventually('the hook', () => simulator.state.hooks.size > 0)
  await simulator.pushFiles({
    projectId: id,
    userId: maya.id,
    branch: 'main',
    message: 'second',
    files: { 'a.txt': 'b' },
  })
  await simulator.settled()
  const good = await doctor({}, args)
  t.equal(good.code, 0, good.text)
  t.match(good.text, /ok {7}webhook: registered and enabled; the last delivery arrived/)

  const [hook] = simulator.state.hooks.values()
  if (hook === undefined) return
  hook.alertStatus = 'disabled'
  await problem(t, {}, /webhook: GitLab has disabled the hook \(disabled/, args)
})

t.test('MongoDB: not there, stopped, missed by the service', async (t) => {
  const waiting = await serving(t, (path, response) => {
    response.end(path === '/healthz' ? '{"status":"ok"}' : '{"status":"database unavailable"}')
  })
  await problem(
    t,
    { PUBLIC_URL: waiting },
    /service: it lives, but database unavailable\n +→ look at MongoDB/,
  )
  const without = await doctor({ MONGODB_URL: '' })
  t.match(without.text, /skipped {2}MongoDB: MONGODB_URL is not set/)
  mongodStops = mongod.stop()
  await mongodStops

  const away = /problem {2}MongoDB: it cannot be reached or refuses: Mongo\w+\n +→ start MongoDB/
  await Promise.all([
    problem(t, { PUBLIC_URL: waiting }, away),
    problem(t, { PUBLIC_URL: waiting, MONGODB_URL: 'mongodb://u:secret-word@127.0.0.1:1/' }, away),
  ])
})

/** A server that gives one answer to everything. */
function answering(t: Test, status: number, headers: Record<string, string>, body: string): Promise<string> {
  return serving(t, (_path, response) => response.writeHead(status, headers).end(body))
}

async function serving(t: Test, answer: (path: string, response: ServerResponse) => void): Promise<string> {
  const server = createServer((request, response) => answer(request.url ?? '', response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
