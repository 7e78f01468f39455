import { randomBytes } from 'node:crypto'
import type { FormerBranch } from '../domain/branch-names.js'
import type { StandaloneMember } from '../domain/standalone.js'
import type { Connection } from './connection-store.js'
import type { Sealed } from './sealing.js'

/** How the project's webhook stands: not asked for yet, registered, not possible because nobody who may speak is a
 * Maintainer, or its address not taken by GitLab. */
export type HookState = 'pending' | 'registered' | 'not_allowed' | 'refused'

export interface ProjectHook {
  state: HookState
  hookId: number | null
  secretHash: string | null
  /** The secrets before a rotation are good until `previousUntil`. Absent in rows of older versions, as the rest. */
  previousSecretHash?: string | null
  previousUntil?: Date | null
  /** `whsec_…`, sealed for `hookKeyOwner`; null where GitLab does not sign. */
  signingKey?: Sealed | null
  previousSigningKey?: Sealed | null
  health?: HookHealth | null
  /** GitLab's words where the state is `refused`. */
  refusal?: string | null
  /** Until when one process alone registers it. */
  claimedUntil?: Date | null
}

/** The webhook as GitLab last told it. */
export interface HookHealth {
  checkedAt: Date
  /** GitLab's word: `executable`, `temporarily_disabled`, `disabled`; `missing` where the webhook is gone there. */
  alertStatus: string
  /** Until when GitLab sends nothing, where it said so. */
  disabledUntil: Date | null
  /** When something authentic last came; null where nothing did within a week. */
  lastDeliveryAt: Date | null
  /** When GitLab's log of deliveries was last read for what did not arrive; null where it was not, or cannot be. */
  logReadAt: Date | null
}

export interface PollMark {
  at: Date
  /** By GitLab's clock. */
  until: Date
  /** What tells the rules of the default branch from others; absent or null: not known. */
  rules?: string | null
}

/** To whom the signing key of a webhook is sealed. */
export function hookKeyOwner(projectId: string): string {
  return `hook:${projectId}`
}

/** Connected to a GitLab repository. */
export interface Project extends Connection {
  id: string
  gitlabProjectId: number
  path: string
  webUrl: string
  defaultBranch: string | null
  /** Names that the default branch had, the oldest first. */
  formerBranches?: FormerBranch[]
  visibility: 'private' | 'internal' | 'public'
  pipelinesOpen: boolean
  connectedAt: Date
  /** When GitLab last confirmed the fields above. */
  checkedAt: Date
  /** When a job last asked GitLab about the project, with or without an answer. */
  askedAt?: Date
  /** In GitLab; such a project is read as any other. */
  archived?: boolean
  /** Since when GitLab does not show the project to who asked; absent as null: it does. */
  missingSince?: Date | null
  /** Since when the project is taken for deleted in GitLab. Its results are kept, closed to all but administrators. */
  orphanedAt?: Date | null
  hook: ProjectHook
  /** How far GitLab's list of merge requests has been read for what no webhook told; absent: not yet. */
  polled?: PollMark
  /** Whether jobs that run a fork's code may report; absent: refused. */
  forkReports?: ForkReports
}

export type ForkReports = 'refused' | 'allowed'

/** Without a repository; only its own members see it. */
export interface StandaloneProject {
  id: string
  gitlabProjectId: null
  /** `~username/name`; the username is that of its maker at that time. */
  path: string
  name: string
  description: string
  members: StandaloneMember[]
  visibility: 'private'
  pipelinesOpen: false
  createdAt: Date
}

export type AnyProject = Project | StandaloneProject

/** What GitLab says of a project; refreshed at every contact, because projects are renamed and closed. */
export type ProjectFacts = Pick<
  Project,
  'gitlabProjectId' | 'path' | 'webUrl' | 'defaultBranch' | 'visibility' | 'pipelinesOpen' | 'archived'
>

/** Nothing is left of it but this, until all that it had is deleted. */
export interface DeletedProject {
  id: string
  deletingSince: Date
}

export interface ConnectedDoc extends Omit<Project, 'id'> {
  _id: string
  schema: 1
  /** The oldest first; absent where it was never renamed. */
  formerPaths?: string[]
}

export interface StandaloneDoc extends Omit<StandaloneProject, 'id'> {
  _id: string
  schema: 1
}

interface DeletedDoc extends Omit<DeletedProject, 'id'> {
  _id: string
  schema: 1
  gitlabProjectId: null
  path: string
  visibility: 'private'
  pipelinesOpen: false
}

export type ProjectDoc = ConnectedDoc | StandaloneDoc | DeletedDoc

/** As GitLab compares paths. */
export const caseless = { locale: 'en', strength: 2 } as const

/** Our own ids have a letter first, so that a number in an address is always GitLab's. */
export function newProjectId(): string {
  return `p${randomBytes(8).toString('hex')}`
}

/** Null for a project that is not connected. */
export function fromConnectedDoc(doc: ProjectDoc): Project | null {
  if (doc.gitlabProjectId === null) return null
  const { _id: id, schema: _, formerPaths: __, ...rest } = doc
  return { id, ...rest }
}

/** Null for a project that is being deleted. */
export function anyFromDoc(doc: ProjectDoc): AnyProject | null {
  if (doc.gitlabProjectId !== null) return fromConnectedDoc(doc)
  if ('deletingSince' in doc) return null
  const { _id: id, schema: _, ...rest } = doc
  return { id, ...rest }
}
