import { type Addresses, trainingAddress } from '../domain/addresses.js'
import type { Json, Named, StoredModel } from '../domain/model.js'
import type { AnyProject, Project, StandaloneProject } from '../stores/project-store.js'

/** How projects and models look on the wire. Floats that JSON does not have are strings, as they may be sent. */

export function projectJson(project: Project, addresses: Addresses) {
  return {
    id: project.id,
    gitlab_id: project.gitlabProjectId,
    path: project.path,
    default_branch: project.defaultBranch,
    visibility: project.visibility,
    archived: project.archived ?? false,
    url: addresses.project(project.path),
    gitlab_url: project.webUrl,
    fork_reports: project.forkReports ?? 'refused',
    connected_at: project.connectedAt,
  }
}

export function standaloneJson(project: StandaloneProject, addresses: Addresses) {
  return {
    id: project.id,
    gitlab_id: null,
    path: project.path,
    name: project.name,
    description: project.description,
    visibility: project.visibility,
    url: addresses.project(project.path),
    created_at: project.createdAt,
  }
}

export function anyProjectJson(project: AnyProject, addresses: Addresses) {
  return project.gitlabProjectId === null
    ? standaloneJson(project, addresses)
    : projectJson(project, addresses)
}

export function modelJson(model: StoredModel, project: { path: string }, addresses: Addresses) {
  return {
    id: model.id,
    name: model.name,
    dataset: model.dataset,
    repeat: model.repeat,
    trial: model.trial,
    chosen: model.chosen,
    version: model.version,
    commit: model.commit,
    source_commit: model.sourceCommit,
    origin: model.origin,
    branch: model.pipeline === null ? model.branch : null,
    pipeline: model.pipeline && {
      id: model.pipeline.id,
      source: model.pipeline.source,
      ref: model.pipeline.ref,
    },
    job: model.job && { id: model.job.id, name: model.job.name, status: model.job.status },
    parameters: settingsJson(model.parameters),
    hyperparameters: settingsJson(model.hyperparameters),
    results: settingsJson(model.results),
    curves: model.curves.map(({ name, count, min, max, last }) => ({
      name,
      count,
      min: floatJson(min),
      max: floatJson(max),
      last: floatJson(last),
    })),
    dataset_digest: model.datasetDigest,
    test_size: model.testSize,
    artifacts: model.artifacts.map(({ path, sizeBytes, sha256 }) => ({ path, size: sizeBytes, sha256 })),
    uploaded_at: model.uploadedAt,
    url: addresses.model(project.path, model.pipeline === null ? trainingAddress(model) : model),
  }
}

/** `Object.fromEntries` makes an own property of any name, `__proto__` included. */
function settingsJson(named: Named<Json>[]): Record<string, unknown> {
  return Object.fromEntries(named.map(({ k, v }) => [k, valueJson(v)]))
}

function valueJson(value: Json): unknown {
  if (typeof value === 'number') return floatJson(value)
  if (Array.isArray(value)) return value.map(valueJson)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, valueJson(inner)]))
}

function floatJson(value: number): number | string {
  return Number.isFinite(value) ? value : String(value)
}
