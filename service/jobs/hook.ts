import { randomBytes } from 'node:crypto'
import { canRegisterHook } from '../domain/permissions.js'
import { hashSecret } from '../domain/secrets.js'
import type { GitLab } from '../gitlab/port.js'
import type { ProjectStore } from '../stores/project-store.js'
import { parseKey } from './keys.js'
import type { JobHandler } from './worker.js'

export interface HookJobOptions {
  gitlab: GitLab
  projects: ProjectStore
  publicUrl: string
}

/** Registers the webhook of a connected project where the bot may; all works without it, only slower. */
export function createHookJob({ gitlab, projects, publicUrl }: HookJobOptions): JobHandler {
  const url = `${publicUrl}/webhooks/gitlab`

  return async (job, { log }) => {
    const { projectId } = parseKey(job.key)
    const project = await projects.find(projectId)
    if (project === null || project.hook.state === 'registered') return { kind: 'done' }
    const bot = await gitlab.getCurrentUser()
    const level = await gitlab.findAccessLevel(project.gitlabProjectId, bot.id)
    if (!canRegisterHook(level)) {
      await projects.setHook(projectId, { state: 'not_allowed', hookId: null, secretHash: null })
      log.info({ projectId }, 'No webhook: the bot is not a Maintainer; pipelines are polled')
      return { kind: 'done' }
    }
    // The secret's hash is kept before GitLab knows it, so that the first delivery is already recognised.
    const token = randomBytes(32).toString('base64url')
    await projects.setHook(projectId, { state: 'pending', hookId: null, secretHash: hashSecret(token) })
    const existing = (await gitlab.listHooks(project.gitlabProjectId)).find((hook) => hook.url === url)
    const hook =
      existing === undefined
        ? await gitlab.addHook(project.gitlabProjectId, { url, token })
        : await gitlab.editHook(project.gitlabProjectId, existing.id, { url, token })
    await projects.setHook(projectId, { state: 'registered', hookId: hook.id, secretHash: hashSecret(token) })
    return { kind: 'done' }
  }
}
