import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import type { NoteKey } from '../stores/note-store.js'

const marker = /^<!-- mlmm v1 ([^\s:]+):(\d+) ([A-Za-z0-9]{8,64}) ([0-9a-f]{64}) -->(?:\r?\n|$)/

export interface MarkedBody {
  nonce: string
  /** What follows the marker and the blank line. */
  body: string
}

/** Puts the signed marker in front, by which a note is known as ours. `nonce` has 8 to 64 letters and digits. */
export function mark(key: NoteKey, marked: MarkedBody, signingKey: Buffer | string): string {
  const { nonce, body } = marked
  const signature = sign(key, nonce, signingKey).toString('hex')
  return `<!-- mlmm v1 ${key.projectId}:${key.mrIid} ${nonce} ${signature} -->\n\n${body}`
}

/** Null unless the text begins with a marker that was signed for this very merge request. */
export function readMarked(key: NoteKey, text: string, signingKey: Buffer | string): MarkedBody | null {
  const match = marker.exec(text)
  if (match === null) return null
  const [line, projectId, mrIid, nonce = '', signature = ''] = match
  if (projectId !== key.projectId || mrIid !== String(key.mrIid)) return null
  if (!timingSafeEqual(Buffer.from(signature, 'hex'), sign(key, nonce, signingKey))) return null
  return { nonce, body: text.slice(line.length).replace(/^\r?\n/, '') }
}

// The key signs sessions too: no session token has a line break, so no signature serves both.
function sign({ projectId, mrIid }: NoteKey, nonce: string, signingKey: Buffer | string): Buffer {
  return createHmac('sha256', signingKey).update(`mlmm note v1\n${projectId}:${mrIid}\n${nonce}`).digest()
}

/** Equal for bodies that look the same: GitLab may change line ends and the blanks at the end. */
export function hashBody(body: string): string {
  return createHash('sha256').update(body.replaceAll('\r\n', '\n').trimEnd()).digest('base64')
}
