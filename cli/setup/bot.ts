import { randomBytes } from 'node:crypto'
import { z } from 'zod'
import { createGitLabApi, Refusal } from '../gitlab-api.js'
import { NewToken, Settings, Token, User } from '../schemas.js'
import type { Plan, SetupContext } from './step.js'

const username = 'mlmm-bot'
const dayMs = 86_400_000
/** GitLab's own maximum; an instance may have a smaller one. */
const longestDays = 365

/** The user that reads projects and writes the notes, and its token. */
export async function planBot(context: SetupContext): Promise<Plan> {
  const { api, caller, env } = context
  if (env.value('GITLAB_BOT_TOKEN') !== '') return planKept(context)
  if (!caller.isAdmin) return withoutAdministrator(context)
  const [found] = z.array(User).parse(await api.list(`/users?username=${username}`))
  const isRefused = found !== undefined && (found.is_admin || found.state !== 'active')
  if (isRefused) {
    const what = found.is_admin ? 'an administrator' : found.state
    const byHand = [`make @${username} an active user without administration, and run this again`]
    return { kind: 'cannot', text: `@${username} is ${what}`, byHand }
  }
  const expiresOn = await expiry(context)
  const token = `a token with the scope api until ${expiresOn}`
  return {
    kind: 'make',
    text:
      found === undefined
        ? `make the user @${username} and ${token}`
        : `make ${token} for @${username}, who is there`,
    async run() {
      const { id } = found ?? (await createBot(context))
      const body = { name: 'mlmm', scopes: ['api'], expires_at: expiresOn }
      const made = NewToken.parse(await api.send('POST', `/users/${id}/personal_access_tokens`, body))
      await env.set({ GITLAB_BOT_TOKEN: made.token })
      return `@${username} has a token until ${made.expires_at ?? expiresOn}; ${env.path} has it`
    },
  }
}

/** A token that is there is looked at, and never replaced. */
async function planKept({ apiUrl, env }: SetupContext): Promise<Plan> {
  const bot = createGitLabApi({ url: apiUrl, token: env.value('GITLAB_BOT_TOKEN') })
  try {
    const user = User.parse(await bot.get('/user'))
    const self = await bot.get('/personal_access_tokens/self').catch(() => null)
    const { expires_at: end } = Token.parse(self ?? {})
    return {
      kind: 'exists',
      text: `${env.path} has a token of @${user.username}${end === null ? '' : `, until ${end}`}`,
    }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    const byHand = [`remove GITLAB_BOT_TOKEN from ${env.path} and run this again, to make a new token`]
    return {
      kind: 'cannot',
      text: `GitLab refuses the token that is in ${env.path}: ${error.reason}`,
      byHand,
    }
  }
}

function withoutAdministrator({ env }: SetupContext): Plan {
  return {
    kind: 'cannot',
    text: 'a bot for all projects is made by an administrator; mlmm works without one',
    byHand: [
      'without it, whoever connects a project lets mlmm make a project access token, or lets it post in their name',
      `or: a user for the bot, registered by hand, and its token with the scope api in ${env.path} as GITLAB_BOT_TOKEN`,
    ],
  }
}

async function createBot({ api, gitlabUrl }: SetupContext): Promise<z.infer<typeof User>> {
  const body = {
    username,
    name: 'mlmm',
    email: `${username}@noreply.${new URL(gitlabUrl).hostname}`,
    // Nobody learns it. All kinds of signs, because an instance may ask for them.
    password: `${randomBytes(24).toString('base64url')}-Aa1`,
    skip_confirmation: true,
    projects_limit: 0,
    can_create_group: false,
  }
  return User.parse(await api.send('POST', '/users', body))
}

/** A day earlier than the maximum, so that no time zone makes it later. */
async function expiry({ api, now }: SetupContext): Promise<string> {
  const { max_personal_access_token_lifetime: most } = Settings.parse(await api.get('/application/settings'))
  const days = Math.max(1, Math.min(most ?? longestDays, longestDays) - 1)
  return new Date(now.getTime() + days * dayMs).toISOString().slice(0, 10)
}
