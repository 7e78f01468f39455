import { execFile } from 'node:child_process'
import { cp, mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'

const root = fileURLToPath(new URL('../..', import.meta.url))

export interface Build {
  /** Where a file of the tree lies once built, by its path from the root without `.ts`. */
  path(source: string): string
  module(source: string): string
  remove(): Promise<void>
}

/** Compiles the service and what runs beside it with tsc, as `npm run build` does, into a temporary folder: the
 * processes that are measured run plain JavaScript, as in production. */
export async function build(): Promise<Build> {
  const folder = await mkdtemp(join(tmpdir(), 'mlmm-bench-'))
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  await promisify(execFile)(process.execPath, [tsc, '-p', join(root, 'bench'), '--outDir', folder])
  await Promise.all([
    cp(join(root, 'package.json'), join(folder, 'package.json')),
    cp(join(root, 'ci-templates'), join(folder, 'ci-templates'), { recursive: true }),
    cp(join(root, 'views'), join(folder, 'views'), { recursive: true }),
    symlink(join(root, 'node_modules'), join(folder, 'node_modules')),
  ])
  const path = (source: string) => join(folder, `${source}.js`)
  return {
    path,
    module: (source) => pathToFileURL(path(source)).href,
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}
