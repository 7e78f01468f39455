import { createHash } from 'node:crypto'

/** What is kept of a secret of ours. They have 256 random bits, so a plain hash is enough. */
export function hashSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('base64')
}
