import { createLocalJWKSet, exportSPKI, type JWK } from 'jose'
import { z } from 'zod'
import { GitLabError } from './errors.js'

/** Keys as they are kept over a restart. */
export interface StoredKeys {
  url: string
  fetchedAt: number
  keys: JWK[]
}

export interface SigningKeys {
  /** The public key with this id as PEM, or null where GitLab has none.
   * @throws GitLabError (`unavailable`) where the key is not known and GitLab could not be asked. */
  findKey(kid: string): Promise<string | null>
  /** Grows when a key came or went: what was verified before has to be verified again. */
  version(): number
  /** Fetches the keys now. */
  refresh(): Promise<void>
  close(): void
}

export interface SigningKeysOptions {
  /** `<GITLAB_API_URL>/oauth/discovery/keys`; never from a token. */
  url: string
  /** What `onChange` was given before; used until GitLab answers. Ignored if it came from another address. */
  initial?: StoredKeys | null
  onChange?: (keys: StoredKeys) => void
  /** Age at which the keys are fetched again in the background, so that withdrawn ones die. */
  refreshMs?: number
  /** After an answer, unknown ids do not cause another fetch for this long. */
  cooldownMs?: number
  /** After a failure, for this long. */
  failureCooldownMs?: number
  timeoutMs?: number
  now?: () => number
}

const maxBodyBytes = 1024 * 1024
const tickMs = 60_000

const KeySet = z.object({ keys: z.array(z.looseObject({ kty: z.string() })).max(100) })

/**
 * The keys that sign the ID tokens of GitLab's jobs, chosen by `kid` alone. They are kept and used while GitLab is
 * down, fetched again hourly, and when an unknown `kid` appears, but then at most twice a minute.
 */
export function createSigningKeys(options: SigningKeysOptions): SigningKeys {
  const { url, cooldownMs = 30_000, failureCooldownMs = 5000, now = Date.now } = options
  const { refreshMs = 3_600_000 } = options
  let pems = new Map<string, string>()
  let version = 0
  let fetchedAt = -Infinity
  let failedAt = -Infinity
  let pending: Promise<void> | null = null

  const restored = options.initial?.url === url ? restore(options.initial) : Promise.resolve()
  const timer = setInterval(refreshInBackground, Math.min(tickMs, refreshMs))
  timer.unref()
  refreshInBackground()

  async function restore(stored: StoredKeys): Promise<void> {
    const found = await toPems(stored.keys)
    if (version === 0) take(found)
  }

  function take(found: Map<string, string>): boolean {
    const changed = fingerprint(found) !== fingerprint(pems)
    if (changed) version += 1
    pems = found
    return changed
  }

  function refresh(): Promise<void> {
    pending ??= load().finally(() => {
      pending = null
    })
    return pending
  }

  async function load(): Promise<void> {
    try {
      const keys = await fetchKeys(url, options.timeoutMs ?? 5000)
      const found = await toPems(keys)
      if (found.size === 0) throw unavailable('there is no RSA key among them')
      await restored
      fetchedAt = now()
      if (take(found)) options.onChange?.({ url, fetchedAt, keys })
    } catch (error) {
      failedAt = now()
      throw error
    }
  }

  function refreshInBackground(): void {
    if (now() - fetchedAt < refreshMs) return
    // The next token with an unknown key tells of the failure, or the next tick mends it.
    refresh().catch(() => {})
  }

  async function findKey(kid: string): Promise<string | null> {
    await restored
    const known = pems.get(kid)
    if (known !== undefined) return known
    if (pending === null && now() - fetchedAt < cooldownMs) return null
    if (pending === null && now() - failedAt < failureCooldownMs)
      throw unavailable('the last try failed a moment ago')
    await refresh()
    return pems.get(kid) ?? null
  }

  return { findKey, version: () => version, refresh, close: () => clearInterval(timer) }
}

async function fetchKeys(url: string, timeoutMs: number): Promise<JWK[]> {
  let text: string
  try {
    text = await fetchText(url, timeoutMs)
  } catch (error) {
    throw error instanceof GitLabError ? error : unavailable('no complete answer', error)
  }
  const parsed = KeySet.safeParse(parseJson(text))
  if (!parsed.success) throw unavailable('the answer is not a set of keys')
  return parsed.data.keys as JWK[]
}

async function fetchText(url: string, timeoutMs: number): Promise<string> {
  const response = await fetch(url, {
    headers: { accept: 'application/json', 'user-agent': 'mlmm' },
    redirect: 'manual',
    signal: AbortSignal.timeout(timeoutMs),
  })
  if (response.status !== 200 || response.body === null) {
    await response.body?.cancel()
    throw unavailable(`the answer has status ${response.status}`)
  }
  const chunks: Uint8Array[] = []
  let sizeBytes = 0
  for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
    sizeBytes += chunk.byteLength
    if (sizeBytes > maxBodyBytes) throw unavailable(`the answer is larger than ${maxBodyBytes} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null // Not a set of keys, as the caller will say.
  }
}

/** Those that can verify RS256; jose refuses private keys, other uses and broken ones. */
async function toPems(keys: JWK[]): Promise<Map<string, string>> {
  const pems = new Map<string, string>()
  for (const key of keys) {
    const { kid } = key
    if (typeof kid !== 'string' || pems.has(kid)) continue
    try {
      pems.set(kid, await exportSPKI(await createLocalJWKSet({ keys: [key] })({ alg: 'RS256', kid })))
    } catch {
      // A key for something else than ID tokens.
    }
  }
  return pems
}

function fingerprint(pems: Map<string, string>): string {
  return JSON.stringify([...pems].sort())
}

function unavailable(reason: string, cause?: unknown): GitLabError {
  return new GitLabError({
    kind: 'unavailable',
    status: null,
    endpoint: 'GET the keys of ID tokens',
    reason,
    retryAfterMs: null,
    outcomeUnknown: false,
    cause,
  })
}
