import { type Baseline, type BaselinePool, identityOf } from '../domain/baseline.js'
import { baselinesFor, compare } from '../domain/compare.js'
import type { Comparison, HistoryPoint } from '../domain/comparison.js'
import { withoutExcluded } from '../domain/exclusions.js'
import { groupBy } from '../domain/group.js'
import type { ExcludedModel } from '../domain/judge.js'
import type { Model } from '../domain/model.js'
import type { RuleBook } from '../domain/rules.js'
import type { GitLabMergeRequest } from '../gitlab/port.js'
import type { StoredExclusion } from '../stores/decision-store.js'
import type { Project } from '../stores/project-store.js'
import { endedJobs, type Head } from './merge-request-head.js'

/** What a comparison needs to know of its merge request. */
export type MergeRequestFacts = Pick<
  GitLabMergeRequest,
  'iid' | 'state' | 'webUrl' | 'sourceBranch' | 'targetBranch' | 'sourceProjectId' | 'commitsBehind'
> & {
  baseSha: string
  previousHeadSha: string | null
}

/** All that the comparisons of one merge request have in common. */
export interface Ground {
  project: Project
  facts: MergeRequestFacts
  head: Head
  pools: readonly BaselinePool[]
  /** Models that would have been compared with, had nobody excluded them. */
  excluded: readonly Model[]
  history: ReadonlyMap<string, readonly HistoryPoint[]>
  exclusions: readonly StoredExclusion[]
}

/** Compares what was trained at a head by these rules. */
export function compareModels(
  { facts, project, head, pools, history, exclusions }: Ground,
  models: readonly Model[],
  rules: RuleBook,
): { comparison: Comparison; baselines: Baseline[] } {
  const reported = models.filter((model) => isOfMergeRequest(model, project, facts))
  const candidates = withoutExcluded(reported, exclusions)
  // What was taken out here is neither missing nor not run.
  const left = new Set(candidates.map(identityOf))
  const takenOut = new Set(reported.map(identityOf).filter((identity) => !left.has(identity)))
  const baselines = baselinesFor(candidates, pools, rules).filter(
    (baseline) => !takenOut.has(identityOf(baseline)),
  )
  const comparison = compare({ candidates, baselines, endedJobs: endedJobs(head), rules, history })
  return { comparison, baselines }
}

/** A fork's models are believed for the merge requests of that fork alone. */
function isOfMergeRequest(model: Model, project: Project, { sourceProjectId }: MergeRequestFacts): boolean {
  const [kind, fork] = model.origin.split(':')
  const source = kind === 'fork' ? Number(fork) : project.gitlabProjectId
  return source === (sourceProjectId ?? project.gitlabProjectId)
}

/** What was taken out of this head, where nothing of its model is left. */
export function excludedHere({ head, exclusions }: Ground): ExcludedModel[] {
  const left = withoutExcluded(head.models, exclusions)
  const known = new Set(left.map(identityOf))
  const kept = new Set(left)
  const gone = head.models.filter((model) => !kept.has(model) && !known.has(identityOf(model)))
  // Repeats send the same results, so that the first says which.
  return [...groupBy(gone, identityOf).values()].flatMap(([model]) =>
    model === undefined
      ? []
      : [{ name: model.name, dataset: model.dataset, results: model.results.map(({ k }) => k) }],
  )
}
