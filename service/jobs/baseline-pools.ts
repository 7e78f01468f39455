import { type BaselinePool, identityOf, isTrustworthy } from '../domain/baseline.js'
import { allNames, type BranchNames, namesOfBranch, wasCalled } from '../domain/branch-names.js'
import { type ExcludedUpload, withoutExcluded } from '../domain/exclusions.js'
import { groupBy } from '../domain/group.js'
import type { Model } from '../domain/model.js'
import type { GitLab, GitLabMergeRequest } from '../gitlab/port.js'
import type { ModelStore } from '../stores/model-store.js'
import type { PipelineStore } from '../stores/pipeline-store.js'
import type { Project } from '../stores/project-store.js'
import type { Carried, CarryOvers } from './carry-over.js'

/** How far back ancestors are looked at: one page of GitLab's commits. */
const ancestorsAtMost = 100
/** They are looked at in parts, the nearest first, as what is near is rarely far to seek. */
const ancestorParts = [10, 30, ancestorsAtMost]
const newestAtMost = 500
const newestCarriedAtMost = 20
const rememberedAtMost = 1_000

export interface BaselinePoolsOptions {
  gitlab: Pick<GitLab, 'listCommits'>
  models: Pick<ModelStore, 'listOfCommits' | 'listNewestOfBranch'>
  pipelines: Pick<PipelineStore, 'listByIds'>
  carryOvers: Pick<CarryOvers, 'lookForMerges' | 'listAt' | 'listNewest'>
}

export interface PoolsInput {
  project: Project
  mergeRequest: Pick<GitLabMergeRequest, 'iid' | 'targetBranch' | 'baseSha' | 'commitsBehind'>
  /** Of a merged-results pipeline, the target branch's commit it ran with. */
  targetSha: string | null
  candidates: readonly Model[]
  /** These uploads are left out. */
  exclusions: readonly ExcludedUpload[]
}

/** The branch that baselines are looked for on. */
type Ground = Pick<PoolsInput, 'project' | 'exclusions'> & {
  target: BranchNames
  /** What was excluded of all that was looked at, by id. */
  left: Map<string, Model>
}

export interface GatheredPools {
  /** Best first. */
  pools: BaselinePool[]
  /** What a person excluded of all that was looked at. */
  excluded: Model[]
}

/** A commit of the target branch and why it is looked at. */
type Place = Pick<BaselinePool, 'reason' | 'commit' | 'commitsBehind'>

/** Gathers what a merge request may be compared with, best first, with as few calls to GitLab as the case allows:
 * none where the merge base has every model, or where the target branch has
 * none at all. */
export function createBaselinePools(options: BaselinePoolsOptions) {
  const { models, pipelines, carryOvers } = options
  const ancestorsOf = createAncestors(options)

  async function gather(input: PoolsInput): Promise<GatheredPools> {
    const left = new Map<string, Model>()
    const pools = await gatherPools({
      ...input,
      target: namesOfBranch(input.project, input.mergeRequest.targetBranch),
      left,
    })
    return { pools, excluded: [...left.values()] }
  }

  async function gatherPools(ground: Ground & PoolsInput): Promise<BaselinePool[]> {
    const { mergeRequest, targetSha, candidates } = ground
    const { baseSha, commitsBehind } = mergeRequest
    const near: Place[] = []
    if (targetSha !== null)
      near.push({ reason: 'merged_results_target', commit: targetSha, commitsBehind: null })
    if (baseSha !== null) near.push({ reason: 'merge_base', commit: baseSha, commitsBehind })
    const pools = await fill(ground, near)
    if (coverAll(pools, candidates)) return pools

    await carryOvers.lookForMerges(ground.project, mergeRequest)
    const known = new Set(near.map((place) => place.commit))
    const newest = await newestOf(ground)
    if (newest.areAll && newest.commits.every((commit) => known.has(commit))) return pools
    return [...pools, ...(await olderThan(pools, ground)), ...newest.pools]
  }

  async function newestOf(ground: Ground) {
    const { project, target } = ground
    const [found, carried] = await Promise.all([
      models.listNewestOfBranch(project.id, allNames(target), newestAtMost),
      carryOvers.listNewest(project, target, { limit: newestCarriedAtMost }),
    ])
    return {
      areAll: found.length < newestAtMost && carried.length < newestCarriedAtMost,
      commits: [...found.map((model) => model.commit), ...carried.map(({ row }) => row.commit)],
      pools: newestPools(await trusted(ground, found), included(ground, carried)),
    }
  }

  async function olderThan(nearer: BaselinePool[], input: Ground & PoolsInput): Promise<BaselinePool[]> {
    const { baseSha, commitsBehind } = input.mergeRequest
    if (baseSha === null) return []
    const commits = await ancestorsOf(input.project, baseSha)
    const places = commits.map((commit, index) => ({
      reason: 'ancestor' as const,
      commit,
      commitsBehind: commitsBehind === null ? null : commitsBehind + index + 1,
    }))
    const found: BaselinePool[] = []
    for (const [index, end] of ancestorParts.entries()) {
      const part = places.slice(ancestorParts[index - 1] ?? 0, end)
      found.push(...(await fill(input, part)))
      if (coverAll([...nearer, ...found], input.candidates)) break
    }
    return found
  }

  /** Of each place what it trained itself, then what was carried over to it. */
  async function fill(ground: Ground, places: Place[]): Promise<BaselinePool[]> {
    const { project, target } = ground
    const commits = places.map((place) => place.commit)
    const [found, carried] = await Promise.all([
      models.listOfCommits(project.id, commits),
      carryOvers.listAt(project, target, commits),
    ])
    const own = groupBy(await trusted(ground, found), (model) => model.commit)
    const brought = groupBy(included(ground, carried), ({ row }) => row.commit)
    return places.flatMap((place) => {
      const trained = own.get(place.commit)
      const pools = (brought.get(place.commit) ?? []).map((one) => carriedPool(place, one))
      return trained === undefined ? pools : [{ ...place, carriedFrom: null, models: trained }, ...pools]
    })
  }

  /** Whether a job succeeded is GitLab's word, as heard when its pipeline was last looked at. */
  async function trusted(ground: Ground, found: Model[]): Promise<Model[]> {
    const { project, target } = ground
    const rows = await pipelines.listByIds(project.id, [...new Set(found.map((model) => model.pipeline.id))])
    // A child pipeline of a merge request has the source branch in its token, as the branch's own have.
    const own = rows.filter((row) => row.kind === 'branch' && wasCalled(target, row.ref, row.firstSeenAt))
    const succeeded = new Set(
      own.flatMap((row) => row.jobs.filter((job) => job.status === 'success').map((job) => job.id)),
    )
    const good = found.filter((model) =>
      isTrustworthy(model, { target, jobSucceeded: succeeded.has(model.job.id) }),
    )
    return withoutThese(ground, good)
  }

  return { gather }
}

export type BaselinePools = ReturnType<typeof createBaselinePools>

/** Ancestors never change, so they are asked for once. */
function createAncestors({ gitlab }: Pick<BaselinePoolsOptions, 'gitlab'>) {
  const asked = new Map<string, Promise<string[]>>()

  return async (project: Project, baseSha: string): Promise<string[]> => {
    const key = `${project.id}:${baseSha}`
    const answer = asked.get(key) ?? ask(project, baseSha)
    if (asked.size >= rememberedAtMost) asked.clear()
    asked.set(key, answer)
    return answer.catch((error: unknown) => {
      asked.delete(key)
      throw error
    })
  }

  async function ask(project: Project, baseSha: string): Promise<string[]> {
    const commits = await gitlab.listCommits(project.gitlabProjectId, baseSha, ancestorsAtMost)
    return commits.map((commit) => commit.id).filter((id) => id !== baseSha)
  }
}

function coverAll(pools: BaselinePool[], candidates: readonly Model[]): boolean {
  const covered = new Set(pools.flatMap((pool) => pool.models.map(identityOf)))
  return candidates.every((model) => covered.has(identityOf(model)))
}

/** Keeps in mind what was left out. */
function withoutThese({ exclusions, left }: Ground, models: Model[]): Model[] {
  const kept = new Set(withoutExcluded(models, exclusions))
  for (const model of models) if (!kept.has(model)) left.set(model.id, model)
  return [...kept]
}

function included(ground: Ground, carried: Carried[]): Carried[] {
  return carried
    .map(({ row, models }) => ({ row, models: withoutThese(ground, models) }))
    .filter(({ models }) => models.length > 0)
}

function carriedPool(place: Place, { row, models }: Carried): BaselinePool {
  return { ...place, carriedFrom: { mrIid: row.mrIid }, models }
}

/** One pool per commit, the newest first: by upload, or by merge where it was carried over. */
function newestPools(models: Model[], carried: Carried[]): BaselinePool[] {
  const trained = [...groupBy(models, (model) => model.commit)].map(([commit, own]) => ({
    at: Math.max(...own.map((model) => model.uploadedAt.getTime())),
    pool: { ...newestPlace(commit), carriedFrom: null, models: own },
  }))
  const brought = carried.map((one) => ({
    at: one.row.mergedAt.getTime(),
    pool: carriedPool(newestPlace(one.row.commit), one),
  }))
  return [...trained, ...brought].sort((a, b) => b.at - a.at).map(({ pool }) => pool)
}

function newestPlace(commit: string): Place {
  return { reason: 'newest', commit, commitsBehind: null }
}
