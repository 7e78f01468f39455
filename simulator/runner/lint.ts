import { lintConfig, type LintResult } from '../ci/lint.js'
import type { Project, User } from '../state.js'
import type { World } from '../world.js'
import { withClone } from './checkout.js'
import { planForRef } from './triggers.js'
import { noSha } from '../pipelines.js'
import { pipelineVariables } from './variables.js'

export interface LintRequest {
  project: Project
  user: User
  /** The commit that the configuration is taken from. */
  sha: string
  /** The branch that a push is simulated to; null lists all jobs. */
  dryRunRef: string | null
}

const answers = new WeakMap<World, Map<string, Promise<LintResult>>>()

/** Reads the configuration of a commit once: what it says does not change. */
export function lintCommit(world: World, request: LintRequest): Promise<LintResult> {
  const known = answers.get(world) ?? new Map<string, Promise<LintResult>>()
  answers.set(world, known)
  const key = JSON.stringify([request.project.id, request.sha, request.dryRunRef])
  const answer = known.get(key) ?? lint(world, request)
  known.set(key, answer)
  return answer
}

async function lint(world: World, { project, user, sha, dryRunRef }: LintRequest): Promise<LintResult> {
  const ref = `refs/heads/${dryRunRef ?? project.defaultBranch}`
  const plan = planForRef(project, user, { ref, before: noSha, after: sha })
  const commit = await world.repositories.findCommit(project.gitDir, sha)
  const variables = pipelineVariables(world, plan, commit)
  return withClone(world, { plan, variables }, (input) => lintConfig(input, { dryRun: dryRunRef !== null }))
}
