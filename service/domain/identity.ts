import { hash } from 'node:crypto'

/** What makes two reports speak of the same model. */
export interface ModelIdentity {
  projectId: string
  origin: string
  /** The commit, or the version of a model that has none. */
  commit: string
  /** Null for what no pipeline reported. */
  pipelineId: number | null
  dataset: string
  name: string
  repeat: string | null
  trial: string | null
}

/** The computed id of a model: 24 characters of `[A-Za-z0-9_-]`. The same identity always gives the same id, so that
 * sending a report again writes the same document. Why the pipeline is part of it: docs/decisions/0009-model-identity.md. */
export function modelId(identity: ModelIdentity): string {
  const { projectId, origin, commit, pipelineId, dataset, name, repeat, trial } = identity
  const text = JSON.stringify([projectId, origin, commit, pipelineId, dataset, name, repeat, trial])
  return hash('sha256', text, 'base64url').slice(0, 24)
}

export interface OriginClaims {
  pipelineId: number
  pipelineSource: string
  ref: string
  refType: 'branch' | 'tag'
  /** GitLab's number of the fork whose code ran, null where it is the project's own. */
  forkProjectId: number | null
}

/** Where a model comes from, by its ID token alone. */
export function modelOrigin(claims: OriginClaims): string {
  if (claims.forkProjectId !== null) return `fork:${claims.forkProjectId}:${claims.pipelineId}`
  if (claims.pipelineSource === 'merge_request_event') return `mr:${claims.pipelineId}`
  if (claims.pipelineSource === 'schedule') return `schedule:${claims.pipelineId}`
  return `${claims.refType}:${claims.ref}`
}

/** Where a model comes from that a person reported with an API token. */
export function tokenOrigin(gitlabUserId: number): string {
  return `token:${gitlabUserId}`
}

/** What tells such a model from others of its name: its commit, its version, or both. */
export function tokenTraining(commit: string | null, version: string | null): string {
  return version === null ? (commit ?? '') : `${commit ?? ''} ${version}`
}

/** The id of what a person reported: the project, and a name made of its models. */
export function parseTokenReportId(text: string): { projectId: string } | null {
  const projectId = /^([a-z0-9]{1,40})\.[\w-]{24}$/.exec(text)?.[1]
  return projectId === undefined ? null : { projectId }
}

/** The id of what one job reported. It names the commit, so that its models are found through the index on commits. */
export interface ReportId {
  projectId: string
  commit: string
  pipelineId: number
  jobId: number
}

export function formatReportId(id: ReportId): string {
  return `${id.projectId}.${id.commit}.${id.pipelineId}.${id.jobId}`
}

export function parseReportId(text: string): ReportId | null {
  const match = /^([a-z0-9]{1,40})\.([0-9a-f]{40,64})\.(\d{1,15})\.(\d{1,15})$/.exec(text)
  if (match === null) return null
  const [, projectId = '', commit = '', pipelineId, jobId] = match
  return { projectId, commit, pipelineId: Number(pipelineId), jobId: Number(jobId) }
}
