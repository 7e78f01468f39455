import { randomBytes } from 'node:crypto'
import { hashSecret } from '../domain/secrets.js'
import { GitLabError } from '../gitlab/errors.js'
import type { GitLab, GitLabHook } from '../gitlab/port.js'
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
    if (project === null || project.disconnectedAt || project.hook.state === 'registered')
      return { kind: 'done' }
    const hooks = await listWherePossible(gitlab, project.gitlabProjectId)
    if (hooks === null) {
      await projects.setHook(projectId, { state: 'not_allowed', hookId: null, secretHash: null })
      log.info(
        { projectId },
        'No webhook: neither the bot nor anybody who consented is a Maintainer; pipelines are polled',
      )
      return { kind: 'done' }
    }
    // The secret's hash is kept before GitLab knows it, so that the first delivery is already recognised.
    const token = randomBytes(32).toString('base64url')
    await projects.setHook(projectId, { state: 'pending', hookId: null, secretHash: hashSecret(token) })
    const existing = hooks.find((hook) => hook.url === url)
    const hook =
      existing === undefined
        ? await gitlab.addHook(project.gitlabProjectId, { url, token })
        : await gitlab.editHook(project.gitlabProjectId, existing.id, { url, token })
    await projects.setHook(projectId, { state: 'registered', hookId: hook.id, secretHash: hashSecret(token) })
    return { kind: 'done' }
  }
}

/** Null where nobody who may speak here is a Maintainer. */
async function listWherePossible(gitlab: GitLab, gitlabProjectId: number): Promise<GitLabHook[] | null> {
  try {
    return await gitlab.listHooks(gitlabProjectId)
  } catch (error) {
    if (error instanceof GitLabError && error.kind === 'forbidden') return null
    throw error
  }
}
