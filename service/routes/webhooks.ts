import { createHash, timingSafeEqual } from 'node:crypto'
import type { FastifyInstance, FastifyRequest, preParsingAsyncHookHandler } from 'fastify'
import { rulesFreshMs, rulesPath } from '../domain/rules.js'
import { hashSecret } from '../domain/secrets.js'
import { Problem } from '../errors.js'
import { jobKey } from '../jobs/keys.js'
import type { Queue } from '../jobs/queue.js'
import { AnyEvent, MergeRequestEvent, PipelineEvent, PushEvent } from '../schemas/webhook.js'
import type { ComparisonStore } from '../stores/comparison-store.js'
import type { DeliveryStore } from '../stores/delivery-store.js'
import type { JobStore } from '../stores/job-store.js'
import type { PipelineStore } from '../stores/pipeline-store.js'
import type { Project, ProjectStore } from '../stores/project-store.js'

export interface WebhookRoutesOptions {
  projects: ProjectStore
  pipelines: PipelineStore
  comparisons: Pick<ComparisonStore, 'listOpenAgainst'>
  deliveries: DeliveryStore
  jobs: Pick<JobStore, 'isUnderWay'>
  queue: Queue
  clock: () => Date
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Of the route for webhooks alone: whose secret came, set before the body is read. */
    hookProject: Project
  }
}

const bodyLimit = 25 * 1024 * 1024

/** Events of GitLab. Answers 2xx to everything authentic, because GitLab disables hooks that answer otherwise. */
export async function webhookRoutes(fastify: FastifyInstance, options: WebhookRoutesOptions): Promise<void> {
  const { projects, pipelines, comparisons, deliveries, jobs, queue, clock } = options

  fastify.decorateRequest('hookProject')

  // Whose secret is not known is refused before the body is read.
  const preParsing: preParsingAsyncHookHandler = async (request, _reply, payload) => {
    request.hookProject = await authenticate(request)
    return payload
  }
  fastify.post(
    '/webhooks/gitlab',
    { config: { access: 'webhook' }, bodyLimit, preParsing },
    async (request, reply) => {
      const project = request.hookProject
      refuseForeign(project, request.body)
      const asked = await ask(project, request.body)
      // Asked for first and recorded after: a crash in between repeats the event rather than losing it.
      await deliveries.record({
        projectId: project.id,
        event: String(request.headers['x-gitlab-event'] ?? ''),
        uuid: String(request.headers['x-gitlab-event-uuid'] ?? ''),
        effect: asked,
        at: clock(),
      })
      return reply.send({ status: asked ?? 'ignored' })
    },
  )

  /** A secret belongs to one project. */
  async function authenticate(request: FastifyRequest): Promise<Project> {
    const given = request.headers['x-gitlab-token']
    if (typeof given !== 'string') throw unauthorized('The request has no X-Gitlab-Token.')
    const project = await projects.findBySecretHash(hashSecret(given))
    if (project === null || !isSecretOf(project, given)) {
      throw unauthorized('The secret is that of no project.')
    }
    return project
  }

  /** What the event makes the worker do, null where nothing. */
  async function ask(project: Project, body: unknown): Promise<string | null> {
    const mergeRequest = MergeRequestEvent.safeParse(body)
    if (mergeRequest.success) {
      await queue.enqueue(jobKey.note(project.id, mergeRequest.data.object_attributes.iid))
      return 'note'
    }
    const push = PushEvent.safeParse(body)
    if (push.success) return askForRules(project, push.data)
    const pipeline = PipelineEvent.safeParse(body)
    if (!pipeline.success || pipeline.data.object_attributes.source === 'external') return null
    const { id } = pipeline.data.object_attributes
    if (!(await hear(project, id))) return null
    await queue.enqueue(jobKey.pipeline(project.id, id))
    return 'pipeline'
  }

  /** Whether the pipeline has reported here. A short one may end while GitLab is being asked about it the first time. */
  async function hear(project: Project, pipelineId: number): Promise<boolean> {
    if (await pipelines.markHeard(project.id, pipelineId, clock())) return true
    const key = jobKey.pipeline(project.id, pipelineId)
    if (!(await jobs.isUnderWay({ keys: [key], looks: key, withinMs: 0 }))) return false
    await pipelines.markHeardEarly(project.id, pipelineId, clock())
    return true
  }

  /** What the target branch's rules say now is said of the merge requests that were judged by its old ones. */
  async function askForRules(project: Project, push: PushEvent): Promise<string | null> {
    const branch = /^refs\/heads\/(.+)$/s.exec(push.ref)?.[1]
    if (branch === undefined || !mayChangeRules(push)) return null
    const mrIids = await comparisons.listOpenAgainst(project.id, branch)
    if (mrIids.length === 0) return null
    const keys = mrIids.map((mrIid) => jobKey.note(project.id, mrIid))
    await queue.enqueue(keys, { delayMs: rulesFreshMs, isPromised: true })
    return 'rules'
  }
}

function mayChangeRules({ commits, total_commits_count: total }: PushEvent): boolean {
  if ((total ?? 0) > commits.length) return true
  return commits.some(({ added, modified, removed }) =>
    [added, modified, removed].some((paths) => paths?.includes(rulesPath)),
  )
}

function refuseForeign(project: Project, body: unknown): void {
  const event = AnyEvent.safeParse(body)
  const gitlabProjectId = event.data?.project?.id ?? event.data?.project_id
  if (gitlabProjectId === project.gitlabProjectId) return
  throw unauthorized('The secret does not fit the project of this event.')
}

function unauthorized(message: string): Problem {
  return new Problem('WEBHOOK_UNAUTHORIZED', { message })
}

function isSecretOf(project: Project, given: string): boolean {
  const expected = project.hook.secretHash
  return expected !== null && timingSafeEqual(digest(expected), digest(hashSecret(given)))
}

/** timingSafeEqual wants equal lengths. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
