import { MergeRequests, ProjectHooks } from '@gitbeaker/rest'
import { z } from 'zod'
import { find, get } from './answers.js'
import { GitLabError } from './errors.js'
import type { GitLab } from './port.js'
import { HookDelivery, HookState, MergeRequestChange } from './schema.js'

type Resource = NonNullable<ConstructorParameters<typeof ProjectHooks>[0]>
type Calls =
  'findHook' | 'testHook' | 'listHookDeliveries' | 'resendHookDelivery' | 'listChangedMergeRequests'

const perPage = 100

/** How a webhook fares, and what to ask where it does not. gitbeaker has no calls for the log of deliveries. */
export function hookHealthCalls(resource: Resource): Pick<GitLab, Calls> {
  const hooks = new ProjectHooks(resource)
  const mergeRequests = new MergeRequests(resource)
  const { requester } = hooks

  return {
    findHook: (projectId, hookId) => find(hooks.show(projectId, hookId), HookState),
    testHook: (projectId, hookId) =>
      isDone(requester.post(`${at(projectId, hookId)}/test/push_events`, { body: {} })),
    listHookDeliveries: async (projectId, hookId) =>
      find(
        requester
          .get(`${at(projectId, hookId)}/events`, { searchParams: { per_page: perPage } })
          .then((answer) => answer.body),
        z.array(HookDelivery),
      ),
    resendHookDelivery: (projectId, hookId, deliveryId) =>
      isDone(requester.post(`${at(projectId, hookId)}/events/${deliveryId}/resend`, { body: {} })),
    listChangedMergeRequests: (projectId, since) =>
      get(
        mergeRequests.all({
          projectId,
          updatedAfter: since.toISOString(),
          orderBy: 'updated_at',
          sort: 'asc',
          perPage,
          page: 1,
        }),
        z.array(MergeRequestChange),
      ),
  }
}

/** gitbeaker puts `projects/` in front. */
function at(projectId: number, hookId: number): string {
  return `${projectId}/hooks/${hookId}`
}

/** False where GitLab refuses, has no such call, or got no good answer itself. */
async function isDone(call: Promise<unknown>): Promise<boolean> {
  try {
    await call
    return true
  } catch (error) {
    if (error instanceof GitLabError && ['not_found', 'rejected', 'forbidden'].includes(error.kind))
      return false
    throw error
  }
}
