import { reasonOf } from '../gitlab-api.js'
import { ask, readJson } from '../http.js'
import { Version } from '../schemas.js'
import { type DoctorContext, type Finding, findingsOf } from './finding.js'

const { ok, problem } = findingsOf('GitLab API')
const clock = findingsOf('clock')
const oldest = 16
const mostSkewS = 30

/** Whether GitLab answers at its address, which version, and whether both clocks agree. */
export async function checkGitLab({ config, now }: DoctorContext): Promise<Finding[]> {
  const { apiUrl, botToken } = config.gitlab
  const name = apiUrl === config.gitlab.url ? 'GITLAB_URL' : 'GITLAB_API_URL'
  const url = `${apiUrl}/api/v4/version`
  const answer = await ask(url, botToken === null ? {} : { headers: { 'private-token': botToken } })
  const body = readJson(answer.text)
  if (body === null || answer.status === 404 || answer.status >= 500 || isRedirect(answer.status)) {
    const said = reasonOf(answer, [botToken ?? ''])
    return [
      problem(
        `${url} answers ${answer.status}${said === '' ? '' : `: ${said}`}`,
        `set ${name} to the address of GitLab, with its path if it has one and without /api/v4`,
      ),
    ]
  }
  return [versionFinding(apiUrl, body), clockFinding(answer.headers.get('date'), now())]
}

function isRedirect(status: number): boolean {
  return status >= 300 && status < 400
}

function versionFinding(apiUrl: string, body: unknown): Finding {
  const parsed = Version.safeParse(body)
  const plain = apiUrl.startsWith('http:') ? ', over http: tokens can be read on the way' : ''
  // Without a token, or with one that is refused, GitLab does not tell.
  if (!parsed.success) return ok(`answers at ${apiUrl}${plain}`)
  const { version } = parsed.data
  if (Number.parseInt(version) >= oldest) return ok(`${version} at ${apiUrl}${plain}`)
  return problem(`this is GitLab ${version}`, `update GitLab to ${oldest}.0 or newer`)
}

function clockFinding(date: string | null, now: Date): Finding {
  const there = Date.parse(date ?? '')
  if (Number.isNaN(there)) return clock.skipped('GitLab does not say what time it is')
  const skewS = Math.round((now.getTime() - there) / 1000)
  if (Math.abs(skewS) <= mostSkewS) return clock.ok(`agrees with that of GitLab within ${mostSkewS} seconds`)
  const side = skewS > 0 ? 'ahead of' : 'behind'
  return clock.problem(
    `this machine is ${Math.abs(skewS)} seconds ${side} GitLab, so tokens count as expired or not valid yet`,
    'synchronise the clocks of both, for example with chrony or systemd-timesyncd',
  )
}
