/** Addresses of pages: the same path as in GitLab, only the host changes. */

/** One name as one segment. `.` and `..` would be taken for directions, so they, and what starts with `~`, get a `~`. */
export function encodeSegment(name: string): string {
  const guarded = /^(\.{1,2}$|~)/.test(name) ? `~${name}` : name
  return encodeURIComponent(guarded.toWellFormed()).replace(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

/** A project's path. No group of GitLab begins with `~`: there it is the mark of a standalone project, and stands bare. */
function encodePath(path: string): string {
  const encoded = path.split('/').map(encodeSegment).join('/')
  return path.startsWith('~') ? encoded.slice(1) : encoded
}

/** Undoes the guard of `encodeSegment` on a segment whose percent signs have been decoded. */
export function decodeSegment(segment: string): string {
  return segment.startsWith('~') ? segment.slice(1) : segment
}

export interface ModelAddress {
  name: string
  dataset: string
  /** Null where a version stands in. */
  commit: string | null
  version?: string | null
  repeat: string | null
  trial: string | null
  /** Where not the commit's newest pipeline is meant. */
  pipelineId?: number
  /** Where no pipeline tells it from others of the commit. */
  modelId?: string
}

/** Before a version, which may look like a commit. */
export const versionPrefix = 'v-'

/** The address of exactly this training. */
export function trainingAddress<T extends Omit<ModelAddress, 'pipelineId' | 'modelId'>>(
  model: T & { id: string; pipeline: { id: number } | null },
): ModelAddress {
  if (model.pipeline !== null) return { ...model, pipelineId: model.pipeline.id }
  return { ...model, modelId: model.id }
}

export interface Addresses {
  projects(after?: string): string
  project(path: string): string
  /** A project's models, below the key of a page. */
  models(path: string, before?: string): string
  /** `result`: what a form of its page did. */
  mergeRequest(path: string, mrIid: number, result?: string): string
  /** Accepts what is broken at the head of a merge request, or takes that back. */
  decideOn(projectId: string, mrIid: number, decision: 'accept' | 'withdraw'): string
  history(path: string, model: { name: string; dataset: string }, before?: string): string
  model(path: string, model: ModelAddress): string
  /** The flat table with these parameters, or all that matches as a file. */
  results(path: string, query?: URLSearchParams, file?: 'csv' | 'ndjson'): string
  /** A project's settings; `result`: what a form of theirs did. */
  settings(path: string, result?: string): string
  /** A form of the settings. */
  settingsForm(projectId: string, form: string): string
  /** Leads back to a path of this service afterwards. */
  signIn(returnTo?: string): string
  signOut(): string
  signOutEverywhere(): string
  profile(): string
  /** Where a standalone project is made. */
  newProject(): string
  /** Ends a session of one's own. */
  endSession(sessionId: string): string
  /** Has us forget what somebody allowed us to do in GitLab. */
  forgetAccess(): string
  /** Projects of GitLab that could be connected. */
  connect(search?: string, page?: number): string
  connectProject(gitlabProjectId: number): string
  /** Asks GitLab's user to let this service post for them; leads back to a path of this service afterwards. */
  allowPosting(returnTo: string): string
  tokens(): string
  revokeToken(tokenId: string): string
  /** A file of `views/assets/`. */
  asset(file: string): string
  /** Deletes the model. */
  deleteModel(projectId: string, modelId: string): string
  /** Deletes what is kept of a person. */
  deletePerson(): string
  /** The model as JSON. */
  modelJson(project: { id: string; gitlabProjectId: number | null }, modelId: string): string
}

/** Addresses below `publicUrl`; below its path alone for links that stay on the host that was asked. */
export function createAddresses(publicUrl: string): Addresses {
  function project(path: string): string {
    return `${publicUrl}/${encodePath(path)}`
  }
  function history(path: string, model: { name: string; dataset: string }, before?: string): string {
    return `${project(path)}/-/models/${encodeSegment(model.name)}/${encodeSegment(model.dataset)}${queryOf({ before })}`
  }
  return {
    projects: (after) => `${publicUrl}/${queryOf({ after })}`,
    project,
    models: (path, before) => `${project(path)}/-/models${queryOf({ before })}`,
    history,
    mergeRequest: (path, mrIid, result) => `${project(path)}/-/merge_requests/${mrIid}${queryOf({ result })}`,
    decideOn: (projectId, mrIid, decision) =>
      `${publicUrl}/-/projects/${encodeSegment(projectId)}/merge_requests/${mrIid}/${decision}`,
    model: (path, model) => {
      const { commit, version, repeat, trial, pipelineId, modelId } = model
      const query = queryOf({ repeat, trial, pipeline: pipelineId, model: modelId })
      const training = commit === null ? `${versionPrefix}${version ?? ''}` : commit.slice(0, 12)
      return `${history(path, model)}/${encodeSegment(training)}${query}`
    },
    results: (path, query = new URLSearchParams(), file) =>
      `${project(path)}/-/results${file === undefined ? '' : `.${file}`}${query.size === 0 ? '' : `?${query}`}`,
    settings: (path, result) => `${project(path)}/-/settings${queryOf({ result })}`,
    settingsForm: (projectId, form) => `${publicUrl}/-/projects/${encodeSegment(projectId)}/${form}`,
    signIn: (returnTo) => `${publicUrl}/-/sign-in${queryOf({ return_to: returnTo })}`,
    signOut: () => `${publicUrl}/-/sign-out`,
    signOutEverywhere: () => `${publicUrl}/-/sign-out/everywhere`,
    newProject: () => `${publicUrl}/-/new`,
    profile: () => `${publicUrl}/-/profile`,
    endSession: (sessionId) => `${publicUrl}/-/profile/sessions/${encodeSegment(sessionId)}/revoke`,
    forgetAccess: () => `${publicUrl}/-/profile/gitlab/forget`,
    connect: (search, page) =>
      `${publicUrl}/-/connect${queryOf({ search: search === '' ? null : search, page: page === 1 ? null : page })}`,
    connectProject: (gitlabProjectId) => `${publicUrl}/-/connect/${gitlabProjectId}`,
    allowPosting: (returnTo) => `${publicUrl}/-/sign-in${queryOf({ for: 'posting', return_to: returnTo })}`,
    tokens: () => `${publicUrl}/-/profile/tokens`,
    revokeToken: (tokenId) => `${publicUrl}/-/profile/tokens/${encodeSegment(tokenId)}/revoke`,
    asset: (file) => `${publicUrl}/-/assets/${encodeSegment(file)}`,
    deleteModel: (projectId, modelId) =>
      `${publicUrl}/-/projects/${projectId}/models/${encodeSegment(modelId)}/delete`,
    deletePerson: () => `${publicUrl}/-/profile/delete`,
    modelJson: ({ id, gitlabProjectId }, modelId) =>
      `${publicUrl}/api/v1/projects/${gitlabProjectId ?? id}/models/${encodeSegment(modelId)}`,
  }
}

function queryOf(parameters: Record<string, string | number | null | undefined>): string {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined && value !== null) query.set(name, String(value))
  }
  return query.size === 0 ? '' : `?${query}`
}
