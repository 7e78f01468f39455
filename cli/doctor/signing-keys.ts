import { z } from 'zod'
import { reasonOf } from '../gitlab-api.js'
import { ask, readJson } from '../http.js'
import { type DoctorContext, type Finding, findingsOf } from './finding.js'

const { ok, problem } = findingsOf('ID tokens')
const KeySet = z.object({ keys: z.array(z.object({ kty: z.string(), alg: z.string().optional() })) })
const Discovery = z.object({ issuer: z.string() })

/** Whether ID tokens of jobs can be checked: the keys, and the exact name of who signs. */
export async function checkSigningKeys({ config }: DoctorContext): Promise<Finding[]> {
  const { apiUrl, issuer, jwksUrl } = config.gitlab
  const answer = await ask(jwksUrl)
  const set = KeySet.safeParse(readJson(answer.text))
  if (answer.status !== 200 || !set.success) {
    const said = reasonOf(answer, [])
    const text = `${jwksUrl} answers ${answer.status}${said === '' ? '' : `: ${said}`}, not with keys`
    return [problem(text, 'look at GITLAB_JWKS_URL, or at GITLAB_API_URL if that is not set')]
  }
  const usable = set.data.keys.filter(({ kty, alg }) => kty === 'RSA' && (alg ?? 'RS256') === 'RS256')
  if (usable.length === 0) return [problem(`${jwksUrl} has no RS256 key`, 'look at GITLAB_JWKS_URL')]
  const keys = `${usable.length} ${usable.length === 1 ? 'key' : 'keys'}`
  const document = await ask(`${apiUrl}/.well-known/openid-configuration`)
  const discovery = Discovery.safeParse(readJson(document.text))
  if (!discovery.success) return [ok(`${keys}; GitLab does not tell its issuer, ${issuer} is believed`)]
  if (discovery.data.issuer === issuer) return [ok(`${keys}, issuer ${issuer}`)]
  const fix = `set GITLAB_ISSUER to exactly ${discovery.data.issuer}`
  return [problem(`GitLab signs as ${discovery.data.issuer}, and ${issuer} is expected`, fix)]
}
