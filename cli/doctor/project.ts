import { z } from 'zod'
import { createGitLabApi, type GitLabApi, Refusal } from '../gitlab-api.js'
import { Project, User } from '../schemas.js'
import { type DoctorContext, type Finding, findingsOf } from './finding.js'

const [posting, webhook] = [findingsOf('posting'), findingsOf('webhook')]
const [developer, maintainer] = [30, 40]
const Member = z.object({ access_level: z.number() })
const Hook = z.object({
  id: z.number(),
  url: z.string(),
  alert_status: z.string().default('executable'),
  disabled_until: z.string().nullable().default(null),
})
const Delivery = z.object({ response_status: z.coerce.string() })

/** The way to one project and back. Nothing is written. */
export async function checkProject({ config, project: path }: DoctorContext): Promise<Finding[]> {
  if (path === null)
    return [posting.skipped('give --project <path> to look at one project'), webhook.skipped('the same')]
  const { apiUrl, botToken } = config.gitlab
  if (botToken === null) {
    return [
      posting.skipped(
        'GITLAB_BOT_TOKEN is not set; the project has a poster of its own, see its settings in mlmm',
      ),
    ]
  }
  const api = createGitLabApi({ url: apiUrl, token: botToken })
  try {
    const found = await api.find(`/projects/${encodeURIComponent(path)}`)
    const bot = User.parse(await api.get('/user'))
    const fix = `make @${bot.username} a member of ${path}, or of a group above it: Developer to write notes, Maintainer to register the webhook too`
    if (found === null) return [posting.problem(`@${bot.username} sees no project ${path}`, fix)]
    const { id } = Project.parse(found)
    const member = await api.find(`/projects/${id}/members/all/${bot.id}`)
    const level = member === null ? 0 : Member.parse(member).access_level
    if (level < developer) return [posting.problem(`@${bot.username} has the level ${level} in ${path}`, fix)]
    return [
      posting.ok(`@${bot.username} may write notes in ${path}`),
      await hookFinding(api, config.publicUrl, { id, level }),
    ]
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    return [posting.problem(error.message, 'put the bot right first')]
  }
}

async function hookFinding(
  api: GitLabApi,
  publicUrl: string,
  { id, level }: { id: number; level: number },
): Promise<Finding> {
  if (level < maintainer) return webhook.skipped('the bot is no Maintainer, so pipelines are polled')
  const hooks = z.array(Hook).parse(await api.list(`/projects/${id}/hooks`))
  const hook = hooks.find(({ url }) => url.startsWith(`${publicUrl}/webhooks/`))
  if (hook === undefined) {
    return webhook.problem(
      `no hook points to ${publicUrl}`,
      'connect the project, or let it send a first report',
    )
  }
  if (hook.alert_status !== 'executable') {
    const until = hook.disabled_until === null ? '' : ` until ${hook.disabled_until}`
    const fix = 'see its last deliveries in GitLab (Settings, Webhooks, Edit), put that right and press Test'
    return webhook.problem(`GitLab has disabled the hook (${hook.alert_status}${until})`, fix)
  }
  return deliveryFinding(await api.find(`/projects/${id}/hooks/${hook.id}/events?per_page=1`))
}

/** GitLab tells deliveries from 17.3 on. */
function deliveryFinding(answer: unknown): Finding {
  if (answer === null) return webhook.ok('registered and enabled; this GitLab does not tell deliveries')
  const [last] = z.array(Delivery).parse(answer)
  if (last === undefined)
    return webhook.ok('registered and enabled; nothing was delivered in the last 7 days')
  const { response_status: status } = last
  if (/^2\d\d$/.test(status)) return webhook.ok('registered and enabled; the last delivery arrived')
  const fix =
    'GitLab must reach PUBLIC_URL: look at the allowlist (Admin area, Settings, Network, Outbound requests), at certificates and at the proxy'
  return webhook.problem(`the last delivery ended with ${status}`, fix)
}
