import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import type { CompileInput } from '../ci/compile.js'
import { git } from '../git/git.js'
import { noSha } from '../pipelines.js'
import { projectUrl } from '../projects.js'
import type { World } from '../world.js'
import type { PlannedPipeline, Variables } from './variables.js'

/** Lends a clone that stands at the commit of a pipeline, with the configuration that the pipeline is made from. */
export async function withClone<T>(
  world: World,
  { plan, variables }: { plan: PlannedPipeline; variables: Variables },
  use: (input: CompileInput) => Promise<T>,
): Promise<T> {
  const folder = join(world.folder, `compile-${plan.project.id}-${plan.sha.slice(0, 8)}-${performance.now()}`)
  try {
    const repoDir = await cloneForCompiling(world, plan, folder)
    if (plan.child !== null) await writeFile(join(repoDir, '.gitlab-ci.yml'), plan.child.config)
    return await use({
      repoDir,
      pipelineVariables: variables,
      changesBaseSha: changesBase(plan),
      stateDir: join(folder, 'state'),
    })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** `rules:changes`: of a merge request its diff, of a push what it brought, and of a new branch everything. */
function changesBase(plan: PlannedPipeline): string | null {
  if (plan.mr !== null) return plan.merged?.targetSha ?? plan.diffBaseSha
  return plan.beforeSha === noSha ? null : plan.beforeSha
}

/** A full clone whose HEAD is on a branch named like the ref, with `origin` at the project's address. */
async function cloneForCompiling(world: World, plan: PlannedPipeline, folder: string): Promise<string> {
  const repoDir = join(folder, 'repo')
  await mkdir(repoDir, { recursive: true })
  await mkdir(join(folder, 'state'))
  const gitDir = join(repoDir, '.git')
  const inClone = (...args: string[]): Promise<Buffer> => git(gitDir, ['--work-tree', repoDir, ...args])
  await inClone('init', '--quiet')
  await inClone('remote', 'add', 'origin', `${projectUrl(world, plan.project)}.git`)
  await inClone('fetch', '--quiet', plan.project.gitDir, '+refs/heads/*:refs/remotes/origin/*', plan.sha)
  await inClone('checkout', '--quiet', '-B', plan.mr?.sourceBranch ?? plan.ref, plan.sha)
  return repoDir
}
