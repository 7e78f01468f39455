import { execFile } from 'node:child_process'
import { cp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const iris = fileURLToPath(new URL('../examples/iris', import.meta.url))

/** A merge patch of `params.json`. */
export type ParamsEdit = Record<string, Record<string, number | string>>

export interface Repository {
  commit(message: string, edit?: ParamsEdit): Promise<string>
  switchTo(branch: string): Promise<void>
  push(branch: string): Promise<void>
}

export interface RepositoryOptions {
  folder: string
  remoteUrl: string
  author: { username: string; name: string; token: string }
  /** Takes the place of the address in the example's `include`. */
  serviceUrl: string
}

/** A real git repository with the Iris example. */
export async function createRepository(options: RepositoryOptions): Promise<Repository> {
  const { folder, remoteUrl, author, serviceUrl } = options
  const git = (...args: string[]) => run('git', args, { cwd: folder, env: gitEnv(author) })
  await cp(iris, folder, { recursive: true })
  await editFile('.gitlab-ci.yml', (text) => text.replace('https://mlmm.example.com', serviceUrl))
  await git('init', '--quiet', '--initial-branch=main')
  await git('remote', 'add', 'origin', withLogin(remoteUrl, author))

  async function editFile(name: string, edit: (text: string) => string): Promise<void> {
    const path = join(folder, name)
    await writeFile(path, edit(await readFile(path, 'utf8')))
  }

  return {
    async commit(message, edit) {
      if (edit !== undefined) await editFile('params.json', (text) => patched(text, edit))
      await git('add', '--all')
      await git('commit', '--quiet', '--message', message)
      return (await git('rev-parse', 'HEAD')).stdout.trim()
    },
    async switchTo(branch) {
      await git('switch', '--quiet', '--create', branch)
    },
    async push(branch) {
      await git('push', '--quiet', 'origin', branch)
    },
  }
}

function patched(text: string, edit: ParamsEdit): string {
  const params = JSON.parse(text) as ParamsEdit
  for (const [section, values] of Object.entries(edit)) params[section] = { ...params[section], ...values }
  return `${JSON.stringify(params, null, 2)}\n`
}

/** Nothing of the person's own git configuration takes part. */
function gitEnv({ username, name }: { username: string; name: string }): NodeJS.ProcessEnv {
  return {
    PATH: process.env.PATH,
    HOME: '/nonexistent',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_TERMINAL_PROMPT: '0',
    GIT_AUTHOR_NAME: name,
    GIT_AUTHOR_EMAIL: `${username}@example.com`,
    GIT_COMMITTER_NAME: name,
    GIT_COMMITTER_EMAIL: `${username}@example.com`,
  }
}

function withLogin(url: string, { username, token }: { username: string; token: string }): string {
  const address = new URL(url)
  address.username = username
  address.password = token
  return address.href
}
