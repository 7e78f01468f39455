import { spawn } from 'node:child_process'

export class GitError extends Error {
  readonly exitCode: number | null

  constructor(args: readonly string[], exitCode: number | null, stderr: string) {
    super(`git ${args.slice(0, 3).join(' ')} ended with ${exitCode}: ${stderr.trim()}`)
    this.exitCode = exitCode
  }
}

/** The user's own git configuration must not change what the simulator does. */
export function gitEnvironment(): Record<string, string> {
  return {
    PATH: process.env['PATH'] ?? '/usr/bin:/bin',
    HOME: '/nonexistent',
    LC_ALL: 'C.UTF-8',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_TERMINAL_PROMPT: '0',
    GIT_AUTHOR_NAME: 'GitLab',
    GIT_AUTHOR_EMAIL: 'gitlab@localhost',
    GIT_COMMITTER_NAME: 'GitLab',
    GIT_COMMITTER_EMAIL: 'gitlab@localhost',
  }
}

export interface GitOptions {
  input?: string | Buffer
  env?: Record<string, string>
}

/** Runs git in a repository and resolves with its output; any exit code but 0 throws `GitError`. */
export async function git(gitDir: string, args: string[], options: GitOptions = {}): Promise<Buffer> {
  const child = spawn('git', ['--git-dir', gitDir, ...args], {
    env: { ...gitEnvironment(), ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const out: Buffer[] = []
  const err: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk))
  child.stderr.on('data', (chunk: Buffer) => err.push(chunk))
  // git may end before it has read its input; its exit code tells what happened.
  child.stdin.on('error', () => undefined)
  child.stdin.end(options.input)
  const exitCode = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  if (exitCode !== 0) throw new GitError(args, exitCode, Buffer.concat(err).toString())
  return Buffer.concat(out)
}

export async function gitText(gitDir: string, args: string[], options: GitOptions = {}): Promise<string> {
  return (await git(gitDir, args, options)).toString().trimEnd()
}

/** Like `gitText`, with `null` where git says no. */
export async function tryGitText(gitDir: string, args: string[]): Promise<string | null> {
  try {
    return await gitText(gitDir, args)
  } catch (err) {
    if (err instanceof GitError) return null
    throw err
  }
}
