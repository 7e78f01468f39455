import { createHmac } from 'node:crypto'
import { deriveKey } from '../../plugins/cookie-tokens.js'
import type { Answer, TestService } from './service.js'

/** A browser in which somebody is signed in. */
export interface SignedIn {
  /** `mlmm=…`, for the header `Cookie`. */
  cookie: string
  get(path: string, headers?: Record<string, string>): Promise<Answer>
  /** Sends a form as a page of the service would. */
  post(path: string, form?: Record<string, string>, headers?: Record<string, string>): Promise<Answer>
}

export const sessionSecret = 's'.repeat(32)
export const sessionKey = deriveKey(sessionSecret, 'mlmm session cookie')

/** Signs a user of the simulator in, through GitLab's page. */
export async function signIn(service: TestService, userId: number): Promise<SignedIn> {
  const { callback, cookie } = await reachCallback(service, { userId })
  const answer = await browserWith(service, cookie).get(callback)
  if (answer.status !== 303) throw new Error(`Signing in was refused: ${answer.status} ${answer.text}`)
  return browserWith(service, cookieNamed(answer, 'mlmm'))
}

export interface Departure {
  userId: number
  /** After `/-/sign-in`. */
  query?: string
  /** The browser's cookies before. */
  cookie?: string
  decision?: 'authorize' | 'deny'
}

/** A browser at the point where GitLab sends it back: the path to open, and all its cookies. */
export async function reachCallback(service: TestService, departure: Departure) {
  const { userId, query = '', cookie = '', decision } = departure
  const begun = await browserWith(service, cookie).get(`/-/sign-in${query}`)
  const url = begun.headers.get('location') ?? ''
  const back = service.simulator.authorize({ userId, url, decision })
  const cookies = [cookie, signInCookie(begun)].filter((one) => one !== '')
  return { callback: back.slice(service.url.length), cookie: cookies.join('; '), url }
}

/** `name=value` as the browser sends it back. */
export function cookieNamed({ headers }: Pick<Answer, 'headers'>, name: string): string {
  const set = headers.getSetCookie().find((one) => one.startsWith(`${name}=`))
  return set?.split(';')[0] ?? ''
}

/** What a browser got when it began to sign in. */
function signInCookie({ headers }: Pick<Answer, 'headers'>): string {
  const set = headers.getSetCookie().find((one) => /^mlmm-sign-in-[0-9a-f]{12}=[^;]/.test(one))
  return set?.split(';')[0] ?? ''
}

export function browserWith(service: Pick<TestService, 'url'>, cookie: string): SignedIn {
  async function send(path: string, init: RequestInit): Promise<Answer> {
    const response = await fetch(`${service.url}${path}`, { ...init, redirect: 'manual' })
    const text = await response.text()
    return { status: response.status, headers: response.headers, text, json: parsed(text) }
  }
  return {
    cookie,
    get: (path, headers = {}) => send(path, { headers: { cookie, ...headers } }),
    post: (path, form = {}, headers = {}) =>
      send(path, {
        method: 'POST',
        headers: {
          cookie,
          'content-type': 'application/x-www-form-urlencoded',
          origin: service.url,
          'sec-fetch-site': 'same-origin',
          ...headers,
        },
        body: new URLSearchParams(form).toString(),
      }),
  }
}

/** A token as the session's cookie holds it, or nearly so. */
export function signToken(claims: object, { key = sessionKey, alg = 'HS256' }: SignOptions = {}): string {
  const content = [{ alg, typ: 'JWT' }, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.')
  return `${content}.${createHmac('sha256', key).update(content).digest('base64url')}`
}

interface SignOptions {
  key?: Buffer | string
  alg?: string
}

function parsed(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text)
  } catch {
    return {} // Not every answer is JSON.
  }
}
