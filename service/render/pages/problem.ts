import type { Addresses } from '../../domain/addresses.js'
import type { ErrorCode } from '../../errors.js'
import type { PageFrame } from '../html.js'
import type { Link } from './common.js'

export interface ProblemView extends PageFrame {
  heading: string
  message: string
  help: string
  /** For questions to whoever runs the service; null where nothing went wrong here. */
  requestId: string | null
  /** Whether signing in may show what is not found. */
  mayHide: boolean
  links: Link[]
}

export interface ProblemInput {
  code: ErrorCode
  status: number
  message: string
  help: string
  requestId: string
  /** Null where it is not known when the same may work. */
  retryAfterSeconds: number | null
  /** What may work later; null where it cannot be asked for by a link. */
  retryHref: string | null
  /** The project that the address names, if it is there. */
  projectPath: string | null
  /** Where signing in may help; else null. */
  signInHref: string | null
  addresses: Addresses
}

/** Where the status alone would say something wrong. */
const headingsOfCodes: Partial<Record<ErrorCode, string>> = {
  SIGN_IN_DENIED: 'You are not signed in',
  SIGN_IN_STALE: 'This sign-in has ended',
  SIGN_IN_REFUSED: 'You are not signed in',
  SIGN_IN_OFF: 'Nobody can sign in here',
  NOT_CONFIRMED: 'Not confirmed',
  INVALID_BODY: 'This form is not understood',
  INVALID_REQUEST: 'This request is not understood',
  PROJECT_ARCHIVED: 'The project is archived',
  PROJECT_NOT_CONNECTED: 'The project is not connected',
  GITLAB_UNAVAILABLE: 'GitLab does not answer',
}

const headings: Record<number, string> = {
  400: 'This address is not understood',
  401: 'Not signed in',
  403: 'This is not allowed',
  404: 'Nothing here',
  409: 'This cannot be done now',
  413: 'This is too large',
  429: 'Too many requests',
  503: 'Not available at the moment',
}

export function problemView(input: ProblemInput): ProblemView {
  const { code, status, addresses, projectPath } = input
  // What went wrong here is told to whoever runs the service, by the log.
  const isOurs = status >= 500
  const heading =
    headingsOfCodes[code] ?? headings[status] ?? (isOurs ? 'Something went wrong' : 'This did not work')
  return {
    title: heading,
    crumbs: [{ text: 'Projects', href: addresses.projects() }],
    heading,
    message: isOurs ? '' : input.message,
    help: helpOf(input),
    requestId: isOurs ? input.requestId : null,
    mayHide: code === 'NOT_FOUND',
    links: [
      ...(input.retryHref === null ? [] : [{ text: 'Try again', href: input.retryHref }]),
      ...(input.signInHref === null ? [] : [{ text: 'Sign in', href: input.signInHref }]),
      ...(projectPath === null ? [] : [{ text: projectPath, href: addresses.project(projectPath) }]),
      { text: 'Projects', href: addresses.projects() },
    ],
  }
}

/** What the catalogue says of headers and of the API is for scripts. */
function helpOf({ code, help, retryAfterSeconds }: ProblemInput): string {
  if (code === 'TOO_MANY_REQUESTS') {
    return retryAfterSeconds === null ? 'Try again later.' : `Try again in ${secondsText(retryAfterSeconds)}.`
  }
  if (code === 'GITLAB_UNAVAILABLE') return 'Try again in a minute.'
  return help
}

function secondsText(seconds: number): string {
  return seconds === 1 ? 'a second' : `${seconds} seconds`
}
