import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { officialDownload, wheelSource } from '../fetch-mongod.js'
import { findMongod } from '../find-mongod.js'

const run = promisify(execFile)
const findWithStub = fileURLToPath(new URL('fixtures/find-with-stub.ts', import.meta.url))
const quiet = { sources: [], log: () => {} }

t.test('MLMM_MONGOD comes first', async (t) => {
  const mongod = await program(join(t.testdir(), 'my-mongod'), 'db version v7.0.1')

  t.equal(await find(mongod), mongod)
})

t.test('a wrong MLMM_MONGOD is refused by its name, not passed over', async (t) => {
  const folder = t.testdir()
  const other = await program(join(folder, 'other'), 'hello')
  const old = await program(join(folder, 'old'), 'db version v5.0.9')

  await t.rejects(find('/nowhere/mongod'), { message: /^MLMM_MONGOD: \/nowhere\/mongod does not run/ })
  await t.rejects(find(other), { message: /^MLMM_MONGOD: .* is no MongoDB server/ })
  await t.rejects(find(old), { message: /is db version v5\.0\.9, but version 6 or newer is needed/ })
})

t.test('the first usable mongod on the PATH is taken', async (t) => {
  const folder = t.testdir({ old: {}, good: {} })
  await program(join(folder, 'old', 'mongod'), 'db version v4.4.0')
  const good = await program(join(folder, 'good', 'mongod'), 'db version v6.0.5')
  const env = { PATH: `${folder}/none:${folder}/old:${folder}/good:${process.env.PATH}` }

  t.equal(await findMongod({ ...quiet, env }), good)
})

t.test('one fetched earlier is used without fetching', async (t) => {
  const cache = t.testdir({ mlmm: { stub: {} } })
  const mongod = await program(join(cache, 'mlmm', 'stub', 'mongod'), 'db version v6.0.5')
  const stub = { id: 'stub', title: 'a stub', fetch: () => Promise.reject(new Error('not to be called')) }

  const found = await findMongod({ env: { XDG_CACHE_HOME: cache }, sources: [stub], log: () => {} })

  t.equal(found, mongod)
})

t.test('when all fails it says what was tried and what to install', async (t) => {
  const sources = ['one', 'two'].map((id) => ({
    id,
    title: `source ${id}`,
    fetch: () => Promise.reject(new Error(`no answer from ${id}`)),
  }))
  const env = { XDG_CACHE_HOME: t.testdir() }

  const failure = await findMongod({ env, sources, log: () => {} }).catch((error: Error) => error.message)

  t.match(failure, 'MLMM_MONGOD is not set')
  t.match(failure, 'no usable mongod is on the PATH')
  t.match(failure, 'source one: no answer from one')
  t.match(failure, 'source two: no answer from two')
  t.match(failure, 'Install MongoDB 6 or newer')
})

t.test('processes that start together fetch once, even after a holder of the lock died', async (t) => {
  const folder = t.testdir({ cache: { mlmm: { 'fetching-999999999-x': {} } }, counter: '' })
  const cache = join(folder, 'cache')
  await writeFile(join(cache, 'mlmm', 'fetching.lock'), '999999999')
  const stub = await program(join(folder, 'stub'), 'db version v6.0.5')
  const env = { ...process.env, XDG_CACHE_HOME: cache, MLMM_MONGOD: '', PATH: pathWithoutMongod() }
  const counter = join(folder, 'counter')
  const start = () => run(process.execPath, ['--import', 'tsx', findWithStub, stub, counter], { env })

  const found = await Promise.all([start(), start(), start()])

  t.equal(await readFile(counter, 'utf8'), 'fetched\n')
  for (const { stdout } of found) t.equal(stdout, `${join(cache, 'mlmm', 'stub', 'mongod')}\n`)
  t.match(found.map(({ stderr }) => stderr).join(''), 'another process is fetching it')
  t.notOk(existsSync(join(cache, 'mlmm', 'fetching.lock')))
  t.notOk(existsSync(join(cache, 'mlmm', 'fetching-999999999-x')))
})

t.test('a wheel with the pinned hash is taken, any other is refused', async (t) => {
  const folder = t.testdir({ wheels: {}, good: {}, bad: {} })
  const wheel = await makeWheel(join(folder, 'wheels'))
  useLocalWheels(t, join(folder, 'wheels'))
  const pin = { project: 'stub-db', version: '1.0', mongod: 'stub/mongod' }

  const good = wheelSource('stub', { ...pin, sha256: wheel.sha256 })
  const bad = wheelSource('stub', { ...pin, sha256: 'f'.repeat(64) })

  const fetched = await good.fetch(join(folder, 'good'))
  t.equal(await readFile(fetched, 'utf8'), 'the program')
  await t.rejects(bad.fetch(join(folder, 'bad')), { message: /DO NOT MATCH THE HASHES/ })
  t.notOk(existsSync(join(folder, 'bad', pin.mongod)))
})

t.test('a download host that does not answer is given up after 3 s', async (t) => {
  const silent = createServer(() => {}).listen(0, '127.0.0.1')
  await once(silent, 'listening')
  t.teardown(() => {
    silent.closeAllConnections()
    silent.close()
    delete process.env.MONGOMS_DOWNLOAD_MIRROR
  })
  process.env.MONGOMS_DOWNLOAD_MIRROR = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`
  const startedAt = Date.now()

  await t.rejects(officialDownload.fetch(t.testdir()), { message: /gave no answer within 3 s/ })

  t.ok(Date.now() - startedAt < 6000)
})

function find(mongod: string): Promise<string> {
  return findMongod({ ...quiet, env: { MLMM_MONGOD: mongod } })
}

async function program(file: string, prints: string): Promise<string> {
  await writeFile(file, `#!/bin/sh\necho '${prints}'\n`)
  await chmod(file, 0o755)
  return file
}

function pathWithoutMongod(): string {
  const folders = (process.env.PATH ?? '').split(':')
  return folders.filter((folder) => !existsSync(join(folder, 'mongod'))).join(':')
}

async function makeWheel(folder: string): Promise<{ sha256: string }> {
  const info = join(folder, 'stub_db-1.0.dist-info')
  await mkdir(join(folder, 'stub'))
  await mkdir(info)
  await writeFile(join(folder, 'stub', 'mongod'), 'the program')
  await writeFile(join(info, 'METADATA'), 'Metadata-Version: 2.1\nName: stub-db\nVersion: 1.0\n')
  await writeFile(join(info, 'WHEEL'), 'Wheel-Version: 1.0\nRoot-Is-Purelib: true\n')
  const file = join(folder, 'stub_db-1.0-py3-none-manylinux1_x86_64.whl')
  await run('python3', ['-m', 'zipfile', '-c', file, 'stub', 'stub_db-1.0.dist-info'], {
    cwd: dirname(file),
  })
  return {
    sha256: createHash('sha256')
      .update(await readFile(file))
      .digest('hex'),
  }
}

function useLocalWheels(t: Test, folder: string): void {
  process.env.PIP_NO_INDEX = '1'
  process.env.PIP_FIND_LINKS = folder
  t.teardown(() => {
    delete process.env.PIP_NO_INDEX
    delete process.env.PIP_FIND_LINKS
  })
}
