import type { Config } from './config.js'
import { createGitLabClients, type GitLabClients } from './grants/gitlab-clients.js'
import { createOAuth } from './gitlab/oauth.js'
import { createGrants, type Grants } from './grants/grants.js'
import { createSignIn, type SignIn } from './sign-in.js'
import type { Sealer } from './stores/sealing.js'
import type { Stores } from './stores/stores.js'

export interface PeopleOptions {
  config: Pick<Config, 'publicUrl' | 'oauth' | 'gitlab'>
  stores: Pick<Stores, 'grants' | 'users'>
  sealer: Sealer
  timeoutMs: number
  clock: () => Date
}

/** How people sign in, and GitLab as they see it. */
export interface People {
  clients: GitLabClients
  /** Null where nobody can sign in. */
  oauth: { grants: Grants; signIn: SignIn } | null
}

export function createPeople(options: PeopleOptions): People {
  const { config, stores, sealer, timeoutMs, clock } = options
  const { url, apiUrl, botToken } = config.gitlab
  const common = { apiUrl, botToken, timeoutMs }
  if (config.oauth === null) return { clients: createGitLabClients({ ...common, grants: null }), oauth: null }

  const redirectUri = `${config.publicUrl}/-/sign-in/callback`
  const oauth = createOAuth({ url, apiUrl, ...config.oauth, redirectUri, timeoutMs })
  const grants = createGrants({ oauth, store: stores.grants, sealer, clock })
  const clients = createGitLabClients({ ...common, grants })
  const signIn = createSignIn({ oauth, grants, users: stores.users, connect: clients.forToken, clock })
  return { clients, oauth: { grants, signIn } }
}
