import {
  allowInsecureRequests,
  authorizationCodeGrant,
  AuthorizationResponseError,
  buildAuthorizationUrl,
  calculatePKCECodeChallenge,
  ClientSecretPost,
  Configuration,
  customFetch,
  type CustomFetchOptions,
  randomPKCECodeVerifier,
  randomState,
  refreshTokenGrant,
  ResponseBodyError,
  tokenRevocation,
} from 'openid-client'
import { connectionCode, isNotSent } from './connection-errors.js'
import { retryAfter } from './rate-limit.js'

/** A pair of tokens as GitLab gives it. */
export interface Tokens {
  accessToken: string
  /** GitLab always gives one. */
  refreshToken: string | null
  /** Null: it does not expire. */
  expiresInSeconds: number | null
  /** Null where the answer does not say: then those that were asked for. */
  scopes: string[] | null
}

export type OAuthErrorKind =
  | 'denied' // the person said no on GitLab's page
  | 'invalid_grant' // the code or the refresh token is used, expired, revoked or of another application
  | 'invalid_client' // the application is unknown to GitLab, or its secret is another
  | 'unavailable' // 429, 5xx, timeout, connection error
  | 'other'

export interface OAuthErrorDetails {
  kind: OAuthErrorKind
  reason: string
  /** Null where no answer came. */
  status?: number | null
  outcomeUnknown?: boolean
  retryAfterMs?: number | null
}

/** Why GitLab gave no tokens. Holds no token, no code and no secret, and therefore no cause. */
export class OAuthError extends Error {
  readonly kind: OAuthErrorKind
  readonly reason: string
  readonly status: number | null
  /** True where GitLab may have made new tokens although no usable answer came; the old ones are dead then. */
  readonly outcomeUnknown: boolean
  readonly retryAfterMs: number | null

  constructor(details: OAuthErrorDetails) {
    super(`GitLab OAuth: ${details.kind}: ${details.reason}`)
    this.name = 'OAuthError'
    this.kind = details.kind
    this.reason = details.reason
    this.status = details.status ?? null
    this.outcomeUnknown = details.outcomeUnknown ?? false
    this.retryAfterMs = details.retryAfterMs ?? null
  }
}

export interface OAuthOptions {
  /** The instance as people reach it, with its path if it has one. */
  url: string
  /** The instance as this service reaches it. */
  apiUrl: string
  clientId: string
  clientSecret: string
  /** `<PUBLIC_URL>/-/sign-in/callback`, exactly as the application in GitLab has it. */
  redirectUri: string
  timeoutMs?: number
  now?: () => number
}

export interface OAuth {
  /** Where to send the browser. `state` and `verifier` belong to this browser alone and are needed by `finish`. */
  begin(request: { scopes: readonly string[] }): Promise<{ url: string; state: string; verifier: string }>
  /** Takes the address that GitLab sent the browser back to; of it only the query is believed. */
  finish(request: { callbackUrl: string | URL; state: string; verifier: string }): Promise<Tokens>
  /** One try. Afterwards both old tokens are dead, also where the answer was lost (`outcomeUnknown`). */
  refresh(refreshToken: string): Promise<Tokens>
  /** Resolves also where GitLab does not know the token. */
  revoke(token: string): Promise<void>
}

const maxBodyBytes = 64 * 1024

/**
 * GitLab's OAuth application: authorisation code with PKCE (S256) and state. The page to consent on is at `url`, the
 * calls with the secret go to `apiUrl` and follow no redirect. Every failure is an `OAuthError`.
 */
export function createOAuth(options: OAuthOptions): OAuth {
  const { clientId, clientSecret, redirectUri, now = Date.now } = options
  const url = options.url.replace(/\/+$/, '')
  const apiUrl = options.apiUrl.replace(/\/+$/, '')
  const timeoutMs = options.timeoutMs ?? 10_000

  /** With a record of what came of its one call. */
  function configure(): { config: Configuration; seen: Seen } {
    const config = new Configuration(
      {
        issuer: url,
        authorization_endpoint: `${url}/oauth/authorize`,
        token_endpoint: `${apiUrl}/oauth/token`,
        revocation_endpoint: `${apiUrl}/oauth/revoke`,
      },
      clientId,
      {},
      ClientSecretPost(clientSecret),
    )
    const seen: Seen = { sent: false, status: null, retryAfterMs: null, failure: null }
    config.timeout = timeoutMs / 1000
    config[customFetch] = (address, init) => fetchOnce(address, init, { seen, timeoutMs, now })
    if ([url, apiUrl].some((address) => address.startsWith('http:'))) allowInsecureRequests(config)
    return { config, seen }
  }

  async function call<T>(act: (config: Configuration) => Promise<T>): Promise<T> {
    const { config, seen } = configure()
    try {
      return await act(config)
    } catch (error) {
      throw toOAuthError(error, seen)
    }
  }

  return {
    async begin({ scopes }) {
      const verifier = randomPKCECodeVerifier()
      const state = randomState()
      const { href } = buildAuthorizationUrl(configure().config, {
        redirect_uri: redirectUri,
        scope: scopes.join(' '),
        state,
        code_challenge: await calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
      })
      return { url: href, state, verifier }
    },
    finish: ({ callbackUrl, state, verifier }) =>
      call(async (config) => {
        // Behind a proxy the address as it came need not be the registered one.
        const address = new URL(redirectUri)
        address.search = new URL(callbackUrl, redirectUri).search
        return toTokens(
          await authorizationCodeGrant(config, address, { expectedState: state, pkceCodeVerifier: verifier }),
        )
      }),
    refresh: (refreshToken) =>
      call(async (config) =>
        toTokens(await refreshTokenGrant(config, refreshToken, { redirect_uri: redirectUri })),
      ),
    revoke: (token) => call((config) => tokenRevocation(config, token)),
  }
}

interface Seen {
  sent: boolean
  status: number | null
  retryAfterMs: number | null
  failure: string | null
}

interface FetchContext {
  seen: Seen
  timeoutMs: number
  now: () => number
}

/** Reads the whole answer within the time limit, and only so much of it. */
async function fetchOnce(
  address: string,
  init: CustomFetchOptions,
  context: FetchContext,
): Promise<Response> {
  const { seen, timeoutMs, now } = context
  seen.sent = true
  try {
    const response = await fetch(address, init as RequestInit)
    seen.status = response.status
    seen.retryAfterMs = retryAfter(response.headers, now())
    const text = await readText(response)
    // GitLab repeats the error in `WWW-Authenticate`; openid-client would read that one and leave the body.
    const headers = { 'content-type': response.headers.get('content-type') ?? '' }
    return new Response(text, { status: response.status, headers })
  } catch (error) {
    seen.failure = failureOf(error, timeoutMs)
    seen.sent = !isNotSent(error)
    throw error
  }
}

async function readText(response: Response): Promise<string | null> {
  if (response.body === null || response.status === 204) return null
  const chunks: Uint8Array[] = []
  let sizeBytes = 0
  for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
    sizeBytes += chunk.byteLength
    if (sizeBytes > maxBodyBytes) throw new Error(`the answer is larger than ${maxBodyBytes} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function failureOf(error: unknown, timeoutMs: number): string {
  if (error instanceof Error && error.name === 'TimeoutError') {
    return `no complete answer within ${timeoutMs} ms`
  }
  const code = connectionCode(error)
  return `the connection failed${code === '' ? '' : ` (${code})`}`
}

function toOAuthError(error: unknown, seen: Seen): OAuthError {
  const { status, retryAfterMs } = seen
  if (error instanceof AuthorizationResponseError) {
    const kind = error.error === 'access_denied' ? 'denied' : 'other'
    return new OAuthError({ kind, reason: spoken(error.error, error.error_description) })
  }
  if (seen.failure !== null) {
    return new OAuthError({ kind: 'unavailable', status, reason: seen.failure, outcomeUnknown: seen.sent })
  }
  if (status !== null && (status >= 500 || status === 408 || status === 429)) {
    const reason = `GitLab answered ${status}`
    return new OAuthError({
      kind: 'unavailable',
      status,
      reason,
      outcomeUnknown: status !== 429,
      retryAfterMs,
    })
  }
  if (error instanceof ResponseBodyError) {
    return new OAuthError({
      kind: kindOf(error.error),
      status,
      reason: spoken(error.error, error.error_description),
    })
  }
  if (status === null) {
    return new OAuthError({
      kind: 'other',
      reason: error instanceof Error ? clean(error.message) : 'refused',
    })
  }
  const reason = `GitLab's answer (${status}) is not one of OAuth`
  return new OAuthError({ kind: 'other', status, reason, outcomeUnknown: status >= 200 && status < 300 })
}

function kindOf(error: string): OAuthErrorKind {
  return error === 'invalid_grant' || error === 'invalid_client' ? error : 'other'
}

function spoken(error: string, description: string | undefined): string {
  return clean(description === undefined ? error : `${error}: ${description}`)
}

function clean(text: string): string {
  return text
    .replace(/[\p{C}\s]+/gu, ' ')
    .trim()
    .slice(0, 300)
}

function toTokens(answer: {
  access_token: string
  refresh_token?: string
  expires_in?: number
  scope?: string
}): Tokens {
  return {
    accessToken: answer.access_token,
    refreshToken: answer.refresh_token ?? null,
    expiresInSeconds: answer.expires_in ?? null,
    scopes: answer.scope?.split(' ').filter((scope) => scope !== '') ?? null,
  }
}
