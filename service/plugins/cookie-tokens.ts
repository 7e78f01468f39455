import { hkdfSync } from 'node:crypto'
import fastifyJwt from '@fastify/jwt'
import type { FastifyInstance } from 'fastify'

type Kind = 'session' | 'signIn'

declare module '@fastify/jwt' {
  interface FastifyJWT {
    namespaces: Kind
  }
}

export interface CookieTokens {
  /** Text for a cookie that holds `claims` until then. */
  sign(claims: object, endsAt: Date): string
  /** The claims of what was signed here for this kind of cookie and has not ended; else null. */
  read(token: string, now: Date): Record<string, unknown> | null
}

/** A key for one purpose only, so that what was signed for another is worth nothing here. */
export function deriveKey(secret: string, purpose: string): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, '', purpose, 32))
}

/** Signs and reads what one kind of cookie holds. `purpose` names its key. */
export async function createCookieTokens(
  fastify: FastifyInstance,
  { kind, secret, purpose }: { kind: Kind; secret: string; purpose: string },
): Promise<CookieTokens> {
  await fastify.register(fastifyJwt, {
    namespace: kind,
    secret: deriveKey(secret, purpose),
    sign: { algorithm: 'HS256' },
    // The time is checked below, by our clock.
    verify: { algorithms: ['HS256'], requiredClaims: ['exp'], ignoreExpiration: true },
  })
  const jwt = fastify.jwt[kind]

  function read(token: string, now: Date): Record<string, unknown> | null {
    const claims = verified(token)
    return typeof claims?.exp === 'number' && claims.exp * 1000 > now.getTime() ? claims : null
  }

  function verified(token: string): Record<string, unknown> | null {
    try {
      return jwt.verify<Record<string, unknown>>(token)
    } catch {
      return null // Whatever we did not sign says nothing.
    }
  }

  return {
    sign: (claims, endsAt) => jwt.sign({ ...claims, exp: Math.floor(endsAt.getTime() / 1000) }),
    read,
  }
}
