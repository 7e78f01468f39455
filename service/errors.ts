/** Every refusal of the service: a stable code, its HTTP status, whether the same request may succeed later, and what
 * to do about it. Codes are part of the API and never change their meaning. */
export const errorCatalogue = {
  ID_TOKEN_MISSING: {
    status: 401,
    retryable: false,
    help: 'Send the job\'s ID token as "Authorization: Bearer …" (id_tokens: in .gitlab-ci.yml).',
  },
  ID_TOKEN_INVALID: {
    status: 401,
    retryable: false,
    help: 'Use the ID token that GitLab put into this job; tokens of other issuers or keys are refused.',
  },
  ID_TOKEN_EXPIRED: {
    status: 401,
    retryable: false,
    help: "An ID token lives as long as the job's timeout; run the job again.",
  },
  ID_TOKEN_WRONG_AUDIENCE: {
    status: 401,
    retryable: false,
    help: "Set aud: of the job's id_tokens to the address of this service and to nothing else.",
  },
  ID_TOKEN_WRONG_ISSUER: {
    status: 401,
    retryable: false,
    help: 'This service accepts the ID tokens of one GitLab instance only.',
  },
  IDENTITY_KEYS_UNAVAILABLE: {
    status: 503,
    retryable: true,
    help: "GitLab's signing keys could not be fetched; try again in a minute.",
  },
  API_TOKEN_MISSING: {
    status: 401,
    retryable: false,
    help: 'Send a personal token as "Authorization: Bearer mlmm_…". Make it at /-/profile/tokens; where nobody can sign in, whoever runs this service makes it with: npm run token.',
  },
  API_TOKEN_INVALID: {
    status: 401,
    retryable: false,
    help: 'Use the token as /-/profile/tokens, or npm run token, showed it; it starts with mlmm_.',
  },
  API_TOKEN_EXPIRED: {
    status: 401,
    retryable: false,
    help: 'Make a new token at /-/profile/tokens, or have whoever runs this service make it with: npm run token.',
  },
  API_TOKEN_REVOKED: {
    status: 401,
    retryable: false,
    help: 'Make a new token at /-/profile/tokens, or have whoever runs this service make it with: npm run token.',
  },
  API_TOKEN_READ_ONLY: {
    status: 403,
    retryable: false,
    help: 'Use a token that may read and write, made at /-/profile/tokens, or by npm run token without --read.',
  },
  USER_NOT_ACTIVE: {
    status: 403,
    retryable: false,
    help: 'The user of the token has to be active in GitLab.',
  },
  SIGN_IN_NEEDED: {
    status: 401,
    retryable: false,
    help: 'Sign in with GitLab, then do it again.',
  },
  SIGN_IN_OFF: {
    status: 403,
    retryable: false,
    help: 'Whoever runs this service has to register it as an application in GitLab and set GITLAB_CLIENT_ID, GITLAB_CLIENT_SECRET and ENCRYPTION_KEYS.',
  },
  SIGN_IN_DENIED: {
    status: 403,
    retryable: false,
    help: 'Nothing was kept. To sign in, begin again and choose Authorize in GitLab.',
  },
  SIGN_IN_STALE: {
    status: 400,
    retryable: false,
    help: 'A sign-in has to end in the browser and within 10 minutes of where and when it began, and works once. Begin again; cookies have to be allowed.',
  },
  SIGN_IN_REFUSED: {
    status: 400,
    retryable: false,
    help: 'Begin again. If it goes on, whoever runs this service finds the reason in its log.',
  },
  ORIGIN_REFUSED: {
    status: 403,
    retryable: false,
    help: 'Open the page of this service, at the address it is meant to have (PUBLIC_URL), and do it there.',
  },
  ROLE_TOO_LOW: {
    status: 403,
    retryable: false,
    help: 'Ask a maintainer of the project in GitLab for the role; it counts here after 5 minutes at most.',
  },
  NOT_COMPARED: {
    status: 409,
    retryable: false,
    help: 'Only what a job reported is compared, and can be excluded from comparisons.',
  },
  NOTHING_TO_ACCEPT: {
    status: 409,
    retryable: false,
    help: 'Only rules that are broken at the newest compared head can be accepted.',
  },
  HEAD_CHANGED: {
    status: 409,
    retryable: false,
    help: 'Look at the results of the newer head, then send its commit as head_sha.',
  },
  PROJECT_NOT_CONNECTED: {
    status: 403,
    retryable: false,
    help: 'A maintainer has to connect the project: add the bot to it as Developer and have its path allowed in AUTO_CONNECT.',
  },
  FORK_REPORTS_OFF: {
    status: 403,
    retryable: false,
    help: 'A Maintainer of the project allows reports from forks: PATCH /api/v1/projects/:id with {"fork_reports": "allowed"}.',
  },
  NOT_FOUND: {
    status: 404,
    retryable: false,
    help: 'Check the address; what one may not see is not found either.',
  },
  DUPLICATE_MODEL: {
    status: 409,
    retryable: false,
    help: 'Tell the two trainings apart: set MLMM_REPEAT (averaged), MLMM_TRIAL (a search) or another MLMM_MODEL.',
  },
  BODY_TOO_LARGE: {
    status: 413,
    retryable: false,
    help: 'Send less at once; a report may have 32 MB, a preview 1 MB, any other body 64 kB.',
  },
  UNSUPPORTED_CONTENT_TYPE: {
    status: 415,
    retryable: false,
    help: 'Send application/json or multipart/form-data.',
  },
  INVALID_JSON: {
    status: 400,
    retryable: false,
    help: 'Send valid JSON; NaN, Infinity and -Infinity are accepted.',
  },
  INVALID_BODY: { status: 400, retryable: false, help: 'Mend the named field and send it again.' },
  UNKNOWN_FIELD: { status: 400, retryable: false, help: 'Remove the field or correct its spelling.' },
  LIMIT_EXCEEDED: { status: 400, retryable: false, help: 'Stay within the named limit.' },
  INVALID_NAME: {
    status: 400,
    retryable: false,
    help: 'A name has 1 to 200 characters without NUL and lone surrogates.',
  },
  INVALID_PROJECT_NAME: {
    status: 400,
    retryable: false,
    help: 'Use 1 to 100 letters, digits, _, - and ., the first a letter, a digit or _; no . or .git or .atom at the end.',
  },
  PROJECT_ARCHIVED: {
    status: 409,
    retryable: false,
    help: 'Unarchive the project in GitLab first.',
  },
  ALREADY_CONNECTED: {
    status: 409,
    retryable: false,
    help: 'A repository belongs to one project only; connect it without naming a standalone project.',
  },
  PROJECT_EXISTS: { status: 409, retryable: false, help: 'Choose another name.' },
  NO_SUCH_USER: {
    status: 400,
    retryable: false,
    help: 'Give the username of somebody who can sign in to GitLab.',
  },
  LAST_MAINTAINER: {
    status: 409,
    retryable: false,
    help: 'Make somebody else a Maintainer first, or delete the project.',
  },
  NOT_CONFIRMED: {
    status: 400,
    retryable: false,
    help: 'Give the whole path of the project, the name of the model, or your username; by the API as ?confirm=. It cannot be undone.',
  },
  NOT_STANDALONE: {
    status: 409,
    retryable: false,
    help: 'The members of a connected project are managed in GitLab.',
  },
  COMMIT_MISSING: {
    status: 400,
    retryable: false,
    help: 'Send the full hash as commit; only standalone projects take models without one.',
  },
  NO_MODEL: {
    status: 400,
    retryable: false,
    help: 'A successful job reports at least one model: write mlmm.json or metrics.json, or set MLMM_FILES.',
  },
  UNKNOWN_FILE_FORMAT: {
    status: 400,
    retryable: false,
    help: 'Send mlmm.json (models with results) or metrics.json (a flat or nested map of numbers).',
  },
  INVALID_QUERY: { status: 400, retryable: false, help: 'Correct the named query parameter.' },
  WEBHOOK_UNAUTHORIZED: {
    status: 401,
    retryable: false,
    help: "The webhook's secret is not the one of this project; reconnect the project to set it anew.",
  },
  GRANT_MISSING: { status: 401, retryable: false, help: 'Sign in with GitLab.' },
  GRANT_LOST: {
    status: 401,
    retryable: false,
    help: 'Sign in with GitLab again, once; nothing else was lost.',
  },
  GRANT_REVOKED: {
    status: 401,
    retryable: false,
    help: 'Sign in with GitLab again to allow it anew.',
  },
  GRANT_SCOPE: {
    status: 403,
    retryable: false,
    help: 'Sign in with GitLab again and consent to what the page asks for.',
  },
  GITLAB_USER_BLOCKED: {
    status: 403,
    retryable: true,
    help: 'Ask an administrator of GitLab to activate the account; all is kept, and asked again every few minutes.',
  },
  GITLAB_PASSWORD_EXPIRED: {
    status: 403,
    retryable: true,
    help: 'Sign in to GitLab in a browser and do what it asks for there; all is kept, and asked again every few minutes.',
  },
  GITLAB_UNAVAILABLE: { status: 503, retryable: true, help: 'GitLab did not answer; try again in a minute.' },
  TOO_MANY_PREVIEWS: {
    status: 429,
    retryable: true,
    help: 'Large previews take turns; try again after the time in Retry-After, or use the command line.',
  },
  TOO_MANY_REQUESTS: {
    status: 429,
    retryable: true,
    help: 'Try again after the time in Retry-After.',
  },
  REQUEST_TIMEOUT: { status: 408, retryable: true, help: 'Send the request again.' },
  INVALID_REQUEST: { status: 400, retryable: false, help: 'Correct the request.' },
  INTERNAL_ERROR: {
    status: 500,
    retryable: true,
    help: 'Quote the request id to whoever runs this service.',
  },
  UNAVAILABLE: { status: 503, retryable: true, help: 'Try again in a few seconds.' },
} as const satisfies Record<string, { status: number; retryable: boolean; help: string }>

export type ErrorCode = keyof typeof errorCatalogue

export interface ProblemDetails {
  /** One sentence: what was wrong, with which value. */
  message: string
  /** Where in the request: `models[3].results.accuracy`. */
  field?: string
  /** The value as it came; shortened here. */
  value?: unknown
  /** Seconds after which the same request may succeed. */
  retryAfterSeconds?: number
  cause?: unknown
}

/** A refusal with a code of the catalogue. Thrown anywhere below a route, answered by the error handler. */
export class Problem extends Error {
  readonly code: ErrorCode
  readonly status: number
  readonly retryable: boolean
  readonly help: string
  readonly field: string | null
  readonly value: string | null
  readonly retryAfterSeconds: number | null

  constructor(code: ErrorCode, details: ProblemDetails) {
    super(details.message, { cause: details.cause })
    const entry = errorCatalogue[code]
    this.name = 'Problem'
    this.code = code
    this.status = entry.status
    this.retryable = entry.retryable
    this.help = entry.help
    this.field = details.field ?? null
    this.value = details.value === undefined ? null : shortened(details.value)
    this.retryAfterSeconds = details.retryAfterSeconds ?? null
  }
}

const shownLength = 80

/** A value as an error message shows it: at most 80 characters of its JSON. */
export function shortened(value: unknown): string {
  const text = typeof value === 'string' ? value.slice(0, shownLength + 1) : describe(value)
  return text.length > shownLength ? `${text.slice(0, shownLength)}…` : text
}

function describe(value: unknown): string {
  if (Array.isArray(value)) return `an array of ${value.length}`
  if (typeof value === 'object' && value !== null) return 'an object'
  return String(value)
}
