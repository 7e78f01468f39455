import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { findDatabase, tellDatabase } from '../../embedded/data-folder.js'
import { startMongod } from '../../embedded/mongod.js'
import { openTestDatabase } from '../../embedded/test-database.js'
import { connectDatabase } from '../../service/stores/database.js'
import { createApiTokenStore } from '../../service/stores/api-token-store.js'
import { startSimulator } from '../../simulator/simulator.js'

const script = fileURLToPath(new URL('../token.ts', import.meta.url))
const { url, db } = await openTestDatabase(t)
const tokens = createApiTokenStore(db)
const simulator = await startSimulator()
t.teardown(() => simulator.close())
const bot = simulator.createUser({ username: 'mlmm-bot' })
const maya = simulator.createUser({ username: 'maya', name: 'Maya\u001b[31m Maintainer' })
const blocked = simulator.createUser({ username: 'bertha' })
simulator.setUserState(blocked.id, 'blocked')

const settings = {
  PUBLIC_URL: 'http://mlmm.test',
  GITLAB_URL: simulator.url,
  GITLAB_BOT_TOKEN: bot.token,
  SESSION_SECRET: 's'.repeat(32),
  MONGODB_URL: url,
}

async function run(args: string[], env: Record<string, string> = {}) {
  const child = spawn(process.execPath, ['--import', 'tsx', script, ...args], {
    env: { ...process.env, ...settings, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const [out, said, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit') as Promise<[number]>,
  ])
  return { out, said, code }
}

t.test('a token is printed once, with what it may do, and works', async (t) => {
  const { out, said, code } = await run([String(maya.id), '--days', '30'])

  t.equal(code, 0, said)
  t.match(out, /^mlmm_[\w-]{43}\n$/)
  t.match(said, /speaks for Maya \[31m Maintainer \(@maya, user \d+\) until \d{4}-\d\d-\d\d\./)
  t.match(said, /Maintainer\)\.\n/)
  const row = await tokens.findByText(out.trim())
  t.match(row, { gitlabUserId: maya.id, name: 'maya', scope: 'write', revokedAt: null })
  t.equal(Number(row?.expiresAt) - Number(row?.createdAt), 30 * 86_400_000)
})

t.test('a token that reads holds for 90 days; all of a person can be ended', async (t) => {
  const made = await run([String(maya.id), '--read'])
  const row = await tokens.findByText(made.out.trim())
  t.equal(row?.scope, 'read')
  t.equal(Number(row?.expiresAt) - Number(row?.createdAt), 90 * 86_400_000)
  t.match(made.said, 'may only read')

  const ended = await run([String(maya.id), '--revoke'])

  t.equal(ended.code, 0, ended.said)
  t.match(ended.said, /tokens? of GitLab user \d+ ended/)
  t.ok((await tokens.findByText(made.out.trim()))?.revokedAt)
})

const refusals: [title: string, args: string[], code: number, said: RegExp, env?: Record<string, string>][] =
  [
    ['a name', ['maya'], 64, /maya is no GitLab user id/],
    ['an unknown option', ['1', '--scope', 'x'], 64, /--scope.*\n\nUsage/],
    ['a user that there is not', ['4711'], 1, /has no user 4711\. No token was made/],
    ['a blocked user', [String(blocked.id)], 1, /@bertha.* is blocked in GitLab/],
    [
      'a wrong bot token',
      [String(maya.id)],
      1,
      /could not ask GitLab.*401/,
      { GITLAB_BOT_TOKEN: 'glpat-wrong' },
    ],
    ['no address of GitLab', [String(maya.id)], 78, /GITLAB_URL is not set/, { GITLAB_URL: '' }],
  ]
for (const [title, args, code, said, env] of refusals) {
  t.test(`refused: ${title}`, async (t) => {
    const count = await db.collection('apiTokens').countDocuments()

    const answer = await run(args, env)

    t.match(answer, { code, said })
    t.equal(answer.out, '')
    t.equal(await db.collection('apiTokens').countDocuments(), count)
  })
}

t.test('without MONGODB_URL the database of npm start is used, running or not', async (t) => {
  const data = t.testdir()
  const env = { MONGODB_URL: '', MLMM_DATA: data }
  const none = await run([String(maya.id)], env)
  t.match(none, { code: 1, said: /MONGODB_URL is not set.*npm start/ })

  const mongod = await startMongod({ dataDir: `${data}/mongodb`, cacheSizeGb: 0.25 })
  await tellDatabase(data, mongod.url)
  t.equal(await findDatabase(data), mongod.url)
  const running = await run([String(maya.id)], env)
  t.equal(running.code, 0, running.said)
  const { client, db } = await connectDatabase(mongod.url)
  t.equal(await db.collection('apiTokens').countDocuments(), 1)
  await client.close()
  await mongod.stop()

  t.equal(await findDatabase(data), null)
  const stopped = await run([String(maya.id)], env)
  t.equal(stopped.code, 0, stopped.said)
  t.match(stopped.out, /^mlmm_/)
})
