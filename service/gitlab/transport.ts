import { createRequesterFn, type ResourceOptions, type RequesterType } from '@gitbeaker/requester-utils'
import { connectionCode, isNotSent } from './connection-errors.js'
import { GitLabError, type GitLabErrorKind } from './errors.js'
import { createBudget } from './budget.js'
import type { CallContext } from './port.js'
import { retryAfter } from './rate-limit.js'

/** What an answer becomes before gitbeaker sees it. Never an array: gitbeaker would follow the pages of one by itself,
 * without a bound and stopping too early where GitLab filtered a whole page away. */
export interface Answer {
  endpoint: string
  write: boolean
  status: number
  /** Null where the body was empty. */
  json: unknown
  hasNextPage: boolean
}

export interface TransportOptions {
  /** The instance, with its path if it has one, without `/api/v4`. */
  apiUrl: string
  token: string | (() => Promise<string>)
  timeoutMs: number
  maxBodyBytes: number
  now: () => number
}

interface Call {
  method: string
  url: URL
  endpoint: string
  write: boolean
  body: string | undefined
  eventUuid: string | null
  isBackground: boolean
}

interface Handled {
  method: string
  prefixUrl: string
  searchParams?: string
  body?: string
}

const errorBodyBytes = 64 * 1024

/**
 * Makes gitbeaker's `requesterFn` for one token. One try per call, no redirect followed, no waiting: after a refusal
 * for too many calls the token rests, and calls made meanwhile are refused at once. Every failure is a `GitLabError`;
 * the token is known to `fetch` alone.
 */
export function createTransport(
  options: TransportOptions,
): (context: CallContext) => (resource: ResourceOptions) => RequesterType {
  const budget = createBudget(options.now)

  async function send(call: Call): Promise<Answer> {
    refuseWhileResting(call, budget.waitMs(call))
    const token = await usableToken(options.token, call)
    const response = await fetchOnce(call, token, options.timeoutMs)
    const pauseMs = budget.learn(call, response)
    if (!response.ok) throw await refusal(call, response, { token, nowMs: options.now(), pauseMs })
    return readAnswer(call, response, options)
  }

  return (context) =>
    createRequesterFn(
      (_resource, request) => Promise.resolve(request),
      async (path, request) => {
        const call = toCall(options.apiUrl, path, request as unknown as Handled, context)
        const answer = await send(call)
        return { body: { ...answer }, headers: {}, status: answer.status }
      },
    )
}

function toCall(apiUrl: string, path: string, request: Handled, context: CallContext): Call {
  const prefix = request.prefixUrl.replace(/\/+$/, '')
  const route = `${prefix}/${path}`.slice(`${apiUrl}/api/v4`.length)
  if (!isRoute(route)) throw new TypeError('projects are addressed by number')
  const url = new URL(`${prefix}/${path}`)
  url.search = request.searchParams ?? ''
  return {
    method: request.method,
    url,
    endpoint: `${request.method} ${route}`,
    write: request.method !== 'GET',
    body: request.body,
    eventUuid: context.eventUuid,
    isBackground: context.isBackground === true,
  }
}

/** Below a numbered project or none. A file's path is one segment, and no segment may climb. */
function isRoute(route: string): boolean {
  if (/\/\.{1,2}(?:\/|$)/.test(route)) return false
  return /^\/(?!projects\/(?!\d+(?:\/|$)))[\w/%.~!*'()-]+$/.test(route)
}

function refuseWhileResting(call: Call, remainingMs: number): void {
  if (remainingMs <= 0) return
  const seconds = Math.ceil(remainingMs / 1000)
  throw failure(call, 'rate_limited', {
    reason: `not called: GitLab allows this token no calls for another ${seconds} s`,
    retryAfterMs: remainingMs,
  })
}

// fetch quotes an illegal header value in its error, so an unusable token must not reach it.
async function usableToken(source: TransportOptions['token'], call: Call): Promise<string> {
  const token = typeof source === 'string' ? source : await source()
  if (/^[\x21-\x7e]+$/.test(token)) return token
  throw failure(call, 'unauthorized', { reason: 'the access token is empty or has characters no token has' })
}

async function fetchOnce(call: Call, token: string, timeoutMs: number): Promise<Response> {
  const headers = new Headers({
    accept: 'application/json',
    authorization: `Bearer ${token}`,
    'user-agent': 'mlmm',
  })
  if (call.body !== undefined) headers.set('content-type', 'application/json')
  if (call.eventUuid !== null) headers.set('x-gitlab-event-uuid', call.eventUuid)
  try {
    return await fetch(call.url, {
      method: call.method,
      headers,
      body: call.body,
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutMs),
    })
  } catch (error) {
    throw connectionFailure(call, error, timeoutMs)
  }
}

/** The error of fetch is not kept as a cause: what it holds is not ours to know. */
function connectionFailure(call: Call, error: unknown, timeoutMs: number): GitLabError {
  if (error instanceof Error && error.name === 'TimeoutError') {
    return failure(call, 'unavailable', {
      reason: `no complete answer within ${timeoutMs} ms`,
      outcomeUnknown: call.write,
    })
  }
  const code = connectionCode(error)
  return failure(call, 'unavailable', {
    reason: `the connection failed${code === '' ? '' : ` (${code})`}`,
    outcomeUnknown: call.write && !isNotSent(error),
  })
}

async function readAnswer(call: Call, response: Response, options: TransportOptions): Promise<Answer> {
  const text = await readText(response, options.maxBodyBytes).catch((error: unknown) => {
    throw connectionFailure(call, error, options.timeoutMs)
  })
  return {
    endpoint: call.endpoint,
    write: call.write,
    status: response.status,
    json: parseJson(call, response, text, options.maxBodyBytes),
    hasNextPage: namesNextPage(response.headers),
  }
}

function parseJson(call: Call, response: Response, text: string | null, maxBodyBytes: number): unknown {
  const details = { status: response.status, outcomeUnknown: call.write }
  const unexpected = (reason: string) => failure(call, 'unexpected_answer', { ...details, reason })
  if (text === null) {
    throw failure(call, 'too_large', {
      ...details,
      reason: `the answer is larger than ${maxBodyBytes} bytes`,
    })
  }
  if (text === '') return null
  if (isHtml(response, text)) throw unexpected('the answer is an HTML page, not JSON')
  try {
    return JSON.parse(text)
  } catch {
    // The parser's message quotes the answer; that it is not JSON is all there is to say.
    throw unexpected('the answer is not valid JSON')
  }
}

function namesNextPage(headers: Headers): boolean {
  return /rel="?next"?/.test(headers.get('link') ?? '') || (headers.get('x-next-page') ?? '') !== ''
}

async function refusal(
  call: Call,
  response: Response,
  context: { token: string; nowMs: number; pauseMs: number | null },
): Promise<GitLabError> {
  const { status } = response
  // The status is the answer; a body that breaks off only costs the reason.
  const text = await readText(response, errorBodyBytes).catch(() => '')
  return failure(call, kindOf(status), {
    status,
    reason: clean(reasonOf(response, text ?? ''), context.token),
    retryAfterMs: status === 429 ? context.pauseMs : retryAfter(response.headers, context.nowMs),
    outcomeUnknown: call.write && (status >= 500 || status === 408),
  })
}

function kindOf(status: number): GitLabErrorKind {
  if (status === 401) return 'unauthorized'
  if (status === 403) return 'forbidden'
  if (status === 404) return 'not_found'
  if (status === 429) return 'rate_limited'
  if (status === 408 || status === 409 || status >= 500) return 'unavailable'
  return status < 400 ? 'moved' : 'rejected'
}

function reasonOf(response: Response, text: string): string {
  const location = response.headers.get('location')
  if (location !== null) return `moved to ${location.split('?')[0]}`
  if (isHtml(response, text)) return 'an HTML page'
  try {
    return spoken(JSON.parse(text))
  } catch {
    return text // Rate limiters and proxies answer in plain text.
  }
}

/** GitLab's four shapes of an error; `error_description` alone tells an expired token from a revoked one. */
function spoken(body: unknown): string {
  if (typeof body !== 'object' || body === null) return String(body)
  const { error, error_description: description, message } = body as Record<string, unknown>
  return [error, description, message]
    .filter((part) => part !== undefined && part !== null)
    .map((part) => (typeof part === 'string' ? part : JSON.stringify(part)))
    .join(': ')
}

function clean(reason: string, token: string): string {
  const line = reason
    .replaceAll(token, '[token]')
    .replace(/[\p{C}\s]+/gu, ' ')
    .trim()
  return line.length > 300 ? `${line.slice(0, 300)}…` : line
}

function isHtml(response: Response, text: string): boolean {
  return (response.headers.get('content-type') ?? '').includes('html') || text.trimStart().startsWith('<')
}

/** Null where the body is larger than the limit; the rest of it is not read. */
async function readText(response: Response, maxBytes: number): Promise<string | null> {
  if (response.body === null) return ''
  const chunks: Uint8Array[] = []
  let sizeBytes = 0
  for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
    sizeBytes += chunk.byteLength
    if (sizeBytes > maxBytes) return null
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function failure(
  call: Call,
  kind: GitLabErrorKind,
  details: { reason: string; status?: number; retryAfterMs?: number | null; outcomeUnknown?: boolean },
): GitLabError {
  return new GitLabError({
    kind,
    status: details.status ?? null,
    endpoint: call.endpoint,
    reason: details.reason,
    retryAfterMs: details.retryAfterMs ?? null,
    outcomeUnknown: details.outcomeUnknown ?? false,
  })
}
