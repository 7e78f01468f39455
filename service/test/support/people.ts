import type { TokenScope } from '../../stores/api-token-store.js'
import type { Answer, TestService } from './service.js'

export interface Call {
  body?: unknown
  token?: string
  headers?: Record<string, string>
}

/** Any call of the API, with a personal token if one is given. */
export async function call(
  service: Pick<TestService, 'url'>,
  method: string,
  path: string,
  { body, token, headers }: Call = {},
): Promise<Answer> {
  const response = await fetch(`${service.url}${path}`, {
    method,
    headers: {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  const text = await response.text()
  return { status: response.status, headers: response.headers, text, json: text ? JSON.parse(text) : {} }
}

/** A personal token as `npm run token` makes it. */
export async function makeToken(
  { stores }: TestService,
  gitlabUserId: number,
  { scope = 'write', lifeMs = 60_000 }: { scope?: TokenScope; lifeMs?: number } = {},
): Promise<string> {
  const now = new Date()
  const expiresAt = new Date(now.getTime() + lifeMs)
  const { token } = await stores.apiTokens.create({ gitlabUserId, name: 'test', scope, expiresAt }, now)
  return token
}
