import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { isAlive } from '../lock.js'

const script = fileURLToPath(new URL('../start.ts', import.meta.url))
const settings = {
  HOST: '127.0.0.1',
  PORT: '0',
  PUBLIC_URL: 'http://mlmm.test',
  GITLAB_URL: 'http://127.0.0.1:9',
  GITLAB_BOT_TOKEN: 'glpat-none',
  MONGODB_URL: '',
  SESSION_SECRET: '',
}

t.test('npm start brings a database, ends in order, and keeps data and secret', async (t) => {
  const data = t.testdir()
  const first = await start(t, data)
  const answer = await fetch(`${first.address}/readyz`)
  const secret = await readFile(join(data, 'session-secret'), 'utf8')
  first.starter.kill('SIGTERM')
  const [code] = await once(first.starter, 'exit')
  const second = await start(t, data)

  t.equal(answer.status, 200)
  t.equal(code, 0)
  t.notOk(isAlive(first.service))
  t.notOk(isAlive(first.mongod))
  t.match(secret, /^[0-9a-f]{64}$/)
  t.equal((await stat(join(data, 'session-secret'))).mode & 0o777, 0o600)
  t.equal(await readFile(join(data, 'session-secret'), 'utf8'), secret)
  second.starter.kill('SIGINT')
  await once(second.starter, 'exit')
})

t.test('nothing runs on when npm start is killed', async (t) => {
  const running = await start(t, t.testdir())

  running.starter.kill('SIGKILL')

  while (isAlive(running.service) || isAlive(running.mongod)) await delay(10)
  t.pass('service and mongod are gone')
})

t.test('npm start says which log to read when its database dies', async (t) => {
  const data = t.testdir()
  const { starter, mongod } = await start(t, data)
  const said = text(starter.stderr)

  process.kill(mongod, 'SIGKILL')
  const [code] = await once(starter, 'exit')

  t.equal(code, 1)
  t.match(await said, join(data, 'mongodb', 'mongod.log'))
})

t.test('problems of the configuration are told before anything is started', async (t) => {
  const data = t.testdir()
  const starter = run(data, { ...settings, PUBLIC_URL: 'no address' })
  const [said, [code]] = await Promise.all([text(starter.stderr), once(starter, 'exit')])

  t.match(said, 'PUBLIC_URL must be an http or https address')
  t.equal(code, 1)
  t.notOk(existsSync(join(data, 'mongodb')))
})

interface Running {
  starter: ReturnType<typeof run>
  service: number
  mongod: number
  address: string
}

async function start(t: Test, data: string): Promise<Running> {
  const starter = run(data, settings)
  starter.stderr.pipe(process.stderr)
  t.teardown(() => starter.kill('SIGKILL'))
  for await (const line of createInterface(starter.stdout)) {
    const entry = JSON.parse(line) as { msg: string; pid: number; address: string }
    if (entry.msg !== 'Listening') continue
    const mongod = Number(await readFile(join(data, 'mongodb', 'db', 'mongod.lock'), 'utf8'))
    return { starter, service: entry.pid, mongod, address: entry.address }
  }
  throw new Error('npm start ended without listening')
}

function run(data: string, env: Record<string, string>) {
  return spawn(process.execPath, ['--import', 'tsx', script, data], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}
