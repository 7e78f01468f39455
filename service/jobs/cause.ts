import { AsyncLocalStorage } from 'node:async_hooks'
import type { CallContext, GitLab } from '../gitlab/port.js'
import type { Queue } from './queue.js'
import type { JobHandler } from './worker.js'

/** The webhook that a job runs for is told to GitLab by the job's calls, so that GitLab can break loops, and goes on
 * to the jobs that it asks for. */
const causes = new AsyncLocalStorage<string | null>()

export function withCause(handler: JobHandler): JobHandler {
  return (job, context) => causes.run(job.eventUuid, () => handler(job, context))
}

/** The same client, whose calls name the webhook that the job runs for. */
export function namingCause(gitlab: GitLab, context: Omit<CallContext, 'eventUuid'> = {}): GitLab {
  const plain =
    Object.keys(context).length === 0 ? gitlab : gitlab.withContext({ eventUuid: null, ...context })
  let last: { eventUuid: string; gitlab: GitLab } | null = null

  function current(): GitLab {
    const eventUuid = causes.getStore() ?? null
    if (eventUuid === null) return plain
    if (last?.eventUuid !== eventUuid)
      last = { eventUuid, gitlab: gitlab.withContext({ eventUuid, ...context }) }
    return last.gitlab
  }

  return new Proxy(gitlab, {
    get(_target, name) {
      if (name === 'withContext') return ({ eventUuid: _, ...more }: CallContext) => namingCause(gitlab, more)
      return Reflect.get(current(), name)
    },
  })
}

/** The same queue, whose jobs run for the webhook that the asking one runs for. */
export function passingCause(queue: Queue): Queue {
  return {
    ...queue,
    enqueue: (keys, options = {}) =>
      queue.enqueue(keys, { ...options, eventUuid: options.eventUuid ?? causes.getStore() ?? null }),
  }
}
