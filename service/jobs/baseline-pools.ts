import { type BaselinePool, identityOf, isTrustworthy } from '../domain/baseline.js'
import { groupBy } from '../domain/group.js'
import type { Model } from '../domain/model.js'
import type { GitLab, GitLabMergeRequest } from '../gitlab/port.js'
import type { ModelStore } from '../stores/model-store.js'
import type { PipelineStore } from '../stores/pipeline-store.js'
import type { Project } from '../stores/project-store.js'

/** How far back ancestors are looked at: one page of GitLab's commits. */
const ancestorsAtMost = 100
const newestAtMost = 500
const rememberedAtMost = 1_000

export interface BaselinePoolsOptions {
  gitlab: Pick<GitLab, 'listCommits'>
  models: ModelStore
  pipelines: PipelineStore
}

export interface PoolsInput {
  project: Project
  mergeRequest: Pick<GitLabMergeRequest, 'targetBranch' | 'baseSha' | 'commitsBehind'>
  /** Of a merged-results pipeline, the target branch's commit it ran with. */
  targetSha: string | null
  candidates: readonly Model[]
}

/** Gathers what a merge request may be compared with, best first, with as few calls to GitLab as the case allows:
 * none where the merge base has every model, or where the target branch has none at all. */
export function createBaselinePools({ gitlab, models, pipelines }: BaselinePoolsOptions) {
  /** Ancestors never change, so they are asked for once. */
  const ancestors = new Map<string, Promise<string[]>>()

  async function gather({
    project,
    mergeRequest,
    targetSha,
    candidates,
  }: PoolsInput): Promise<BaselinePool[]> {
    const { targetBranch, baseSha, commitsBehind } = mergeRequest
    const near: Omit<BaselinePool, 'models'>[] = []
    if (targetSha !== null)
      near.push({ reason: 'merged_results_target', commit: targetSha, commitsBehind: null })
    if (baseSha !== null) near.push({ reason: 'merge_base', commit: baseSha, commitsBehind })
    const pools = await fill(project, targetBranch, near)
    if (coverAll(pools, candidates)) return pools

    const newest = await models.listNewestOfBranch(project.id, targetBranch, newestAtMost)
    const known = new Set(near.map((pool) => pool.commit))
    const areAll = newest.length < newestAtMost
    if (areAll && newest.every((model) => known.has(model.commit))) return pools
    const rest = poolsOf(await trusted(project, targetBranch, newest))
    return [...pools, ...(await older(project, mergeRequest)), ...rest]
  }

  async function older(
    project: Project,
    { targetBranch, baseSha, commitsBehind }: PoolsInput['mergeRequest'],
  ) {
    if (baseSha === null) return []
    const commits = await ancestorsOf(project, baseSha)
    const pools = commits.map((commit, index) => ({
      reason: 'ancestor' as const,
      commit,
      commitsBehind: commitsBehind === null ? null : commitsBehind + index + 1,
    }))
    return fill(project, targetBranch, pools)
  }

  async function ancestorsOf(project: Project, baseSha: string): Promise<string[]> {
    const key = `${project.id}:${baseSha}`
    const asked = ancestors.get(key) ?? ask(project, baseSha)
    if (ancestors.size >= rememberedAtMost) ancestors.clear()
    ancestors.set(key, asked)
    return asked.catch((error: unknown) => {
      ancestors.delete(key)
      throw error
    })
  }

  async function ask(project: Project, baseSha: string): Promise<string[]> {
    const commits = await gitlab.listCommits(project.gitlabProjectId, baseSha, ancestorsAtMost)
    return commits.map((commit) => commit.id).filter((id) => id !== baseSha)
  }

  async function fill(
    project: Project,
    targetBranch: string,
    pools: Omit<BaselinePool, 'models'>[],
  ): Promise<BaselinePool[]> {
    const found = await models.listOfCommits(
      project.id,
      pools.map((pool) => pool.commit),
    )
    const good = await trusted(project, targetBranch, found)
    const byCommit = groupBy(good, (model) => model.commit)
    return pools.flatMap((pool) => {
      const ofCommit = byCommit.get(pool.commit)
      return ofCommit === undefined ? [] : [{ ...pool, models: ofCommit }]
    })
  }

  /** Whether a job succeeded is GitLab's word, as heard when its pipeline was last looked at. */
  async function trusted(project: Project, targetBranch: string, found: Model[]): Promise<Model[]> {
    const rows = await pipelines.listByIds(project.id, [...new Set(found.map((model) => model.pipeline.id))])
    const succeeded = new Set(
      rows.flatMap((row) => row.jobs.filter((job) => job.status === 'success').map((job) => job.id)),
    )
    return found.filter((model) =>
      isTrustworthy(model, { targetBranch, jobSucceeded: succeeded.has(model.job.id) }),
    )
  }

  return { gather }
}

export type BaselinePools = ReturnType<typeof createBaselinePools>

function coverAll(pools: BaselinePool[], candidates: readonly Model[]): boolean {
  const covered = new Set(pools.flatMap((pool) => pool.models.map(identityOf)))
  return candidates.every((model) => covered.has(identityOf(model)))
}

/** One pool per commit, newest upload first. */
function poolsOf(newest: Model[]): BaselinePool[] {
  const byCommit = groupBy(newest, (model) => model.commit)
  return [...byCommit].map(([commit, models]) => ({ reason: 'newest', commit, commitsBehind: null, models }))
}
