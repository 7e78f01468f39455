import { plainLine } from '../service/render/plain.js'
import { type Answer, ask, readJson } from './http.js'

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE'

/** The REST API of one instance, with one token. */
export interface GitLabApi {
  /** @throws Refusal, Unreachable */
  get(path: string): Promise<unknown>
  /** Null for 404. */
  find(path: string): Promise<unknown>
  /** Every page of a list. */
  list(path: string): Promise<unknown[]>
  send(method: 'POST' | 'PUT', path: string, body: Record<string, unknown>): Promise<unknown>
}

/** An answer that is not a success. The message never holds the token. */
export class Refusal extends Error {
  readonly status: number
  /** What GitLab said, on one line. */
  readonly reason: string

  constructor(call: string, status: number, reason: string) {
    super(`GitLab answers ${call} with ${status}${reason === '' ? '' : `: ${reason}`}`)
    this.name = 'Refusal'
    this.status = status
    this.reason = reason
  }
}

/** `url` is the instance with its path, without `/api/v4`. */
export function createGitLabApi({ url, token }: { url: string; token: string }): GitLabApi {
  async function call(method: Method, path: string, body?: Record<string, unknown>): Promise<Answer> {
    const answer = await ask(`${url}/api/v4${path}`, {
      method,
      headers: {
        'private-token': token,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const name = `${method} ${path.replace(/\?.*/, '')}`
    if (answer.status >= 200 && answer.status < 300) return answer
    throw new Refusal(name, answer.status, reasonOf(answer, [token]))
  }

  async function get(path: string): Promise<unknown> {
    return valueOf(await call('GET', path), `GET ${path}`)
  }

  return {
    get,
    async find(path) {
      try {
        return await get(path)
      } catch (error) {
        if (error instanceof Refusal && error.status === 404) return null
        throw error
      }
    },
    async list(path) {
      const found: unknown[] = []
      for (let page = '1'; page !== '';) {
        const answer = await call('GET', `${path}${path.includes('?') ? '&' : '?'}per_page=100&page=${page}`)
        const values = valueOf(answer, `GET ${path}`)
        if (!Array.isArray(values)) throw new Refusal(`GET ${path}`, answer.status, 'this is not a list')
        found.push(...(values as unknown[]))
        page = values.length === 0 ? '' : (answer.headers.get('x-next-page') ?? '')
      }
      return found
    },
    async send(method, path, body) {
      return valueOf(await call(method, path, body), `${method} ${path}`)
    },
  }
}

function valueOf(answer: Answer, call: string): unknown {
  const value = readJson(answer.text)
  if (value === null)
    throw new Refusal(call, answer.status, 'this is not JSON; is it the address of a GitLab?')
  return value
}

const mostShown = 300

/** What an answer says is wrong, in whichever of GitLab's shapes. `secrets` are taken out. */
export function reasonOf({ status, headers, text }: Answer, secrets: readonly string[]): string {
  if (status >= 300 && status < 400) {
    const target = redacted(headers.get('location') ?? '', secrets)
    return `it redirects to ${plainLine(target)}; is the address right, with https and its path?`
  }
  const body = readJson(text) as { message?: unknown; error?: unknown; error_description?: unknown } | null
  if (body === null) return text.trimStart().startsWith('<') ? 'a web page; is the path right?' : ''
  const said = body.error_description ?? body.message ?? body.error ?? ''
  const words = typeof said === 'string' ? said : JSON.stringify(said)
  return plainLine(redacted(words, secrets)).slice(0, mostShown)
}

function redacted(text: string, secrets: readonly string[]): string {
  return secrets
    .filter((secret) => secret !== '')
    .reduce((rest, secret) => rest.replaceAll(secret, '[token]'), text)
}
