import { z } from 'zod'
import { Refusal } from '../gitlab-api.js'
import { Application, NewApplication } from '../schemas.js'
import type { Plan, SetupContext } from './step.js'

const name = 'mlmm'
const scopes = 'read_user read_api api'

/** The OAuth application that people sign in with. GitLab tells its secret once. */
export async function planApplication(context: SetupContext): Promise<Plan> {
  const { api, caller, env, publicUrl } = context
  const redirectUri = `${publicUrl}/-/sign-in/callback`
  const [clientId, secret] = [env.value('GITLAB_CLIENT_ID'), env.value('GITLAB_CLIENT_SECRET')]
  if (!caller.isAdmin) return withoutAdministrator(context, redirectUri)
  const all = z.array(Application).parse(await api.list('/applications'))
  const own = all.find((one) => one.application_id === clientId)
  if (own !== undefined && !redirectsTo(own, redirectUri)) {
    const text = `the application of GITLAB_CLIENT_ID redirects to ${own.callback_url.split(/\s+/).join(' and ')}`
    const byHand = [`Admin area, Applications, ${own.application_name}: add the redirect URI ${redirectUri}`]
    return { kind: 'cannot', text, byHand }
  }
  if (clientId !== '' && secret !== '') {
    const whose = own === undefined ? 'not one of the whole instance' : own.application_name
    return { kind: 'exists', text: `${env.path} has an application (${whose}) and its secret` }
  }
  const found =
    own ??
    (clientId === '' ? all.find((one) => one.confidential && redirectsTo(one, redirectUri)) : undefined)
  if (found !== undefined) return renewal(context, found, redirectUri)
  if (clientId === '') return creation(context, redirectUri)
  const byHand = [`remove GITLAB_CLIENT_ID from ${env.path} and run this again, to make a new application`]
  return {
    kind: 'cannot',
    text: 'GITLAB_CLIENT_ID has no secret, and is no application of the instance',
    byHand,
  }
}

function redirectsTo({ callback_url: urls }: z.infer<typeof Application>, redirectUri: string): boolean {
  return urls.split(/\s+/).includes(redirectUri)
}

function withoutAdministrator({ env, gitlabUrl }: SetupContext, redirectUri: string): Plan {
  if (env.value('GITLAB_CLIENT_ID') !== '' && env.value('GITLAB_CLIENT_SECRET') !== '') {
    return { kind: 'exists', text: `${env.path} has an application and its secret` }
  }
  return {
    kind: 'cannot',
    text: 'an application of the instance is made by an administrator; one of your own does as well',
    byHand: [
      `open ${gitlabUrl}/-/user_settings/applications (before GitLab 17: ${gitlabUrl}/-/profile/applications), Add new application`,
      `name ${name}, redirect URI ${redirectUri}, confidential, scopes ${scopes.split(' ').join(', ')}`,
      `put its application ID and secret into ${env.path} as GITLAB_CLIENT_ID and GITLAB_CLIENT_SECRET`,
    ],
  }
}

function creation({ api, env }: SetupContext, redirectUri: string): Plan {
  return {
    kind: 'make',
    text: `make the application ${name}: confidential, trusted, scopes ${scopes}, redirect URI ${redirectUri}`,
    async run() {
      const body = { name, redirect_uri: redirectUri, scopes, confidential: true, trusted: true }
      const made = NewApplication.parse(await api.send('POST', '/applications', body))
      await env.set({ GITLAB_CLIENT_ID: made.application_id, GITLAB_CLIENT_SECRET: made.secret })
      return `the application ${name} is made; ${env.path} has its id and secret`
    },
  }
}

function renewal(context: SetupContext, found: z.infer<typeof Application>, redirectUri: string): Plan {
  const { api, env } = context
  return {
    kind: 'make',
    text: `renew the secret of the application ${found.application_name}, which is there: its secret is not in ${env.path}, and the old one stops working`,
    async run() {
      const made = await renew(`/applications/${found.id}/renew-secret`)
      if (made === null) {
        const plan = creation(context, redirectUri)
        const done = plan.kind === 'make' ? await plan.run() : ''
        return `this GitLab renews no secrets (16.11 or newer does); ${done}; remove the old one (id ${found.id})`
      }
      await env.set({ GITLAB_CLIENT_ID: made.application_id, GITLAB_CLIENT_SECRET: made.secret })
      return `the secret of the application ${found.application_name} is renewed; ${env.path} has it`
    },
  }

  async function renew(path: string): Promise<z.infer<typeof NewApplication> | null> {
    try {
      return NewApplication.parse(await api.send('POST', path, {}))
    } catch (error) {
      if (error instanceof Refusal && error.status === 404 && env.value('GITLAB_CLIENT_ID') === '')
        return null
      throw error
    }
  }
}
