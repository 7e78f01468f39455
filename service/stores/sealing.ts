import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import type { Binary } from 'mongodb'

/** A text as it lies in the database: readable only with the named key, and only as its owner's. */
export interface Sealed {
  /** Name of the key. */
  key: string
  iv: Buffer | Binary
  data: Buffer | Binary
  tag: Buffer | Binary
}

export interface SealingKey {
  name: string
  /** 32 bytes. */
  key: Buffer
}

export interface Sealer {
  /** Whether there is a key to seal with. */
  readonly canSeal: boolean
  /** The one that encrypts first. */
  readonly keyNames: readonly string[]
  /** Encrypts with the first key. `owner` says whose it is and what; the same is needed to open it. */
  seal(text: string, owner: string): Sealed
  /** Null where the key is not known any more, the owner is another, or the data was changed. */
  open(sealed: Sealed, owner: string): string | null
  /** The same encrypted with the first key; null where it cannot be opened. */
  reseal(sealed: Sealed, owner: string): Sealed | null
}

const algorithm = 'aes-256-gcm'
const ivBytes = 12
const tagBytes = 16

/** AES-256-GCM. The first key encrypts, all decrypt. */
export function createSealer(keys: readonly SealingKey[]): Sealer {
  const [first] = keys

  function seal(text: string, owner: string): Sealed {
    if (first === undefined) throw new Error('There is no encryption key: ENCRYPTION_KEYS is not set')
    const iv = randomBytes(ivBytes)
    const cipher = createCipheriv(algorithm, first.key, iv, { authTagLength: tagBytes })
    cipher.setAAD(Buffer.from(owner))
    const data = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
    return { key: first.name, iv, data, tag: cipher.getAuthTag() }
  }

  function open(sealed: Sealed, owner: string): string | null {
    const known = keys.find(({ name }) => name === sealed.key)
    if (known === undefined) return null
    try {
      const decipher = createDecipheriv(algorithm, known.key, toBuffer(sealed.iv), {
        authTagLength: tagBytes,
      })
      decipher.setAAD(Buffer.from(owner))
      decipher.setAuthTag(toBuffer(sealed.tag))
      return Buffer.concat([decipher.update(toBuffer(sealed.data)), decipher.final()]).toString('utf8')
    } catch {
      return null // Of another owner, or changed: nobody can tell which.
    }
  }

  function reseal(sealed: Sealed, owner: string): Sealed | null {
    const text = open(sealed, owner)
    return text === null ? null : seal(text, owner)
  }

  return { canSeal: first !== undefined, keyNames: keys.map(({ name }) => name), seal, open, reseal }
}

/** The driver answers with its own type of bytes. */
function toBuffer(bytes: Buffer | Binary): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer)
}
