import { readFile, rm, stat, writeFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'

const staleAfterMs = 10 * 60_000

/**
 * Runs `work` while holding the lock `file`; `waiting` is called once if another process holds it.
 * A lock whose holder died is taken over.
 */
export async function withLock<T>(file: string, work: () => Promise<T>, waiting: () => void): Promise<T> {
  for (let told = false; !(await tryLock(file));) {
    if ((await isStale(file)) && (await removeStale(file))) continue
    if (!told) waiting()
    told = true
    await delay(100)
  }
  try {
    return await work()
  } finally {
    await rm(file, { force: true })
  }
}

/** Of the processes that see a dead lock one removes it, under a lock of its own: what a slower one would remove may be
 * the lock of whoever was quicker. False while another process is at it. */
async function removeStale(file: string): Promise<boolean> {
  const removal = `${file}.removal`
  if (!(await tryLock(removal))) {
    if (await isStale(removal)) await rm(removal, { force: true })
    return false
  }
  try {
    if (await isStale(file)) await rm(file, { force: true })
  } finally {
    await rm(removal, { force: true })
  }
  return true
}

async function tryLock(file: string): Promise<boolean> {
  try {
    await writeFile(file, String(process.pid), { flag: 'wx' })
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    throw error
  }
}

async function isStale(file: string): Promise<boolean> {
  try {
    const ageMs = Date.now() - (await stat(file)).mtimeMs
    const holder = Number(await readFile(file, 'utf8'))
    // An empty file is a lock between its creation and the writing of its holder.
    return ageMs > staleAfterMs || (holder > 0 && !isAlive(holder))
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false
    throw error
  }
}

/** Whether a process with this id runs. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return codeOf(error) === 'EPERM'
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}
