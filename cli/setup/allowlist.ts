import { Settings } from '../schemas.js'
import { isLocalHost } from './local-host.js'
import type { Plan, SetupContext } from './step.js'

/** GitLab sends webhooks to the local network, and to itself, only where an administrator allows it. */
export async function planAllowlist(context: SetupContext): Promise<Plan> {
  const { api, caller, gitlabUrl, publicUrl } = context
  const { host, hostname } = new URL(publicUrl)
  const isNear = hostname === new URL(gitlabUrl).hostname || (await isLocalHost(hostname))
  if (!caller.isAdmin) return isNear ? withoutAdministrator(host) : unneeded(host)
  const settings = Settings.parse(await api.get('/application/settings'))
  const denied = settings.deny_all_requests_except_allowed === true
  if (!denied && !isNear) return unneeded(host)
  if (!denied && settings.allow_local_requests_from_web_hooks_and_services === true) {
    return { kind: 'exists', text: 'webhooks may go to the local network' }
  }
  const allowed = settings.outbound_local_requests_whitelist ?? []
  if (allowed.some((entry) => [host, hostname].includes(entry.toLowerCase()))) {
    return { kind: 'exists', text: `webhooks may go to ${host}` }
  }
  return {
    kind: 'make',
    text: `allow webhooks to ${host}, ${denied ? 'because this GitLab sends none elsewhere' : 'which is in the local network'}`,
    async run() {
      // Read again, because somebody may have changed the list since.
      const now =
        Settings.parse(await api.get('/application/settings')).outbound_local_requests_whitelist ?? []
      await api.send('PUT', '/application/settings', {
        outbound_local_requests_whitelist: [...new Set([...now, host])],
      })
      return `webhooks may go to ${host}`
    },
  }
}

function unneeded(host: string): Plan {
  return { kind: 'exists', text: `${host} is not in the local network, so webhooks may go there` }
}

function withoutAdministrator(host: string): Plan {
  return {
    kind: 'cannot',
    text: `webhooks to ${host}, in the local network, are allowed by an administrator`,
    byHand: [
      `Admin area, Settings, Network, Outbound requests: add ${host} to the allowlist`,
      'without it mlmm polls pipelines, and notes come some seconds later',
    ],
  }
}
