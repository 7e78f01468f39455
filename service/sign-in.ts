import { Problem } from './errors.js'
import { GitLabError } from './gitlab/errors.js'
import { type OAuth, OAuthError, type Tokens } from './gitlab/oauth.js'
import type { GitLab, GitLabPerson } from './gitlab/port.js'
import type { Grants } from './grants/grants.js'
import type { UserStore } from './stores/user-store.js'

/** What a consent is for: to sign in, or to let this service post in one's name. */
export type SignInPurpose = 'sign-in' | 'posting'

export interface SignInOptions {
  oauth: Pick<OAuth, 'begin' | 'finish' | 'revoke'>
  grants: Pick<Grants, 'save'>
  users: Pick<UserStore, 'register'>
  /** GitLab as the owner of a token sees it. */
  connect: (token: string) => Pick<GitLab, 'getCurrentPerson'>
  clock: () => Date
}

export interface Arrival {
  purpose: SignInPurpose
  /** Where GitLab sent the browser back to; of it only the query is believed. */
  callbackUrl: string
  state: string
  verifier: string
  /** Who has to have consented; null: whoever it is. */
  expectedUserId: number | null
}

export interface SignIn {
  /** Where to send the browser, and what it has to bring back. */
  begin(purpose: SignInPurpose): Promise<{ url: string; state: string; verifier: string }>
  /** Whoever consented; registers the account with the first sign-in.
   * @throws Problem for every refusal; nothing is kept then */
  finish(arrival: Arrival): Promise<GitLabPerson>
}

const scopesFor = { 'sign-in': ['read_user', 'read_api'], posting: ['api'] } as const

/** Signing in with GitLab's OAuth application. */
export function createSignIn(options: SignInOptions): SignIn {
  const { oauth, grants, users, connect, clock } = options

  async function finish(arrival: Arrival): Promise<GitLabPerson> {
    const tokens = await oauth.finish(arrival).catch(refuseTokens)
    try {
      const person = await identify(tokens, arrival)
      await keep(person, arrival.purpose, tokens)
      return person
    } catch (error) {
      // GitLab ends them by themselves in two hours, should it not hear of this.
      await Promise.allSettled(tokensOf(tokens).map((token) => oauth.revoke(token)))
      throw error
    }
  }

  async function identify(tokens: Tokens, { purpose, expectedUserId }: Arrival): Promise<GitLabPerson> {
    const missing = tokens.scopes === null ? [] : missingScopes(tokens.scopes, purpose)
    if (missing.length > 0) {
      throw new Problem('SIGN_IN_REFUSED', { message: `GitLab did not grant ${missing.join(' and ')}.` })
    }
    const gitlab = connect(tokens.accessToken)
    const person = await gitlab.getCurrentPerson().catch(refusePerson)
    if (person.state !== 'active') {
      const message = `The user ${person.username} is ${person.state} in GitLab.`
      throw new Problem('USER_NOT_ACTIVE', { message })
    }
    if (expectedUserId === null || person.id === expectedUserId) return person
    throw new Problem('SIGN_IN_REFUSED', {
      message: `GitLab says that ${person.username} consented, but somebody else is signed in here.`,
    })
  }

  async function keep(person: GitLabPerson, purpose: SignInPurpose, tokens: Tokens): Promise<void> {
    const { id: gitlabUserId, username, name, external } = person
    if (purpose === 'sign-in') {
      await users.register({ gitlabUserId, username, name, avatarUrl: null, external }, clock())
    }
    await grants.save(gitlabUserId, purpose, tokens)
  }

  return { begin: (purpose) => oauth.begin({ scopes: scopesFor[purpose] }), finish }
}

function tokensOf({ accessToken, refreshToken }: Tokens): string[] {
  return refreshToken === null ? [accessToken] : [accessToken, refreshToken]
}

/** `api` holds both of the others. */
function missingScopes(granted: readonly string[], purpose: SignInPurpose): string[] {
  if (granted.includes('api')) return []
  return scopesFor[purpose].filter((scope) => !granted.includes(scope))
}

function refuseTokens(error: unknown): never {
  if (!(error instanceof OAuthError)) throw error
  const { kind, reason: cause } = error
  if (kind === 'denied') {
    throw new Problem('SIGN_IN_DENIED', {
      message: 'You did not allow this service to know you.',
      cause: error,
    })
  }
  if (kind === 'unavailable') {
    const retryAfterSeconds = Math.ceil((error.retryAfterMs ?? 10_000) / 1000)
    throw new Problem('GITLAB_UNAVAILABLE', {
      message: 'GitLab did not answer.',
      retryAfterSeconds,
      cause: error,
    })
  }
  const message =
    kind === 'invalid_client'
      ? 'GitLab does not know this service, or expects another secret of it.'
      : `GitLab refused the sign-in (${cause}).`
  throw new Problem('SIGN_IN_REFUSED', { message, cause: error })
}

/** GitLab tells in its refusal why somebody may not use the API: blocked, password expired, terms not accepted. */
function refusePerson(error: unknown): never {
  if (!(error instanceof GitLabError)) throw error
  if (error.kind === 'forbidden' || error.kind === 'unauthorized') {
    const message =
      'GitLab does not let you use its API: you are blocked, or it wants something of you first.'
    throw new Problem('USER_NOT_ACTIVE', { message, cause: error })
  }
  throw new Problem('GITLAB_UNAVAILABLE', {
    message: 'GitLab could not be asked who you are.',
    retryAfterSeconds: Math.ceil((error.retryAfterMs ?? 10_000) / 1000),
    cause: error,
  })
}
