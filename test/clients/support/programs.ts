import { spawn, execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { access, mkdir, readFile, rm } from 'node:fs/promises'
import { once } from 'node:events'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Answers, Client, Task } from './task.js'

const run = promisify(execFile)

/** python-gitlab in a virtual environment of the cache folder; needs python3 with venv. */
export const pythonGitlab: Client = {
  name: 'python-gitlab',
  testsHooks: true,
  async exercise(task) {
    const python = await installedPython()
    return converse([python, pathOf('../python/exercise.py')], task)
  },
}

/** GitLab's client library for Go, compiled into the cache folder; needs go. */
export const clientGo: Client = {
  name: 'gitlab-org/api/client-go',
  testsHooks: true,
  async exercise(task) {
    return converse([await compiledGo()], task)
  },
}

async function installedPython(): Promise<string> {
  const requirements = pathOf('../python/requirements.txt')
  const folder = await cached('python', [requirements], async (folder) => {
    await run('python3', ['-m', 'venv', folder])
    const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--require-hashes']
    await run(join(folder, 'bin', 'python'), [
      ...pip,
      '--only-binary',
      ':all:',
      '--requirement',
      requirements,
    ])
  })
  return join(folder, 'bin', 'python')
}

async function compiledGo(): Promise<string> {
  const files = ['go.mod', 'go.sum', 'main.go'].map((name) => pathOf(`../go/${name}`))
  const folder = await cached('go', files, async (folder) => {
    await run('go', ['build', '-o', join(folder, 'client'), '.'], { cwd: pathOf('../go') })
  })
  return join(folder, 'client')
}

/** A folder of the user's cache that is made once for what the files hold. */
async function cached(
  name: string,
  files: string[],
  fill: (folder: string) => Promise<void>,
): Promise<string> {
  const hash = createHash('sha256')
  for (const file of files) hash.update(await readFile(file))
  const parent = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'mlmm', 'clients')
  const folder = join(parent, `${name}-${hash.digest('hex').slice(0, 16)}`)
  const done = join(folder, 'complete')
  if (await exists(done)) return folder
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  await fill(folder)
  await mkdir(done)
  return folder
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}

async function converse([program = '', ...args]: string[], task: Task): Promise<Answers> {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  const closed = once(child, 'close')
  child.stdin.end(JSON.stringify(task))
  const printed = await text(child.stdout)
  const [code] = await closed
  if (code !== 0) throw new Error(`${program} ended with ${String(code)}`)
  return JSON.parse(printed) as Answers
}

function pathOf(relative: string): string {
  return fileURLToPath(new URL(relative, import.meta.url))
}
