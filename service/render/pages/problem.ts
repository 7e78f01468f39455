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
  links: Link[]
}

export interface ProblemInput {
  code: ErrorCode
  status: number
  message: string
  help: string
  requestId: string
  /** The project that the address names, if it is there. */
  projectPath: string | null
  /** Where signing in may help; else null. */
  signInHref: string | null
  addresses: Addresses
}

/** Where the status alone would say something wrong. */
const headingsOfCodes: Partial<Record<ErrorCode, string>> = {
  SIGN_IN_STALE: 'This sign-in has ended',
  NOT_CONFIRMED: 'Not confirmed',
}

const headings: Record<number, string> = {
  400: 'This address is not understood',
  401: 'Not signed in',
  403: 'This is not allowed',
  404: 'Nothing here',
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
    help: input.help,
    requestId: isOurs ? input.requestId : null,
    links: [
      ...(input.signInHref === null ? [] : [{ text: 'Sign in', href: input.signInHref }]),
      ...(projectPath === null ? [] : [{ text: projectPath, href: addresses.project(projectPath) }]),
      { text: 'Projects open to everyone', href: addresses.projects() },
    ],
  }
}
