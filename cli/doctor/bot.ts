import { createGitLabApi, Refusal } from '../gitlab-api.js'
import { Token, User } from '../schemas.js'
import { type DoctorContext, type Finding, findingsOf } from './finding.js'

const { ok, problem, skipped } = findingsOf('bot')
const soonDays = 14
const dayMs = 86_400_000
const renewal =
  'remove GITLAB_BOT_TOKEN from the configuration and run mlmm setup, or make a token with the scope api'

/** Whether the bot may speak: its token, its scope, its end, its user. */
export async function checkBot({ config, now }: DoctorContext): Promise<Finding[]> {
  const { apiUrl, botToken } = config.gitlab
  if (botToken === null) return [skipped('GITLAB_BOT_TOKEN is not set: each project has a poster of its own')]
  const api = createGitLabApi({ url: apiUrl, token: botToken })
  try {
    const user = User.parse(await api.get('/user'))
    const token = Token.parse(await api.get('/personal_access_tokens/self'))
    return [tokenFinding(user, token, now())]
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    return [refusalFinding(error)]
  }
}

function tokenFinding(user: { username: string; is_admin: boolean }, token: TokenFacts, now: Date): Finding {
  const name = `@${user.username}`
  const { scopes, expires_at: end } = token
  if (!scopes.includes('api')) {
    return problem(`the token of ${name} has the scopes ${scopes.join(' ')}, and cannot write notes`, renewal)
  }
  const leftDays = end === null ? Infinity : Math.floor((Date.parse(end) - now.getTime()) / dayMs)
  if (leftDays < soonDays) return problem(`the token of ${name} ends on ${end ?? ''}`, renewal)
  return ok(`${name}, scope api, ${end === null ? 'without an end' : `until ${end}`}`)
}

interface TokenFacts {
  scopes: string[]
  expires_at: string | null
}

function refusalFinding({ status, reason }: Refusal): Finding {
  if (status === 401) return problem(`GitLab refuses the token: ${reason}`, renewal)
  if (reason.includes('higher privileges'))
    return problem('the token may not read: its scope is too small', renewal)
  if (status === 403)
    return problem(`GitLab refuses the user: ${reason}`, 'make the user active again in the Admin area')
  return problem(`GitLab answers ${status}: ${reason}`, 'look at GitLab, and try again')
}
