import { existsSync } from 'node:fs'
import { join } from 'node:path'

export interface CheckOutInput {
  cloneUrl: string
  sha: string
  /** The ref that is fetched, as `refs/heads/main`. */
  refSpec: string
  workDir: string
  /** GitLab's GIT_DEPTH; 0 fetches everything. */
  depth: number
  /** Runs git in the work folder, which exists, and answers whether it succeeded. */
  git(args: string[], options?: { quiet: boolean }): Promise<boolean>
  log(line: string): void
}

/** Puts a commit into the empty work folder with HEAD detached, as a runner does; answers whether it succeeded. */
export async function checkOut(input: CheckOutInput): Promise<boolean> {
  const { cloneUrl, sha, refSpec, workDir, depth, git, log } = input
  const ref = refSpec.replace(/^refs\/(?:heads|tags)\//, '').replace(/^refs\//, '')
  const target = refSpec.startsWith('refs/tags/') ? refSpec : `refs/remotes/origin/${ref}`
  const fetch = ['fetch', '--quiet', '--no-tags']
  const source = ['origin', `+${refSpec}:${target}`]
  const shallow = depth > 0 ? [`--depth=${depth}`] : []

  async function fetchCommit(): Promise<boolean> {
    if (!(await git([...fetch, ...shallow, ...source]))) return false
    if (await git(['cat-file', '-e', `${sha}^{commit}`], { quiet: true })) return true
    // The ref moved on by more commits than were fetched.
    return existsSync(join(workDir, '.git', 'shallow')) && git([...fetch, '--unshallow', ...source])
  }

  log(depth > 0 ? `Fetching changes with git depth set to ${depth}...` : 'Fetching changes...')
  if (!(await git(['init', '--quiet']))) return false
  if (!(await git(['remote', 'add', 'origin', cloneUrl]))) return false
  if (!(await fetchCommit())) return false
  log(`Checking out ${sha.slice(0, 8)} as detached HEAD (ref is ${ref})...`)
  return git(['checkout', '--quiet', '--force', '--detach', sha])
}
