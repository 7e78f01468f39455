import type { FormerBranch } from '../../domain/branch-names.js'
import type { Direction } from '../../domain/directions.js'
import type { ShownResult } from '../../domain/result-columns.js'
import type { ListedModel } from '../../domain/trainings.js'
import type { GitLabAddresses } from '../../domain/gitlab-addresses.js'

/** A text that may lead somewhere. */
export interface Link {
  text: string
  href: string | null
}

export interface ColumnHead {
  name: string
  /** Points to where better is; empty where nobody knows. */
  arrow: string
  /** The arrow in words. */
  meaning: string
}

/** Where a model was trained. */
export interface OriginView {
  /** `tag`, `schedule`, `fork`; empty for branches. */
  word: string
  ref: Link
  mergeRequests: Link[]
}

/** The project as pages need it. */
export interface PageProject {
  path: string
  defaultBranch: string | null
  formerBranches?: readonly FormerBranch[]
  standing: Standing
}

/** What became of the project in GitLab; null where it is as it was. */
export type Standing = 'archived' | 'gone' | null

/** A mark beside the project's name. */
export function markOf({ standing }: PageProject): string | null {
  return standing && { archived: 'archived in GitLab', gone: 'deleted in GitLab' }[standing]
}

/** Merge requests of a pipeline. */
export type PipelineMergeRequests = ReadonlyMap<number, readonly number[]>

const meanings: Record<Direction, Omit<ColumnHead, 'name'>> = {
  higher: { arrow: '↑', meaning: 'higher is better' },
  lower: { arrow: '↓', meaning: 'lower is better' },
  unknown: { arrow: '', meaning: 'not judged: the name does not tell which way is better' },
}

export function columnHead({ name, direction }: Pick<ShownResult, 'name' | 'direction'>): ColumnHead {
  return { name, ...meanings[direction] }
}

export function shortSha(sha: string): string {
  return sha.slice(0, 8)
}

/** What tells a training from others of its name: its commit, or the version of what has none. */
export function trainingName({ commit, version }: { commit: string | null; version: string | null }): string {
  return commit === null ? (version ?? '') : shortSha(commit)
}

export function trainingLink(
  model: { commit: string | null; version: string | null },
  gitlab: GitLabAddresses | null,
): Link {
  return model.commit === null ? { text: trainingName(model), href: null } : commitLink(model.commit, gitlab)
}

export function pipelineLink(pipeline: { id: number } | null, gitlab: GitLabAddresses | null): Link | null {
  return pipeline && { text: String(pipeline.id), href: gitlab?.pipeline(pipeline.id) ?? null }
}

export function commitLink(sha: string, gitlab: GitLabAddresses | null): Link {
  return { text: shortSha(sha), href: gitlab?.commit(sha) ?? null }
}

/** At most this many merge requests of a pipeline are named. */
const MAX_MERGE_REQUESTS = 3

export function originView(
  { origin, pipeline }: Pick<ListedModel, 'origin' | 'pipeline'>,
  gitlab: GitLabAddresses | null,
  mergeRequests: PipelineMergeRequests,
): OriginView {
  const kind = origin.slice(0, origin.indexOf(':'))
  if (pipeline === null) return { word: '', ref: { text: 'API token', href: null }, mergeRequests: [] }
  const isOfMergeRequest = kind === 'mr' || kind === 'fork'
  const iids = isOfMergeRequest ? (mergeRequests.get(pipeline.id) ?? []) : []
  return {
    word: kind === 'branch' || kind === 'mr' ? '' : kind,
    ref: { text: pipeline.ref, href: kind === 'fork' ? null : (gitlab?.ref(pipeline.ref) ?? null) },
    mergeRequests: iids
      .slice(0, MAX_MERGE_REQUESTS)
      .map((iid) => ({ text: `!${iid}`, href: gitlab?.mergeRequest(iid) ?? null })),
  }
}
