import { type BranchNames, wasCalled } from './branch-names.js'
import { groupBy } from './group.js'
import type { Model } from './model.js'
import { byCodeUnits } from './order.js'

/** Why a commit was chosen to compare with, best first. */
export type BaselineReason = 'merged_results_target' | 'merge_base' | 'ancestor' | 'newest'

/** What one commit of the target branch has to offer. `models` are trustworthy already. */
export interface BaselinePool {
  reason: BaselineReason
  commit: string
  /** How many commits of the target branch are newer; null where that is not known. */
  commitsBehind: number | null
  /** The merge request whose head's results count for the commit, which was not trained again; null where it was. */
  carriedFrom: { mrIid: number } | null
  models: Model[]
}

/** What the models of one dataset and name are compared with: all repeats of one commit. */
export interface Baseline {
  dataset: string
  name: string
  reason: BaselineReason
  commit: string
  commitsBehind: number | null
  /** The merge request that the models come from, as the commit itself was not trained; null where it was. */
  carriedFrom: { mrIid: number } | null
  models: Model[]
}

export interface Trust {
  target: BranchNames
  /** As GitLab says, not as the job does. */
  jobSucceeded: boolean
}

/** A baseline comes from a succeeded job of a pipeline of the target branch itself, and from nowhere else. */
export function isTrustworthy(model: Model, { target, jobSucceeded }: Trust): boolean {
  const { ref, refType, source } = model.pipeline
  if (!jobSucceeded || refType !== 'branch' || !wasCalled(target, ref, model.uploadedAt)) return false
  if (source === 'merge_request_event') return false
  return isOfBranch(model, ref)
}

function isOfBranch({ origin }: Model, branch: string): boolean {
  return origin === `branch:${branch}` || origin.startsWith('schedule:')
}

export interface CarryTrust {
  sourceBranch: string
  /** As GitLab says, not as the job does. */
  jobSucceeded: boolean
}

/** Of a merged head, what its merge request's or its branch's own pipelines trained: no fork's code, no API token's
 * word. Whether it is the right merge request is for the pipeline to say. */
export function isCarriable(model: Model, { sourceBranch, jobSucceeded }: CarryTrust): boolean {
  const { pipeline, origin } = model
  if (!jobSucceeded || pipeline.refType !== 'branch') return false
  if (pipeline.source === 'merge_request_event') return origin.startsWith('mr:')
  return pipeline.ref === sourceBranch && isOfBranch(model, sourceBranch)
}

/** One string for one dataset and name, whatever characters they hold. */
export function identityOf({ dataset, name }: { dataset: string; name: string }): string {
  return `${dataset.length} ${dataset}${name}`
}

/** Of each dataset, name, repeat and trial the one of the newest pipeline, then of the highest job. */
export function choosePerIdentity(models: readonly Model[]): Model[] {
  const chosen = new Map<string, Model>()
  for (const model of models) {
    const key = tryKey(model)
    const known = chosen.get(key)
    if (known === undefined || isNewer(model, known)) chosen.set(key, model)
  }
  return [...chosen.values()]
}

/** The lengths keep the parts apart; null has none. */
function tryKey({ dataset, name, repeat, trial }: Model): string {
  const lengths = `${dataset.length} ${name.length} ${repeat?.length ?? ''} ${trial?.length ?? ''}`
  return `${lengths} ${dataset}${name}${repeat ?? ''}${trial ?? ''}`
}

function isNewer(a: Model, b: Model): boolean {
  if (a.pipeline.id !== b.pipeline.id) return a.pipeline.id > b.pipeline.id
  return a.job.id > b.job.id
}

/** The models that count, by identity: the newest of each, no trials, repeats in the order of their labels. */
function groupRepeats(models: readonly Model[]): Map<string, Model[]> {
  const counted = choosePerIdentity(models).filter(({ trial }) => trial === null)
  const groups = groupBy(counted, identityOf)
  for (const group of groups.values()) group.sort((a, b) => byCodeUnits(a.repeat ?? '', b.repeat ?? ''))
  return groups
}

export interface BaselineChoice {
  candidates: readonly Model[]
  /** In order of preference. */
  pools: readonly BaselinePool[]
  /** What stands for each dataset and name; by default all repeats, and no trial of a search. */
  groupsOf?: (models: readonly Model[]) => ReadonlyMap<string, Model[]>
}

/**
 * For each dataset and name the first pool that has it. Those that no candidate has are chosen too, as they may be
 * missing, but not from the newest commit: what was added there, this branch cannot know. Nor where their job has run
 * since and no longer sends them: the target branch itself has dropped them.
 */
export function chooseBaselines({ candidates, pools, groupsOf = groupRepeats }: BaselineChoice): Baseline[] {
  const known = new Set(candidates.map(identityOf))
  const chosen = new Map<string, Baseline>()
  const nearerJobs = new Set<string>()
  for (const { models, reason, commit, commitsBehind, carriedFrom } of pools) {
    for (const [key, repeats] of groupsOf(models)) {
      const first = repeats[0]
      if (first === undefined || chosen.has(key)) continue
      const isDropped = reason === 'newest' || repeats.every(({ job }) => nearerJobs.has(job.name))
      if (isDropped && !known.has(key)) continue
      const { dataset, name } = first
      chosen.set(key, { dataset, name, reason, commit, commitsBehind, carriedFrom, models: repeats })
    }
    for (const { job } of models) nearerJobs.add(job.name)
  }
  return [...chosen.values()]
}
