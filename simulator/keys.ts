import { createHash, createHmac, generateKeyPairSync, sign, type KeyObject } from 'node:crypto'

interface SigningKey {
  kid: string
  privateKey: KeyObject
  publicKey: KeyObject
}

/** `current` signs CI tokens, `other` is published too (GitLab's OpenID key), `foreign` never is. */
export type KeyName = 'current' | 'other' | 'foreign'
export type TokenAlgorithm = 'RS256' | 'HS256' | 'none'

export interface Keys {
  jwks(): { keys: Record<string, unknown>[] }
  /** `HS256` uses the text of the public key as its secret, the classic confusion. */
  sign(claims: object, choice: { key: KeyName; alg: TokenAlgorithm; kid?: string }): string
  /** Takes a new CI key into use; the old one stays published only with `keepOld`. */
  rotate(keepOld?: boolean): void
}

/** New keys for this simulator; each is made when it is first needed, because that takes a while. */
export function createKeys(): Keys {
  const made = new Map<KeyName, SigningKey>()
  let old: SigningKey | null = null

  function named(name: KeyName): SigningKey {
    const key = made.get(name) ?? newKey()
    made.set(name, key)
    return key
  }

  return {
    jwks() {
      const published = [named('other'), ...(old === null ? [] : [old]), named('current')]
      return { keys: published.map(toJwk) }
    },
    sign(claims, { key, alg, kid }) {
      // A forger claims to be the published key, so the foreign one goes by its name.
      const claimed = named(key === 'foreign' ? 'current' : key)
      const header = { alg, kid: kid ?? claimed.kid, typ: 'JWT' }
      const signed = `${base64Json(header)}.${base64Json(claims)}`
      return `${signed}.${signature(signed, alg, named(key))}`
    },
    rotate(keepOld = true) {
      old = keepOld ? named('current') : null
      made.delete('current')
    },
  }
}

function newKey(): SigningKey {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const der = publicKey.export({ type: 'spki', format: 'der' })
  return { kid: createHash('sha256').update(der).digest('base64url'), privateKey, publicKey }
}

function toJwk(key: SigningKey): Record<string, unknown> {
  const { kty, e, n } = key.publicKey.export({ format: 'jwk' })
  return { kty, kid: key.kid, e, n, use: 'sig', alg: 'RS256' }
}

function base64Json(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

function signature(signed: string, alg: TokenAlgorithm, key: SigningKey): string {
  if (alg === 'none') return ''
  if (alg === 'RS256') return sign('sha256', Buffer.from(signed), key.privateKey).toString('base64url')
  const secret = key.publicKey.export({ type: 'spki', format: 'pem' })
  return createHmac('sha256', secret).update(signed).digest('base64url')
}
