import t from 'tap'
import { createAddresses } from '../../domain/addresses.js'
import { type ProblemInput, problemView } from '../../render/pages/problem.js'

const usual: ProblemInput = {
  code: 'TOO_MANY_REQUESTS',
  status: 429,
  message: 'Too many sign-ins from your address within a minute.',
  help: 'Try again after the time in Retry-After.',
  requestId: 'r1',
  retryAfterSeconds: 42,
  retryHref: '/-/sign-in',
  projectPath: null,
  signInHref: null,
  addresses: createAddresses(''),
}

t.test('a limit is told in seconds, not in headers, with a link to try again', async (t) => {
  const view = problemView(usual)

  t.equal(view.help, 'Try again in 42 seconds.')
  t.strictSame(view.links, [
    { text: 'Try again', href: '/-/sign-in' },
    { text: 'Projects', href: '/' },
  ])
  t.equal(problemView({ ...usual, retryAfterSeconds: 1 }).help, 'Try again in a second.')
  t.equal(problemView({ ...usual, retryAfterSeconds: null }).help, 'Try again later.')
})

t.test('headings say what happened, and the status only where no code says more', async (t) => {
  t.equal(heading('SIGN_IN_DENIED', 403), 'You are not signed in')
  t.equal(heading('GITLAB_UNAVAILABLE', 503), 'GitLab does not answer')
  t.equal(heading('PROJECT_ARCHIVED', 409), 'The project is archived')
  t.equal(heading('LAST_MAINTAINER', 409), 'This cannot be done now')
  t.equal(heading('ROLE_TOO_LOW', 403), 'This is not allowed')
})

function heading(code: ProblemInput['code'], status: number): string {
  return problemView({ ...usual, code, status }).heading
}
