import { existsSync } from 'node:fs'
import { cp, mkdir, readdir } from 'node:fs/promises'
import { dirname, join, relative, resolve } from 'node:path'

import { compileGlob } from './glob.js'

/** Copies what earlier jobs left into a clone; later folders win. */
export async function restoreArtifacts(folders: readonly string[], projectDir: string): Promise<void> {
  for (const folder of folders) {
    if (existsSync(folder)) await cp(folder, projectDir, { recursive: true, verbatimSymlinks: true })
  }
}

export interface CollectInput {
  projectDir: string
  /** Relative to the project's folder; a matching folder is taken whole. */
  patterns: readonly string[]
  into: string
  log(line: string): void
}

export async function collectArtifacts({ projectDir, patterns, into, log }: CollectInput): Promise<void> {
  await mkdir(into, { recursive: true })
  for (const pattern of patterns) {
    const paths = await findMatching(projectDir, relative(projectDir, resolve(projectDir, pattern)))
    for (const path of paths) await copyOne(path, projectDir, into)
    log(
      paths.length > 0
        ? `${pattern}: found ${paths.length} matching artifact files and directories`
        : `WARNING: ${pattern}: no matching files. Ensure that the artifact path is relative to the working directory (${projectDir})`,
    )
  }
}

async function findMatching(projectDir: string, pattern: string): Promise<string[]> {
  const glob = compileGlob(pattern === '' ? '*' : pattern)
  const found: string[] = []
  async function visit(folder: string): Promise<void> {
    for (const entry of await readdir(join(projectDir, folder), { withFileTypes: true })) {
      const path = join(folder, entry.name)
      if (path === '.git') continue
      if (glob.test(path)) found.push(path)
      else if (entry.isDirectory()) await visit(path)
    }
  }
  await visit('')
  return found
}

async function copyOne(path: string, projectDir: string, into: string): Promise<void> {
  const target = join(into, path)
  await mkdir(dirname(target), { recursive: true })
  await cp(join(projectDir, path), target, { recursive: true, verbatimSymlinks: true })
}
