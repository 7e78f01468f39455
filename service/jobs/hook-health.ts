import type { GitLab } from '../gitlab/port.js'
import type { DeliveryStore } from '../stores/delivery-store.js'
import type { HookHealth, Project } from '../stores/project-documents.js'
import type { ProjectStore } from '../stores/project-store.js'
import { jobKey, parseKey } from './keys.js'
import type { Queue } from './queue.js'
import type { JobHandler } from './worker.js'

/** GitLab sends 5 again in a minute; what is older is found by asking for the merge requests. */
const sentAgainAtOnce = 4
/** How often the log of a webhook is read that works. */
const logEveryMs = 3_600_000
/** Who was not looked at for this long, may have missed something. */
const awayMs = 20 * 60_000

export interface HookHealthJobOptions {
  gitlab: GitLab
  projects: Pick<ProjectStore, 'find' | 'setHookHealth' | 'loseHook'>
  deliveries: Pick<DeliveryStore, 'findNewestAt'>
  queue: Pick<Queue, 'enqueue'>
  clock: () => Date
}

/** Looks after a project's webhook: one that GitLab disabled is tested, which enables it, one that is gone is registered
 * anew, and what was not delivered is sent again. */
export function createHookHealthJob(options: HookHealthJobOptions): JobHandler {
  const { projects, deliveries, queue, clock } = options
  const gitlab = options.gitlab.withContext({ eventUuid: null, isBackground: true })

  return async (job, { log }) => {
    const project = await projects.find(parseKey(job.key).projectId)
    const hookId = project?.hook.hookId ?? null
    if (project === null || hookId === null || project.hook.state !== 'registered') return { kind: 'done' }
    const now = clock()
    const lastDeliveryAt = await deliveries.findNewestAt(project.id)
    const before = project.hook.health ?? null
    const logReadAt = before?.logReadAt ?? null
    const found = await gitlab.findHook(project.gitlabProjectId, hookId)
    if (found === null) {
      const health = {
        checkedAt: now,
        alertStatus: 'missing',
        disabledUntil: null,
        lastDeliveryAt,
        logReadAt,
      }
      if (!(await projects.loseHook(project.id, hookId, health))) return { kind: 'done' }
      log.warn({ projectId: project.id, hookId }, 'The webhook is gone in GitLab; it is registered anew')
      await queue.enqueue([jobKey.hook(project.id), jobKey.poll(project.id)])
      return { kind: 'done' }
    }
    const hook = isWorking(found) ? found : await enable(project, hookId)
    const { alertStatus, disabledUntil } = hook ?? found
    const health = { checkedAt: now, alertStatus, disabledUntil, lastDeliveryAt, logReadAt }
    const isSuspect = !isWorking(found) || isDue(before, now)
    if (isSuspect && isWorking(hook ?? found)) {
      await sendAgain(project, hookId)
      health.logReadAt = now
    }
    if (!isWorking(found)) {
      log.warn(
        { projectId: project.id, hookId, was: found.alertStatus, alertStatus },
        'GitLab disabled the webhook',
      )
      await queue.enqueue(jobKey.poll(project.id))
    }
    await projects.setHookHealth(project.id, hookId, health)
    return { kind: 'done' }
  }

  async function enable({ gitlabProjectId }: Project, hookId: number) {
    await gitlab.testHook(gitlabProjectId, hookId)
    return gitlab.findHook(gitlabProjectId, hookId)
  }

  /** The newest of what never arrived; the rest is found by asking for what changed. */
  async function sendAgain(project: Project, hookId: number): Promise<void> {
    const { gitlabProjectId } = project
    const listed = await gitlab.listHookDeliveries(gitlabProjectId, hookId)
    if (listed === null) return queue.enqueue(jobKey.poll(project.id))
    const arrived = new Set(listed.flatMap(({ isDelivered, name }) => (isDelivered ? [name] : [])))
    const missed = listed.filter(
      ({ isDelivered, name }) => !isDelivered && (name === null || !arrived.has(name)),
    )
    if (missed.length === 0) return
    for (const { id } of missed.slice(0, sentAgainAtOnce)) {
      if (!(await gitlab.resendHookDelivery(gitlabProjectId, hookId, id))) break
    }
    await queue.enqueue(jobKey.poll(project.id))
  }
}

function isWorking({ alertStatus }: { alertStatus: string }): boolean {
  return alertStatus === 'executable'
}

function isDue(before: HookHealth | null, now: Date): boolean {
  if (before === null) return false
  if (now.getTime() - before.checkedAt.getTime() > awayMs) return true
  return now.getTime() - (before.logReadAt?.getTime() ?? 0) > logEveryMs
}
