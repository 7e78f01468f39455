export interface Limit {
  requests: number
  periodSeconds: number
}

/** A limit inside GitLab on one endpoint, for each user. */
export interface RouteLimit extends Limit {
  method: string
  /** As in `calls[].route`. */
  route: string
}

export interface Limits {
  /** The throttle in front of the API, for each user. `null` is off. */
  api: Limit | null
  /** The same for callers without a valid token, all together. */
  anonymous: Limit | null
  notesPerMinute: number
  hooksPerMinute: number | null
  routes: RouteLimit[]
}

const files = '/projects/:id/repository/files/:path'

/** Section 6 of the contract. A free group on gitlab.com sends 500 webhooks in a minute. */
export const limitPresets: Record<'self-managed' | 'gitlab.com', Limits> = {
  'self-managed': {
    api: null,
    anonymous: null,
    notesPerMinute: 300,
    hooksPerMinute: null,
    routes: [perMinute(600, 'GET', '/projects/:id/jobs')],
  },
  'gitlab.com': {
    api: { requests: 2000, periodSeconds: 60 },
    anonymous: { requests: 500, periodSeconds: 60 },
    notesPerMinute: 60,
    hooksPerMinute: 500,
    routes: [
      perMinute(600, 'GET', '/projects/:id/jobs'),
      perMinute(400, 'GET', '/projects/:id'),
      perMinute(25, 'POST', '/projects/:id/pipeline'),
      perMinute(25, 'POST', '/projects/:id/merge_requests/:iid/pipelines'),
      perMinute(500, 'GET', files),
      perMinute(500, 'GET', `${files}/raw`),
      { method: 'GET', route: '/projects', requests: 2000, periodSeconds: 600 },
      { method: 'GET', route: '/users/:id', requests: 300, periodSeconds: 600 },
    ],
  },
}

function perMinute(requests: number, method: string, route: string): RouteLimit {
  return { method, route, requests, periodSeconds: 60 }
}
