/** Addresses of pages: the same path as in GitLab, only the host changes. */

/** One name as one segment. `.` and `..` would be taken for directions, so they, and what starts with `~`, get a `~`. */
export function encodeSegment(name: string): string {
  const guarded = /^(\.{1,2}$|~)/.test(name) ? `~${name}` : name
  return encodeURIComponent(guarded.toWellFormed()).replace(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

/** Undoes the guard of `encodeSegment` on a segment whose percent signs have been decoded. */
export function decodeSegment(segment: string): string {
  return segment.startsWith('~') ? segment.slice(1) : segment
}

export interface Addresses {
  project(path: string): string
  mergeRequest(path: string, mrIid: number): string
  history(path: string, model: { name: string; dataset: string }): string
  model(
    path: string,
    model: { name: string; dataset: string; commit: string; repeat: string | null; trial: string | null },
  ): string
}

export function createAddresses(publicUrl: string): Addresses {
  function project(path: string): string {
    return `${publicUrl}/${path.split('/').map(encodeSegment).join('/')}`
  }
  function history(path: string, model: { name: string; dataset: string }): string {
    return `${project(path)}/-/models/${encodeSegment(model.name)}/${encodeSegment(model.dataset)}`
  }
  return {
    project,
    history,
    mergeRequest: (path, mrIid) => `${project(path)}/-/merge_requests/${mrIid}`,
    model: (path, model) => {
      const labels = new URLSearchParams()
      if (model.repeat !== null) labels.set('repeat', model.repeat)
      if (model.trial !== null) labels.set('trial', model.trial)
      const query = labels.size === 0 ? '' : `?${labels}`
      return `${history(path, model)}/${model.commit.slice(0, 12)}${query}`
    },
  }
}
