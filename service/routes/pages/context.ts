import type { Addresses } from '../../domain/addresses.js'
import { createGitLabAddresses } from '../../domain/gitlab-addresses.js'
import type { ListedModel } from '../../domain/trainings.js'
import { Problem } from '../../errors.js'
import type { AnyProjectAccess } from '../../plugins/any-project-access.js'
import type { PageFrame, PageName, Pages } from '../../render/html.js'
import type { Speakers } from '../../connection/speakers.js'
import type { AuditStore } from '../../stores/audit-store.js'
import type { ComparisonStore } from '../../stores/comparison-store.js'
import type { DecisionStore } from '../../stores/decision-store.js'
import type { CurveStore } from '../../stores/curve-store.js'
import type { SealTrigger } from '../seal-trigger.js'
import type { ModelLists } from '../../stores/model-lists.js'
import type { ModelTable } from '../../stores/model-table.js'
import type { PipelineStore } from '../../stores/pipeline-store.js'
import type { UserStore } from '../../stores/user-store.js'
import type { Standing } from '../../render/pages/common.js'
import type { AnyProject, Project } from '../../stores/project-store.js'

/** What pages are read from. */
export interface PageContext {
  anyAccess: AnyProjectAccess
  modelLists: ModelLists
  curves: CurveStore
  comparisons: ComparisonStore
  decisions: Pick<DecisionStore, 'findAcceptances'>
  pipelines: PipelineStore
  audit: Pick<AuditStore, 'list'>
  modelTable: ModelTable
  users: Pick<UserStore, 'findByUsername' | 'listUsernames'>
  sealTrigger: Pick<SealTrigger, 'onRead'>
  clock: () => Date
  speakers: Pick<Speakers, 'look'>
  /** Without the host. */
  addresses: Addresses
  /** With the host, for the lines to paste. */
  publicUrl: string
}

/** A page and what it is rendered from; `status` where it is not 200. */
export type RenderedPage = {
  [P in PageName]: { page: P; view: Pages[P] & PageFrame; status?: number }
}[PageName]

export function addressesOf({ addresses }: PageContext, project: AnyProject) {
  const gitlab = project.gitlabProjectId === null ? null : createGitLabAddresses(project.webUrl)
  return { addresses, gitlab }
}

/** What a page says of the project around it. */
export function pageProject(project: AnyProject) {
  const { id, gitlabProjectId, path } = project
  if (gitlabProjectId !== null) {
    const { defaultBranch, formerBranches } = project
    const standing = standingOf(project)
    return { id, gitlabProjectId, path, defaultBranch, formerBranches, standing, standalone: null }
  }
  const standalone = { description: project.description }
  return { id, gitlabProjectId, path, defaultBranch: null, standing: null, standalone }
}

export function standingOf({ archived, orphanedAt }: Project): Standing {
  if (orphanedAt) return 'gone'
  return archived ? 'archived' : null
}

/** Merge requests by pipeline, of those models that merge-request pipelines made. */
export function mergeRequestsOf(
  { pipelines }: PageContext,
  project: AnyProject,
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
