import { randomBytes } from 'node:crypto'
import { hashSecret } from '../domain/secrets.js'
import { GitLabError } from '../gitlab/errors.js'
import type { GitLab, GitLabHook } from '../gitlab/port.js'
import { hookKeyOwner, type ProjectHook } from '../stores/project-documents.js'
import type { Project, ProjectStore } from '../stores/project-store.js'
import type { Sealer } from '../stores/sealing.js'

const claimedForMs = 60_000
/** Deliveries that are on their way when the secrets change still carry those before. */
const formerForMs = 3_600_000

export interface HookRegistrationOptions {
  gitlab: Pick<GitLab, 'listHooks' | 'addHook' | 'editHook'>
  projects: Pick<ProjectStore, 'claimHook' | 'releaseHook' | 'setHook'>
  sealer: Sealer
  publicUrl: string
  clock: () => Date
}

/** `not_allowed`: nobody who may speak is a Maintainer. `refused`: GitLab does not take the address. `busy`: somebody
 * else is at it, or the project is disconnected. */
export type HookOutcome = 'registered' | 'not_allowed' | 'refused' | 'busy'

/** Sees to it that the project has one webhook, with secrets of its own, however often and by how many it is called.
 * @throws GitLabError where GitLab could not be asked */
export type RegisterHook = (projectId: string) => Promise<HookOutcome>

export function createHookRegistration(options: HookRegistrationOptions): RegisterHook {
  const { gitlab, projects, sealer, publicUrl, clock } = options
  const generalUrl = `${publicUrl}/webhooks/gitlab`

  return async (projectId) => {
    const now = clock()
    const project = await projects.claimHook(projectId, now, new Date(now.getTime() + claimedForMs))
    if (project === null) return 'busy'
    try {
      const hook = await register(project)
      await projects.setHook(projectId, hook)
      return hook.state === 'pending' ? 'busy' : hook.state
    } catch (error) {
      await projects.releaseHook(projectId)
      throw error
    }
  }

  /** The webhook as it stands afterwards. */
  async function register(project: Project): Promise<ProjectHook> {
    const { claimedUntil: _, ...before } = project.hook
    const url = `${generalUrl}/${project.id}`
    try {
      const hooks = await gitlab.listHooks(project.gitlabProjectId)
      if (isRegistered(before, hooks, url)) return before
      const existing = hooks.find((hook) => hook.url === url) ?? hooks.find((hook) => hook.url === generalUrl)
      return await write(project, { url, existing })
    } catch (error) {
      const refused = refusalOf(error, before)
      if (refused === null) throw error
      return refused
    }
  }

  async function write(
    { id, gitlabProjectId, hook }: Project,
    { url, existing }: { url: string; existing: GitLabHook | undefined },
  ): Promise<ProjectHook> {
    const token = randomBytes(32).toString('base64url')
    const signingToken = sealer.canSeal ? `whsec_${randomBytes(32).toString('base64')}` : null
    const secrets = {
      secretHash: hashSecret(token),
      signingKey: signingToken === null ? null : sealer.seal(signingToken, hookKeyOwner(id)),
      previousSecretHash: hook.secretHash,
      previousSigningKey: hook.signingKey ?? null,
      previousUntil: new Date(clock().getTime() + formerForMs),
    }
    // They are kept before GitLab knows them, so that the first delivery is already recognised.
    const claimedUntil = hook.claimedUntil ?? null
    await projects.setHook(id, { ...secrets, state: 'pending', hookId: null, claimedUntil })
    const settings = { url, token, ...(signingToken !== null && { signingToken }) }
    const made =
      existing === undefined
        ? await gitlab.addHook(gitlabProjectId, settings)
        : await gitlab.editHook(gitlabProjectId, existing.id, settings)
    return { ...secrets, state: 'registered', hookId: made.id }
  }
}

function isRegistered(hook: ProjectHook, hooks: GitLabHook[], url: string): boolean {
  if (hook.state !== 'registered') return false
  return hooks.some((one) => one.id === hook.hookId && one.url === url)
}

/** Null where the same may work later. What was registered before may still be there, so its secrets are kept. */
function refusalOf(error: unknown, before: ProjectHook): ProjectHook | null {
  if (!(error instanceof GitLabError)) return null
  const refused = { ...before, hookId: null }
  if (error.kind === 'rejected') return { ...refused, state: 'refused', refusal: error.reason }
  if (error.kind !== 'forbidden') return null
  return before.state === 'registered' ? before : { ...refused, state: 'not_allowed', refusal: null }
}
