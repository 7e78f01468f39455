import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import t, { type Test } from 'tap'
import { type Simulator, type SimulatorOptions, startSimulator } from '../../simulator/simulator.js'
import { readConfig } from '../../service/config.js'
import { run } from '../run.js'

const publicUrl = 'https://127.0.0.1:8443/mlmm'

interface Stage {
  simulator: Simulator
  /** The administrator's. */
  token: string
  env: string
  setup(...args: string[]): Promise<{ code: number; text: string; errors: string }>
  values(): Record<string, string | undefined>
  /** `POST /users` and the like, in order. */
  writes(): string[]
}

async function open(t: Test, options: SimulatorOptions = {}): Promise<Stage> {
  const folder = mkdtempSync(join(tmpdir(), 'mlmm-setup-'))
  const simulator = await startSimulator(options)
  t.teardown(async () => {
    delete process.env.GITLAB_ADMIN_TOKEN
    rmSync(folder, { recursive: true })
    await simulator.close()
  })
  const { token } = simulator.createUser({ username: 'root', admin: true })
  const env = join(folder, '.env')
  process.env.GITLAB_ADMIN_TOKEN = token
  return {
    simulator,
    token,
    env,
    setup: (...args) => mlmm('setup', simulator.url, '--public-url', publicUrl, '--env', env, ...args),
    values: () => parseEnv(readFileSync(env, 'utf8')),
    writes: () =>
      simulator.calls
        .filter(({ method }) => method !== 'GET')
        .map(({ method, route }) => `${method} ${route}`),
  }
}

async function mlmm(...args: string[]) {
  const output = { text: '', errors: '' }
  const code = await run(args, {
    write: (text) => (output.text += text),
    complain: (text) => (output.errors += text),
    isTerminal: false,
  })
  return { code, ...output }
}

t.test('the dry run says what it would do, and does nothing', async (t) => {
  const { simulator, token, env, setup, writes } = await open(t, { relativePath: '/gitlab' })

  const { code, text, errors } = await setup()

  t.equal(code, 0)
  t.equal(errors, '')
  t.match(text, /^GitLab 18\.4\S* at http:\/\/127\.0\.0\.1:\d+\/gitlab, as @root, an administrator\n/)
  t.match(text, /would {4}configuration: make .*PUBLIC_URL, GITLAB_URL, SESSION_SECRET, ENCRYPTION_KEYS\n/)
  t.match(text, /would {4}OAuth application: make the application mlmm: confidential, trusted, /)
  t.match(
    text,
    /would {4}bot: make the user @mlmm-bot and a token with the scope api until 20\d\d-\d\d-\d\d\n/,
  )
  t.match(
    text,
    /would {4}outbound requests: allow webhooks to 127\.0\.0\.1:8443, which is in the local network\n/,
  )
  t.match(
    text,
    /would {4}CI component: make the group ml and the project ml\/mlmm \(internal\) with README\.md, /,
  )
  t.match(text, /Nothing was changed\. Repeat with --yes/)
  t.match(text, /warning: http:\/\/127.* is http/)
  t.same(writes(), [])
  t.notOk(existsSync(env))
  t.ok(simulator.calls.length > 5)
  t.notMatch(text, token)
})

t.test('--yes makes all of it, and a second time nothing', async (t) => {
  const { simulator, token, env, setup, values, writes } = await open(t, { relativePath: '/gitlab' })

  const first = await setup('--yes')
  const made = writes()
  const file = readFileSync(env, 'utf8')
  const config = readConfig({ ...values(), MONGODB_URL: 'mongodb://127.0.0.1' })
  simulator.clearCalls()
  const second = await setup('--yes')

  t.equal(first.code, 0, first.text)
  t.same(made, [
    'POST /applications',
    'POST /users',
    'POST /users/:id/personal_access_tokens',
    'PUT /application/settings',
    'POST /groups',
    'POST /projects',
    'POST /projects/:id/repository/commits',
    'POST /projects/:id/repository/tags',
  ])
  t.equal(statSync(env).mode & 0o777, 0o600)
  t.match(config, { publicUrl, gitlab: { url: simulator.url }, encryptionKeys: [{ name: '1' }] })
  t.match(file, /# Port on this machine\./, 'the comments of the sample')
  const [application] = simulator.state.applications.values()
  t.match(application, {
    clientId: config.oauth?.clientId,
    clientSecret: config.oauth?.clientSecret,
    redirectUris: [`${publicUrl}/-/sign-in/callback`],
    scopes: ['read_user', 'read_api', 'api'],
    confidential: true,
    trusted: true,
  })
  const bot = simulator.state.tokens.get(config.gitlab.botToken ?? '')
  t.match(bot, { scopes: ['api'], state: 'active' })
  t.equal(simulator.state.users.get(bot?.userId ?? 0)?.username, 'mlmm-bot')
  t.same(simulator.state.instance.outboundAllowlist, ['127.0.0.1:8443'])
  t.equal(second.code, 0)
  t.match(second.text, /Everything was there\. Nothing was changed\./)
  t.equal(second.text.match(/^exists /gm)?.length, 5)
  t.same(writes(), [], 'nothing is written the second time')
  t.equal(readFileSync(env, 'utf8'), file)
  for (const text of [first.text, first.errors, second.text, file]) t.notMatch(text, token)
  for (const text of [first.text, second.text]) {
    t.notMatch(text, config.gitlab.botToken ?? '-')
    t.notMatch(text, config.oauth?.clientSecret ?? '-')
  }
})

t.test('the component can be included and released', async (t) => {
  const { simulator, token, setup } = await open(t)
  await setup('--yes', '--component', 'tools/ml/mlmm')

  const files = async (path: string) => {
    const at = `${simulator.url}/api/v4/projects/tools%2Fml%2Fmlmm/repository/files/${encodeURIComponent(path)}/raw?ref=0.1.0`
    return (await fetch(at, { headers: { 'private-token': token } })).text()
  }

  t.match(await files('templates/mlmm.yml'), `inputs:\n    url:\n      default: '${publicUrl}'\n`)
  t.match(await files('.gitlab-ci.yml'), /release:\n +tag_name: \$CI_COMMIT_TAG/)
  t.match(await files('README.md'), /^# mlmm/)
  const [project] = simulator.state.projects.values()
  t.match(project, { path: 'tools/ml/mlmm', visibility: 'internal' })
})

t.test('values that are there are kept, and what they name is not made again', async (t) => {
  const { simulator, env, setup, values, writes } = await open(t)
  const bot = simulator.createUser({ username: 'robo' })
  writeFileSync(
    env,
    `# mine\nSESSION_SECRET=${'s'.repeat(40)}\nGITLAB_BOT_TOKEN=${bot.token}\nPORT=9000\nGITLAB_CLIENT_ID=\n`,
    { mode: 0o644 },
  )

  const { code, text } = await setup('--yes')

  t.equal(code, 0, text)
  t.match(text, /exists {3}bot: .* has a token of @robo/)
  t.notOk(writes().includes('POST /users'))
  t.match(values(), { SESSION_SECRET: 's'.repeat(40), GITLAB_BOT_TOKEN: bot.token, PORT: '9000' })
  t.match(values().GITLAB_CLIENT_ID, /./)
  t.match(readFileSync(env, 'utf8'), /^# mine\nSESSION_SECRET=s+\n/)
  t.equal(statSync(env).mode & 0o777, 0o600)
})

t.test('a copy of the sample is filled in, and another address is refused', async (t) => {
  const { env, setup, values, writes } = await open(t)
  writeFileSync(env, readFileSync(new URL('../../.env.sample', import.meta.url), 'utf8'))
  await setup('--yes')
  t.match(values(), { PUBLIC_URL: publicUrl, GITLAB_BOT_TOKEN: /^glpat-/ })
  const count = writes().length

  const { code, errors } = await setup('--yes', '--public-url', 'https://other.example.com')

  t.equal(code, 2)
  t.match(
    errors,
    /has PUBLIC_URL=https:\/\/127\.0\.0\.1:8443\/mlmm, and https:\/\/other\.example\.com is given/,
  )
  t.equal(writes().length, count)
})

t.test('an application whose secret is lost gets a new one', async (t) => {
  const { simulator, env, setup, values } = await open(t)
  await setup('--yes')
  const before = values()
  rmSync(env)

  const { code, text } = await setup('--yes')

  t.equal(code, 0)
  t.match(text, /done {5}OAuth application: the secret of the application mlmm is renewed/)
  t.match(text, /done {5}bot: @mlmm-bot has a token until/)
  t.equal(simulator.state.applications.size, 1)
  t.equal(values().GITLAB_CLIENT_ID, before.GITLAB_CLIENT_ID)
  t.not(values().GITLAB_CLIENT_SECRET, before.GITLAB_CLIENT_SECRET)
  t.equal([...simulator.state.users.values()].filter(({ username }) => username === 'mlmm-bot').length, 1)
})

t.test('a failure says what was done and what not, and the next run does the rest', async (t) => {
  const { simulator, token, setup, values, writes } = await open(t)
  const fault = simulator.faults.add({
    method: 'POST',
    route: '/users/:id/personal_access_tokens',
    status: 500,
    body: { message: `no ${token}` },
  })

  const broken = await setup('--yes')
  fault.remove()
  simulator.clearCalls()
  const { code, text } = await setup('--yes')

  t.equal(broken.code, 1)
  t.match(broken.text, /done {5}OAuth application: /)
  t.match(
    broken.text,
    /failed {3}bot: GitLab answers POST \/users\/\d+\/personal_access_tokens with 500: no \[token\]\nnot done outbound requests\nnot done CI component\n/,
  )
  t.notMatch(broken.text, token)
  t.equal(code, 0)
  t.match(text, /exists {3}OAuth application: /)
  t.notOk(writes().includes('POST /users'), 'who is there is not made again')
  t.match(values().GITLAB_BOT_TOKEN, /^glpat-/)
})

t.test('who is no administrator is told what to do by hand', async (t) => {
  const { simulator, token, setup, values, writes } = await open(t)
  await fetch(`${simulator.url}/api/v4/groups`, {
    method: 'POST',
    headers: { 'private-token': token, 'content-type': 'application/json' },
    body: JSON.stringify({ path: 'ml', name: 'ml', visibility: 'public' }),
  })
  process.env.GITLAB_ADMIN_TOKEN = simulator.createUser({ username: 'maya' }).token
  simulator.clearCalls()

  const dry = await setup()
  const { code, text } = await setup('--yes')

  t.equal(dry.code, 1)
  t.match(dry.text, /as @maya, no administrator/)
  t.equal(code, 1)
  t.match(text, /cannot {3}OAuth application: .*\n +open .*\/-\/user_settings\/applications /)
  t.match(
    text,
    new RegExp(`redirect URI ${publicUrl}/-/sign-in/callback, confidential, scopes read_user, read_api, api`),
  )
  t.match(text, /cannot {3}bot: .*\n +.*project access token/)
  t.match(text, /cannot {3}outbound requests: .*\n +Admin area, Settings, Network/)
  t.match(text, /done {5}configuration: /)
  t.match(text, /failed {3}CI component: .* 403.*; give --component a path in a group of yours\n/)
  t.match(values().SESSION_SECRET, /^[0-9a-f]{64}$/)
  t.same(
    writes().filter((call) => /application|users/.test(call)),
    [],
  )
})

t.test('a wrong token, address or argument is said in a line', async (t) => {
  const { simulator, setup } = await open(t)
  const reading = simulator.createToken(1, { scopes: ['read_api'] })
  const cases: [token: string, args: string[], expected: RegExp][] = [
    ['glpat-wrong', [], /GitLab answers GET \/user with 401: 401 Unauthorized/],
    ['', [], /GITLAB_ADMIN_TOKEN is not set/],
    ['two words', [], /GITLAB_ADMIN_TOKEN is no token/],
    [reading, [], /The token has the scopes read_api, and needs api/],
    [reading, ['--public-url', 'https://x.example.com/ü'], /--public-url must be http/],
    [reading, ['--component', 'mlmm'], /--component must be the path/],
    [reading, ['--nope'], /Unknown option '--nope'/],
  ]

  for (const [token, args, expected] of cases) {
    process.env.GITLAB_ADMIN_TOKEN = token
    const { code, errors } = await setup(...args)
    t.equal(code, 2, errors)
    t.match(errors, expected)
    if (token.startsWith('glpat')) t.notMatch(errors, token)
  }
  const wrongPath = await mlmm('setup', `${simulator.url}/nowhere`, '--public-url', publicUrl)
  t.equal(wrongPath.code, 2)
  const closed = await mlmm('setup', 'http://127.0.0.1:1', '--public-url', publicUrl)
  t.match(closed.errors, /127\.0\.0\.1:1 (refuses connections|cannot be reached)/)
})
