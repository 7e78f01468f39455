import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { listCommits, resolveCommit, type Commit } from './commits.js'
import { git, gitText } from './git.js'

/** The bare repositories of the simulator, all in one folder. */
export interface Repositories {
  create(projectId: number, defaultBranch: string): Promise<string>
  fork(projectId: number, fromDir: string, defaultBranch: string): Promise<string>
  remove(gitDir: string): Promise<void>
  listRefs(gitDir: string): Promise<Map<string, string>>
  /** A commit by branch, tag, ref or SHA; commits are remembered, names are looked up. */
  findCommit(gitDir: string, revision: string): Promise<Commit | null>
  /** One writer at a time for each repository. */
  exclusively<T>(gitDir: string, work: () => Promise<T>): Promise<T>
}

const config = `[core]
	repositoryformatversion = 0
	bare = true
[http]
	receivepack = true
[uploadpack]
	allowAnySHA1InWant = true
[receive]
	denyDeleteCurrent = ignore
[gc]
	auto = 0
[receive]
	autogc = false
`

export function createRepositories(folder: string): Repositories {
  const commits = new Map<string, Commit>()
  const queues = new Map<string, Promise<unknown>>()

  async function create(projectId: number, defaultBranch: string): Promise<string> {
    const gitDir = join(folder, `project-${projectId}.git`)
    await mkdir(join(gitDir, 'objects'), { recursive: true })
    await mkdir(join(gitDir, 'refs', 'heads'), { recursive: true })
    await writeFile(join(gitDir, 'HEAD'), `ref: refs/heads/${defaultBranch}\n`)
    await writeFile(join(gitDir, 'config'), config)
    return gitDir
  }

  return {
    create,
    async fork(projectId, fromDir, defaultBranch) {
      const gitDir = await create(projectId, defaultBranch)
      await git(gitDir, ['fetch', '--quiet', '--no-write-fetch-head', fromDir, '+refs/heads/*:refs/heads/*'])
      return gitDir
    },
    async remove(gitDir) {
      await rm(gitDir, { recursive: true, force: true })
    },
    async listRefs(gitDir) {
      const text = await gitText(gitDir, ['for-each-ref', '--format=%(objectname) %(refname)'])
      const lines = text.split('\n').filter((line) => line !== '')
      return new Map(
        lines.map((line) => [line.slice(line.indexOf(' ') + 1), line.slice(0, line.indexOf(' '))]),
      )
    },
    async findCommit(gitDir, revision) {
      const sha = /^[0-9a-f]{40}$/.test(revision) ? revision : await resolveCommit(gitDir, revision)
      if (sha === null) return null
      const key = `${gitDir} ${sha}`
      const known = commits.get(key)
      if (known !== undefined) return known
      if ((await resolveCommit(gitDir, sha)) === null) return null
      const [commit] = await listCommits(gitDir, { revision: sha, limit: 1 })
      if (commit === undefined) return null
      commits.set(key, commit)
      return commit
    },
    async exclusively(gitDir, work) {
      const before = queues.get(gitDir) ?? Promise.resolve()
      const result = before.then(work)
      queues.set(
        gitDir,
        result.catch(() => undefined),
      )
      return result
    },
  }
}
