import type { Addresses } from '../../domain/addresses.js'
import { createGitLabAddresses } from '../../domain/gitlab-addresses.js'
import type { ListedModel } from '../../domain/trainings.js'
import { Problem } from '../../errors.js'
import type { PersonAccess } from '../../plugins/person-access.js'
import type { PageFrame, PageName, Pages } from '../../render/html.js'
import type { ComparisonStore } from '../../stores/comparison-store.js'
import type { CurveStore } from '../../stores/curve-store.js'
import type { ModelLists } from '../../stores/model-lists.js'
import type { PipelineStore } from '../../stores/pipeline-store.js'
import type { Project } from '../../stores/project-store.js'

/** What pages are read from. */
export interface PageContext {
  personAccess: PersonAccess
  modelLists: ModelLists
  curves: CurveStore
  comparisons: ComparisonStore
  pipelines: PipelineStore
  /** Without the host. */
  addresses: Addresses
  /** With the host, for the lines to paste. */
  publicUrl: string
}

/** A page and what it is rendered from. */
export type RenderedPage = { [P in PageName]: { page: P; view: Pages[P] & PageFrame } }[PageName]

export function addressesOf({ addresses }: PageContext, project: Project) {
  return { addresses, gitlab: createGitLabAddresses(project.webUrl) }
}

/** Merge requests by pipeline, of those models that merge-request pipelines made. */
export function mergeRequestsOf(
  { pipelines }: PageContext,
  project: Project,
  models: readonly Pick<ListedModel, 'origin' | 'pipeline'>[],
): Promise<Map<number, number[]>> {
  const ids = models
    .filter(({ origin }) => /^(mr|fork):/.test(origin))
    .flatMap(({ pipeline }) => pipeline?.id ?? [])
  return pipelines.listMergeRequests(project.id, [...new Set(ids)])
}

export function notFound(message: string): Problem {
  return new Problem('NOT_FOUND', { message })
}
