import { type Answer, ask, readJson } from '../http.js'
import { type DoctorContext, type Finding, findingsOf } from './finding.js'

const { ok, problem } = findingsOf('service')
const template = findingsOf('CI template')

/** Whether the service answers under its public address, as GitLab and jobs ask it. */
export async function checkService({ config }: DoctorContext): Promise<Finding[]> {
  const { publicUrl } = config
  const alive = await ask(`${publicUrl}/healthz`)
  if (statusOf(alive) !== 'ok') {
    const fix =
      'let the reverse proxy pass PUBLIC_URL, with its path, to HOST and PORT; is the service started?'
    return [problem(`${publicUrl}/healthz answers ${alive.status}, not as mlmm does`, fix)]
  }
  const ready = await ask(`${publicUrl}/readyz`)
  if (statusOf(ready) !== 'ready') {
    return [
      problem(`it lives, but ${statusOf(ready) ?? `/readyz answers ${ready.status}`}`, 'look at MongoDB'),
    ]
  }
  const warning = publicUrl.startsWith('http:')
    ? ', over http: ID tokens and results can be read on the way'
    : ''
  return [ok(`ready at ${publicUrl}${warning}`), await templateFinding(publicUrl)]
}

async function templateFinding(publicUrl: string): Promise<Finding> {
  const url = `${publicUrl}/ci/v1/mlmm.yml`
  const { status, text } = await ask(url)
  if (status === 200 && text.includes(`MLMM_URL: '${publicUrl}'`)) return template.ok(`served at ${url}`)
  if (status !== 200) return template.problem(`${url} answers ${status}`, 'look at the reverse proxy')
  return template.problem(
    `${url} sends jobs elsewhere than to ${publicUrl}`,
    'start the service with the same PUBLIC_URL as this configuration has',
  )
}

function statusOf({ text }: Answer): string | null {
  const { status } = (readJson(text) ?? {}) as { status?: unknown }
  return typeof status === 'string' ? status : null
}
