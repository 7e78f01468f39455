import { type Kind, type Right, suffices } from './rights.js'
import type { Need, Variant } from './routes.js'

/** What comes with a request. */
export type Credential =
  | 'nothing'
  | 'session'
  /** A session, used by a page of another site. */
  | 'foreign-session'
  | 'token'
  | 'read-token'
  /** A token that is limited to another project. */
  | 'token-elsewhere'
  /** In `Authorization`, and good for nothing. */
  | 'useless'
  /** A job of the kind of project that `jobOf` names. */
  | 'id-token'
  /** The webhook secret of the kind of project that `jobOf` names. */
  | 'webhook-secret'

export interface Asked {
  method: string
  variant: Variant
  credential: Credential
  right: Right
  /** Of the project. */
  kind: Kind
  jobOf: Kind | null
}

const safe = new Set(['GET', 'HEAD'])
const notHere = [404, 409]

/** The statuses that are right for a request, by the design's page on permissions. */
export function expectedOf(asked: Asked): number[] {
  const { method, variant, credential } = asked
  const { need } = variant
  const done = doneOf(asked)
  if (need === 'nothing') return done
  if (need === 'webhook') return opensWebhook(asked) ? done : [401]
  if (need === 'job') return credential === 'id-token' ? done : [401]
  const isFromOutside = credential === 'foreign-session' && !safe.has(method)
  if (isBrowserNeed(need)) return forBrowser(asked, { done, isFromOutside })
  if (credential === 'id-token') return forJob(asked, done)
  // Reports come from jobs and scripts.
  if (need === 'report' && credential.endsWith('session')) return [401]
  if (credential === 'useless') return [401]
  if (isFromOutside) return [403]
  if (credential === 'nothing' || credential === 'webhook-secret') return forNobody(asked, done)
  return forPerson(asked, done)
}

/** What one may do without a project, or with one. */
export function isAllowed(asked: Asked): boolean {
  const done = doneOf(asked)
  return expectedOf(asked).some((status) => done.includes(status)) && !isHidden(asked)
}

function doneOf({ variant: { done = [200] }, kind }: Asked): number[] {
  return typeof done === 'function' ? done(kind) : done
}

function isHidden({ variant, right, credential }: Asked): boolean {
  const isOfProject = ['read', 'signed-in-read', 'write', 'configure', 'session-configure'].includes(
    variant.need,
  )
  return isOfProject && (credential === 'token-elsewhere' || !suffices(right, 'r'))
}

function opensWebhook({ credential, jobOf, kind }: Asked): boolean {
  return credential === 'webhook-secret' && jobOf === kind && kind !== 'standalone'
}

function forJob({ variant, kind, jobOf }: Asked, done: number[]): number[] {
  // The project is the job's, whichever the body names.
  if (variant.need === 'report') return [400]
  if (variant.need === 'job-or-person') return done
  if (variant.need === 'report-status') return jobOf === kind ? done : [404]
  return [401]
}

function isBrowserNeed(need: Need): boolean {
  return [
    'session',
    'active-session',
    'session-read',
    'session-configure',
    'session-maintain',
    'own-page',
  ].includes(need)
}

function forBrowser(
  { method, variant: { need, kinds }, credential, right, kind }: Asked,
  { done, isFromOutside }: { done: number[]; isFromOutside: boolean },
): number[] {
  if (isFromOutside) return [403]
  if (need === 'own-page') return done
  // Whoever opens such a page is asked to sign in.
  if (!credential.endsWith('session')) return method === 'GET' ? [303] : [401]
  if (need === 'session') return done
  if (right === 'x') return [403]
  if (need === 'session-configure') {
    if (!suffices(right, 'r')) return [404]
    const isHere = kinds?.includes(kind) !== false
    if (suffices(right, 'c')) return isHere ? done : notHere
    return isHere ? [403] : [403, ...notHere]
  }
  if (need === 'session-maintain') {
    if (kind === 'standalone') return [404]
    if (!suffices(right, 'r')) return [404]
    return suffices(right, 'c') ? done : [403]
  }
  if (need === 'session-read') return suffices(right, 'r') ? done : [400]
  return done
}

function forNobody({ method, variant, kind }: Asked, done: number[]): number[] {
  const { need, kinds } = variant
  if (need === 'list') return done
  if (need === 'read' || need === 'report-status') {
    return kind === 'open' && kinds?.includes(kind) !== false ? done : [404]
  }
  if (need !== 'configure-page') return [401]
  // Who might be a Maintainer is led to sign in; programs are told.
  if (kind === 'open') return method === 'GET' ? [303] : [401]
  return [404]
}

function forPerson({ method, variant, credential, right, kind }: Asked, done: number[]): number[] {
  const { need } = variant
  const mayNotWrite = credential === 'read-token' && !safe.has(method) && variant.changesNothing !== true
  if (right === 'x') return credential === 'token-elsewhere' ? [403, 404] : [403]
  if (need === 'person' || need === 'list' || need === 'job-or-person') return mayNotWrite ? [403] : done
  if (need === 'whole-person') return mayNotWrite || credential === 'token-elsewhere' ? [403] : done
  const isVisible = suffices(right, 'r') && credential !== 'token-elsewhere'
  // That a token may only read is no secret, whatever it asks for.
  if (mayNotWrite) return isVisible ? [403] : [403, 404]
  if (!isVisible) return [404]
  const wanted = need.startsWith('configure') ? 'c' : need === 'write' || need === 'report' ? 'w' : 'r'
  const isHere = variant.kinds === undefined || variant.kinds.includes(kind)
  if (!suffices(right, wanted)) return isHere ? [403] : [403, ...notHere]
  return isHere ? done : notHere
}
