import { reasonOf } from '../gitlab-api.js'
import { ask, readJson } from '../http.js'
import { type DoctorContext, type Finding, findingsOf } from './finding.js'

const { ok, problem, skipped } = findingsOf('OAuth')

/** Whether people can sign in: client id, secret and redirect URI. */
export async function checkOAuth({ config }: DoctorContext): Promise<Finding[]> {
  const { oauth } = config
  if (oauth === null) return [skipped('GITLAB_CLIENT_ID is not set: nobody can sign in')]
  const redirectUri = `${config.publicUrl}/-/sign-in/callback`
  // A code that was never given: the secret is looked at before the code.
  const body = new URLSearchParams({
    grant_type: 'authorization_code',
    code: 'mlmm-doctor',
    redirect_uri: redirectUri,
    client_id: oauth.clientId,
    client_secret: oauth.clientSecret,
  })
  const answer = await ask(`${config.gitlab.apiUrl}/oauth/token`, { method: 'POST', body })
  const { error } = (readJson(answer.text) ?? {}) as { error?: unknown }
  if (error === 'invalid_client') {
    const fix = 'copy both from the application in GitLab, or remove both and run mlmm setup'
    return [problem('GitLab does not know GITLAB_CLIENT_ID, or GITLAB_CLIENT_SECRET is not its secret', fix)]
  }
  if (error !== 'invalid_grant') {
    const said = reasonOf(answer, [oauth.clientSecret])
    return [problem(`/oauth/token answers ${answer.status}: ${said}`, 'look at GitLab, and try again')]
  }
  return [await redirectFinding(config.gitlab.url, { clientId: oauth.clientId, redirectUri })]
}

/** GitLab checks the redirect URI before anything else that can be seen without signing in, or after that. */
async function redirectFinding(
  gitlabUrl: string,
  { clientId, redirectUri }: { clientId: string; redirectUri: string },
): Promise<Finding> {
  const query = new URLSearchParams({
    client_id: clientId,
    redirect_uri: redirectUri,
    response_type: 'code',
    scope: 'read_user read_api api',
    state: 'mlmm-doctor',
  })
  const { status, text } = await ask(`${gitlabUrl}/oauth/authorize?${query}`)
  if (/redirect ur[il]\b/i.test(text)) {
    return problem('the application has another redirect URI', `set its redirect URI to ${redirectUri}`)
  }
  if (/requested scope/i.test(text)) {
    return problem('the application lacks scopes', 'give it the scopes read_user, read_api and api')
  }
  if (status >= 400)
    return problem(`/oauth/authorize answers ${status}`, 'look at GITLAB_URL: people are sent there')
  const asked =
    status >= 300
      ? '; GitLab asks to sign in before it looks at the redirect URI'
      : `, redirects to ${redirectUri}`
  return ok(`client id and secret are right${asked}`)
}
