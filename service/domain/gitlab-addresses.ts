/** Addresses in GitLab, made of the project's own address and numbers; never of what a job says. */
export interface GitLabAddresses {
  project: string
  commit(sha: string): string
  /** Commits of a branch or tag. */
  ref(name: string): string
  pipeline(id: number): string
  job(id: number): string
  mergeRequest(iid: number): string
  /** The editor of `.gitlab-ci.yml`. */
  ciEditor(branch: string): string
}

/** Null unless `webUrl` is an http(s) address: it ends up in `href`. */
export function createGitLabAddresses(webUrl: string): GitLabAddresses | null {
  const project = parseHttpUrl(webUrl)
  if (project === null) return null
  const below = (path: string) => `${project}/-/${path}`
  return {
    project,
    commit: (sha) => below(`commit/${encodeURIComponent(sha.toWellFormed())}`),
    ref: (name) => below(`commits/${name.split('/').map(encodePart).join('/')}`),
    pipeline: (id) => below(`pipelines/${id}`),
    job: (id) => below(`jobs/${id}`),
    ciEditor: (branch) => below(`ci/editor?branch_name=${encodePart(branch)}`),
    mergeRequest: (iid) => below(`merge_requests/${iid}`),
  }
}

function encodePart(part: string): string {
  return encodeURIComponent(part.toWellFormed())
}

function parseHttpUrl(text: string): string | null {
  const url = URL.canParse(text) ? new URL(text) : null
  if (url === null || !/^https?:$/.test(url.protocol)) return null
  return `${url.origin}${url.pathname}`.replace(/\/+$/, '')
}
