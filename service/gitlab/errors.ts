/** Why a call to GitLab failed, without the request (it holds the token). */
export type GitLabErrorKind =
  | 'unauthorized' // 401: the token is expired, revoked or wrong
  | 'forbidden' // 403
  | 'not_found' // 404
  | 'moved' // 3xx: never followed
  | 'rejected' // any other 4xx: the same call would be refused again
  | 'rate_limited' // 429
  | 'unavailable' // 5xx, timeout, connection error, 409: another write of the same is under way
  | 'unexpected_answer' // 2xx whose body is not what the contract says
  | 'too_large' // 2xx whose body is larger than is read

export interface GitLabErrorDetails {
  kind: GitLabErrorKind
  /** HTTP status, null where no answer came. */
  status: number | null
  /** `GET /projects/7/merge_requests/3/notes`: method and path without query. */
  endpoint: string
  /** What GitLab said, shortened. */
  reason: string
  retryAfterMs: number | null
  /** True where a write may have taken effect although the call failed (5xx, timeout, reset after sending). */
  outcomeUnknown: boolean
  cause?: unknown
}

export class GitLabError extends Error {
  readonly kind: GitLabErrorKind
  readonly status: number | null
  readonly endpoint: string
  readonly reason: string
  readonly retryAfterMs: number | null
  readonly outcomeUnknown: boolean

  constructor(details: GitLabErrorDetails) {
    super(`GitLab ${details.endpoint}: ${details.status ?? 'no answer'} ${details.reason}`, {
      cause: details.cause,
    })
    this.name = 'GitLabError'
    this.kind = details.kind
    this.status = details.status
    this.endpoint = details.endpoint
    this.reason = details.reason
    this.retryAfterMs = details.retryAfterMs
    this.outcomeUnknown = details.outcomeUnknown
  }
}
