export interface Fault {
  method?: string
  /** A pattern as in `calls[].route`, or an expression tested on the path below the relative path. */
  route: RegExp | string
  /** How often the fault strikes; without it, always. */
  times?: number
  /** Chance to strike, from a seeded sequence that is the same in every run. */
  probability?: number
  seed?: number
  /** Answers this instead of doing anything. An object body is sent as JSON, a string as plain text. */
  status?: number
  body?: unknown
  headers?: Record<string, string>
  delayMs?: number
  /** Does what was asked, then resets the connection without an answer. */
  cutAfterEffect?: boolean
  /** Resets the connection without doing anything. */
  cutBeforeEffect?: boolean
  /** Does what was asked, then answers this. */
  answerAfterEffect?: { status: number; body: unknown; headers?: Record<string, string> }
  /** Sends the first half of the body at once and the rest after this time. */
  slowBodyMs?: number
}

export interface FaultHandle {
  hits(): number
  remove(): void
}

export interface Faults {
  add(fault: Fault): FaultHandle
  clear(): void
  /** The faults that strike this request; counts them. */
  strike(method: string, route: string, path: string): Fault[]
}

/** The throttle in front of GitLab: plain text and headers. */
export function retryLater(seconds: number): Pick<Fault, 'status' | 'body' | 'headers'> {
  const reset = Math.floor(Date.now() / 1000) + seconds
  return {
    status: 429,
    body: 'Retry later\n',
    headers: {
      'retry-after': String(seconds),
      'ratelimit-limit': '60',
      'ratelimit-name': 'throttle_authenticated_api',
      'ratelimit-observed': '61',
      'ratelimit-remaining': '0',
      'ratelimit-reset': String(reset),
      'ratelimit-resettime': new Date(reset * 1000).toUTCString(),
    },
  }
}

/** The limits inside GitLab: JSON and no headers. */
export const requestedTooManyTimes = {
  status: 429,
  body: { message: { error: 'This endpoint has been requested too many times. Try again later.' } },
} satisfies Pick<Fault, 'status' | 'body'>

/** A commit status whose lock another update has held for ten seconds. */
export const statusInProgress = {
  status: 409,
  body: { message: 'Another update to this commit status is in progress' },
} satisfies Pick<Fault, 'status' | 'body'>

/** A commit status for a pipeline that is full. */
export const tooManyJobs = {
  status: 422,
  body: { message: 'The number of jobs has exceeded the limit' },
} satisfies Pick<Fault, 'status' | 'body'>

/** What a proxy in front of GitLab answers while GitLab restarts. */
export const badGateway = {
  status: 502,
  body: '<!DOCTYPE html>\n<html><head><title>GitLab is not responding (502)</title></head><body><h1>502</h1></body></html>\n',
  headers: { 'content-type': 'text/html; charset=utf-8' },
}

interface ArmedFault {
  fault: Fault
  hits: number
  random(): number
}

export function createFaults(): Faults {
  let armed: ArmedFault[] = []
  return {
    add(fault) {
      const entry = { fault, hits: 0, random: seededRandom(fault.seed ?? 1) }
      armed.push(entry)
      return {
        hits: () => entry.hits,
        remove() {
          armed = armed.filter((other) => other !== entry)
        },
      }
    },
    clear() {
      armed = []
    },
    strike(method, route, path) {
      const striking = armed.filter((entry) => strikes(entry, method, route, path))
      for (const entry of striking) entry.hits += 1
      return striking.map((entry) => entry.fault)
    },
  }
}

function strikes(entry: ArmedFault, method: string, route: string, path: string): boolean {
  const { fault } = entry
  if (fault.method !== undefined && fault.method.toUpperCase() !== method) return false
  const matches = typeof fault.route === 'string' ? fault.route === route : fault.route.test(path)
  if (!matches) return false
  if (fault.times !== undefined && entry.hits >= fault.times) return false
  return fault.probability === undefined || entry.random() < fault.probability
}

/** Mulberry32: small, and equal on every machine. */
function seededRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
