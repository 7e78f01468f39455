import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

import { essentialEnv } from './essential-env.js'
import { PipelineError } from './pipeline-error.js'
import type { CommitPaths } from './rules.js'

const run = promisify(execFile)

/** Answers from a clone's HEAD; each question is asked of git at most once. */
export function createCommitPaths(repoDir: string, home: string, changesBaseSha: string | null): CommitPaths {
  const changed = new Map<string, Promise<string[]>>()
  let all: Promise<string[]> | null = null

  function git(...args: string[]): Promise<string> {
    return run('git', args, {
      cwd: repoDir,
      env: essentialEnv(home),
      maxBuffer: 256 * 1024 * 1024,
    }).then(({ stdout }) => stdout)
  }

  async function diffWith(base: string): Promise<string[]> {
    return split(await git('diff', '--name-only', '--no-renames', '-z', base, 'HEAD', '--'))
  }

  async function mergeBaseWith(ref: string): Promise<string> {
    const name = ref.replace(/^refs\/heads\//, '')
    for (const candidate of [`refs/remotes/origin/${name}`, ref]) {
      const base = await git('merge-base', '--end-of-options', candidate, 'HEAD').catch(() => null)
      if (base !== null) return base.trim()
    }
    throw new PipelineError(`rules:changes:compare_to is not a valid ref: ${ref}`)
  }

  function listChanged(compareTo: string | null): Promise<string[] | null> {
    if (compareTo === null && changesBaseSha === null) return Promise.resolve(null)
    const key = compareTo ?? ''
    const known = changed.get(key)
    if (known) return known
    const paths =
      compareTo === null ? diffWith(changesBaseSha ?? '') : mergeBaseWith(compareTo).then(diffWith)
    changed.set(key, paths)
    return paths
  }

  function listAll(): Promise<string[]> {
    all ??= git('ls-tree', '-r', '--name-only', '-z', 'HEAD').then(split)
    return all
  }

  return { listChanged, listAll }
}

function split(output: string): string[] {
  return output.split('\0').filter((path) => path !== '')
}
