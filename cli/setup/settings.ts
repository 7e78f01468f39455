import { randomBytes } from 'node:crypto'
import type { Plan, SetupContext } from './step.js'

/** What the `.env` needs that nobody has to decide. Comes first, so that secrets of later steps have a place. */
export async function planSettings({ env, publicUrl, gitlabUrl }: SetupContext): Promise<Plan> {
  const wanted = {
    PUBLIC_URL: publicUrl,
    GITLAB_URL: gitlabUrl,
    SESSION_SECRET: randomBytes(32).toString('hex'),
    ENCRYPTION_KEYS: `1:${randomBytes(32).toString('base64')}`,
  }
  const missing = Object.keys(wanted).filter((name) => env.value(name) === '')
  if (missing.length === 0)
    return { kind: 'exists', text: `${env.path} has ${Object.keys(wanted).join(', ')}` }
  return {
    kind: 'make',
    text: `${env.existed ? 'add to' : 'make'} ${env.path}: ${missing.join(', ')}`,
    async run() {
      await env.set(wanted)
      return `${env.path} has ${missing.join(', ')} now; only its owner can read it`
    },
  }
}
