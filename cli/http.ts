import { plainLine } from '../service/render/plain.js'

/** Longer than the service waits for its database before it says that it is away. */
const timeoutMs = 15_000

/** An answer, whatever its status; redirects are not followed. */
export interface Answer {
  status: number
  headers: Headers
  text: string
}

/** No answer came. The message says why and what to do, and holds nothing that was sent. */
export class Unreachable extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'Unreachable'
  }
}

/** @throws Unreachable */
export async function ask(url: string, options: RequestInit = {}): Promise<Answer> {
  try {
    const signal = AbortSignal.timeout(timeoutMs)
    const answer = await fetch(url, { ...options, redirect: 'manual', signal })
    return { status: answer.status, headers: answer.headers, text: await answer.text() }
  } catch (error) {
    // The error is not kept as the cause, because it may hold the request.
    throw new Unreachable(`${new URL(url).origin} ${explain(error)}`)
  }
}

function explain(error: unknown): string {
  const { name, cause } = error as { name?: string; cause?: { code?: string } }
  const code = cause?.code ?? ''
  if (name === 'TimeoutError') return `does not answer within ${timeoutMs / 1000} seconds.`
  if (unknownAuthority.has(code)) {
    const file = process.env.NODE_EXTRA_CA_CERTS ?? ''
    const now = file === '' ? 'It is not set now.' : `It is ${plainLine(file)} now.`
    return `has a certificate of an authority that is not known here (${code}). Name the file with the authority's certificate in the environment variable NODE_EXTRA_CA_CERTS. ${now}`
  }
  return reasons[code] ?? `cannot be reached (${code === '' ? 'no reason was given' : code}).`
}

const unknownAuthority: ReadonlySet<string> = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
])

const reasons: Readonly<Record<string, string>> = {
  ENOTFOUND: 'cannot be reached: there is no host of that name.',
  EAI_AGAIN: 'cannot be reached: the name server does not answer.',
  ECONNREFUSED: 'refuses connections: nothing listens at that port.',
  CERT_HAS_EXPIRED: 'has a certificate that has expired. Renew it, and look at the clock of this machine.',
  ERR_TLS_CERT_ALTNAME_INVALID: 'has a certificate for another name.',
  ERR_SSL_WRONG_VERSION_NUMBER: 'does not speak https at that port. Is it http?',
}

/** A JSON object or list; null where the text is something else. */
export function readJson(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' ? value : null
  } catch {
    return null // A page of a proxy, or of something that is not GitLab.
  }
}
