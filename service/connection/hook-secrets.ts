import { randomBytes } from 'node:crypto'
import { hashSecret } from '../domain/secrets.js'
import { GitLabError } from '../gitlab/errors.js'
import { jobKey } from '../jobs/keys.js'
import type { Queue } from '../jobs/queue.js'
import type { Speakers } from './speakers.js'
import { hookKeyOwner, type ProjectHook } from '../stores/project-documents.js'
import type { Project, ProjectStore } from '../stores/project-store.js'
import type { Sealer } from '../stores/sealing.js'

/** How long the secrets before a rotation are good: GitLab may send again what it sent before. */
const holdsForMs = 3_600_000

/** `unknown`: GitLab did not answer whether it took the new ones; it is given others in the background. */
export type Rotation = 'rotated' | 'no_webhook' | 'refused' | 'unknown'

/** Gives the project's webhook a new token and a new signing key, without a moment in which neither is good. */
export type RotateHookSecrets = (project: Project) => Promise<Rotation>

export interface HookSecretsOptions {
  speakers: Pick<Speakers, 'findKeeper'>
  projects: Pick<ProjectStore, 'replaceHook'>
  sealer: Sealer
  queue: Pick<Queue, 'enqueue'>
  publicUrl: string
  clock: () => Date
}

export function createHookSecrets(options: HookSecretsOptions): RotateHookSecrets {
  const { speakers, projects, sealer, queue, clock } = options

  return async (project) => {
    const before = project.hook
    if (before.hookId === null || before.state !== 'registered') return 'no_webhook'
    const keeper = await speakers.findKeeper(project.gitlabProjectId)
    if (keeper === null) return 'refused'
    const token = randomBytes(32).toString('base64url')
    const signingToken = `whsec_${randomBytes(32).toString('base64')}`
    const after: ProjectHook = {
      ...before,
      ...previousOf(before),
      previousUntil: new Date(clock().getTime() + holdsForMs),
      secretHash: hashSecret(token),
      signingKey: sealer.seal(signingToken, hookKeyOwner(project.id)),
    }
    // Kept before GitLab knows them, so that the first delivery with them is recognised.
    if (!(await projects.replaceHook(project.id, before, after))) return 'unknown'
    try {
      const hook = (await keeper.listHooks(project.gitlabProjectId)).find(({ id }) => id === before.hookId)
      if (hook === undefined) return await register(project.id, after)
      await keeper.editHook(project.gitlabProjectId, hook.id, { url: hook.url, token, signingToken })
      return 'rotated'
    } catch (error) {
      if (!(error instanceof GitLabError)) throw error
      if (error.outcomeUnknown) return register(project.id, after)
      await projects.replaceHook(project.id, after, before)
      return 'refused'
    }
  }

  /** Both pairs stay good for their hour; the webhook gets its next ones by being registered anew. */
  async function register(projectId: string, hook: ProjectHook): Promise<Rotation> {
    await projects.replaceHook(projectId, hook, { ...hook, state: 'pending' })
    await queue.enqueue(jobKey.hook(projectId))
    return 'unknown'
  }
}

function previousOf({ secretHash, signingKey }: ProjectHook) {
  return { previousSecretHash: secretHash, previousSigningKey: signingKey ?? null }
}
