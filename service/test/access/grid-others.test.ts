import t from 'tap'
import { type Bearer, runGrid } from './grid.js'
import { startWorld } from './world.js'

const world = await startWorld(t)
const { simulator, stores } = world.service
const { maintainer } = world.accounts

/** A header that is good for nothing here, whoever it belongs to. */
function useless(name: string, authorization: string): Bearer {
  return { who: 'anonymous', credential: 'useless', name, headers: () => ({ authorization }) }
}

/** A header that nobody looks at. */
function ignored(name: string, headers: Record<string, string>): Bearer {
  return { who: 'anonymous', credential: 'nothing', name, headers: () => headers }
}

async function ended(name: string, lifeMs: number, isRevoked: boolean): Promise<Bearer> {
  const now = new Date()
  const person = { gitlabUserId: maintainer.userId, name: maintainer.username, scope: 'write' as const }
  const expiresAt = new Date(now.getTime() + lifeMs)
  const { token, row } = await stores.apiTokens.create({ ...person, expiresAt }, now)
  if (isRevoked) await stores.apiTokens.revoke(row.id, maintainer.userId, now)
  return useless(name, `Bearer ${token}`)
}

const personal = simulator.createToken(maintainer.userId, { scopes: ['api'] })
const projectId = world.projects.private.gitlab?.id ?? 0
const ofProject = simulator.createToken(maintainer.userId, { scopes: ['api'], projectId })
const idTokens = (['private', 'open'] as const).map((kind): Bearer => {
  const token = world.idToken(world.startJob(kind))
  const name = `ID token of ${kind}`
  const headers = () => ({ authorization: `Bearer ${token}` })
  return { who: 'anonymous', credential: 'id-token', name, jobOf: kind, headers }
})
const secrets = (['private', 'open'] as const).map((kind): Bearer => {
  const headers = () => ({ 'x-gitlab-token': world.projects[kind].hookSecret })
  return { who: 'anonymous', credential: 'webhook-secret', name: `secret of ${kind}`, jobOf: kind, headers }
})

await runGrid(t, world, [
  useless("a maintainer's token of GitLab", `Bearer ${personal}`),
  useless('a project token of GitLab', `Bearer ${ofProject}`),
  useless('a webhook secret as a token', `Bearer ${world.projects.private.hookSecret}`),
  useless('a name and a password', `Basic ${Buffer.from('the-owner:password').toString('base64')}`),
  await ended('a token that expired', -1000, false),
  await ended('a token that was revoked', 600_000, true),
  ignored('a project token in PRIVATE-TOKEN', { 'private-token': ofProject }),
  ignored("a job's token of GitLab", { 'job-token': personal }),
  ...idTokens,
  ...secrets,
])
