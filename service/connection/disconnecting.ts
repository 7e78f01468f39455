import type { FastifyBaseLogger } from 'fastify'
import { GitLabError } from '../gitlab/errors.js'
import type { GitLab } from '../gitlab/port.js'
import type { GitLabClients } from '../grants/gitlab-clients.js'
import { GrantError } from '../grants/grant-errors.js'
import type { Speakers } from './speakers.js'
import type { ConnectionStore } from '../stores/connection-store.js'
import type { Project } from '../stores/project-store.js'

/** What stays behind in GitLab where nobody could remove it. */
export type Leftover = 'webhook' | 'token'

export interface Disconnection {
  /** False where the project was disconnected already. */
  isNew: boolean
  leftovers: Leftover[]
}

/** Ends what the service does for a project: from now on nothing is accepted and nobody posts. What is stored stays
 * readable. Whatever GitLab answers, it is done here; `byUserId` may lend a hand there with their consent to post. */
export type Disconnect = (project: Project, byUserId: number) => Promise<Disconnection>

export interface DisconnectOptions {
  speakers: Pick<Speakers, 'findKeeper' | 'forget'>
  clients: Pick<GitLabClients, 'forPerson'>
  connections: Pick<ConnectionStore, 'disconnect'>
  /** Has processes that remember the project as connected look again. */
  forget: (gitlabProjectId: number) => void
  publicUrl: string
  clock: () => Date
  log: Pick<FastifyBaseLogger, 'info' | 'warn'>
}

export function createDisconnect(options: DisconnectOptions): Disconnect {
  const { speakers, clients, connections, publicUrl, clock, log } = options

  return async (project, byUserId) => {
    const { gitlabProjectId } = project
    // Looked for while the project still names who consented.
    const keeper = await unlessGitLabFails(() => speakers.findKeeper(gitlabProjectId))
    const isNew = await connections.disconnect(project.id, clock())
    speakers.forget(gitlabProjectId)
    options.forget(gitlabProjectId)
    if (!isNew) return { isNew, leftovers: [] }
    const helpers = [keeper, clients.forPerson(byUserId, 'posting')].filter((one) => one !== null)
    const leftovers = await clearGitLab(project, helpers)
    log.info({ projectId: project.id, gitlabUserId: byUserId, leftovers }, 'Project disconnected')
    return { isNew, leftovers }
  }

  async function clearGitLab(project: Project, helpers: GitLab[]): Promise<Leftover[]> {
    const { gitlabProjectId, hook, ownBot } = project
    const hasHook = hook.hookId !== null || hook.secretHash !== null
    const isHookGone = await anyDoes(helpers, (gitlab) => removeHooks(gitlab, project))
    const tokenId = ownBot?.tokenId ?? null
    const isTokenGone =
      tokenId === null ||
      (await anyDoes(helpers, (gitlab) => gitlab.revokeProjectToken(gitlabProjectId, tokenId)))
    return [
      ...(hasHook && !isHookGone ? (['webhook'] as const) : []),
      ...(isTokenGone ? [] : (['token'] as const)),
    ]
  }

  async function removeHooks(gitlab: GitLab, { id, gitlabProjectId }: Project): Promise<void> {
    const ours = [`${publicUrl}/webhooks/gitlab`, `${publicUrl}/webhooks/gitlab/${id}`]
    for (const hook of await gitlab.listHooks(gitlabProjectId)) {
      if (ours.includes(hook.url)) await gitlab.deleteHook(gitlabProjectId, hook.id)
    }
  }

  async function anyDoes(helpers: GitLab[], work: (gitlab: GitLab) => Promise<void>): Promise<boolean> {
    for (const gitlab of helpers) {
      const done = await unlessGitLabFails(async () => {
        await work(gitlab)
        return true
      })
      if (done) return true
    }
    return false
  }

  async function unlessGitLabFails<T>(ask: () => Promise<T>): Promise<T | null> {
    try {
      return await ask()
    } catch (err) {
      if (!(err instanceof GitLabError) && !(err instanceof GrantError)) throw err
      log.warn({ err }, 'GitLab did not help to disconnect a project')
      return null
    }
  }
}
