import { createHash, timingSafeEqual } from 'node:crypto'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { hashSecret } from '../domain/secrets.js'
import { Problem } from '../errors.js'
import { jobKey } from '../jobs/keys.js'
import type { Queue } from '../jobs/queue.js'
import { AnyEvent, MergeRequestEvent, PipelineEvent } from '../schemas/webhook.js'
import type { DeliveryStore } from '../stores/delivery-store.js'
import type { PipelineStore } from '../stores/pipeline-store.js'
import type { Project, ProjectStore } from '../stores/project-store.js'

export interface WebhookRoutesOptions {
  projects: ProjectStore
  pipelines: PipelineStore
  deliveries: DeliveryStore
  queue: Queue
  clock: () => Date
}

const bodyLimit = 25 * 1024 * 1024

/** Events of GitLab. Answers 2xx to everything authentic, because GitLab disables hooks that answer otherwise. */
export async function webhookRoutes(fastify: FastifyInstance, options: WebhookRoutesOptions): Promise<void> {
  const { projects, pipelines, deliveries, queue, clock } = options

  fastify.post('/webhooks/gitlab', { config: { access: 'webhook' }, bodyLimit }, async (request, reply) => {
    const project = await authenticate(request)
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
  })

  /** A secret belongs to one project, which must be the payload's. */
  async function authenticate(request: FastifyRequest): Promise<Project> {
    const event = AnyEvent.safeParse(request.body)
    const gitlabProjectId = event.data?.project?.id ?? event.data?.project_id
    const project = gitlabProjectId == null ? null : await projects.findByGitLabId(gitlabProjectId)
    const given = request.headers['x-gitlab-token']
    if (project === null || typeof given !== 'string' || !isSecretOf(project, given)) {
      throw new Problem('WEBHOOK_UNAUTHORIZED', {
        message: 'The secret does not fit the project of this event.',
      })
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
    const pipeline = PipelineEvent.safeParse(body)
    if (!pipeline.success || pipeline.data.object_attributes.source === 'external') return null
    const { id } = pipeline.data.object_attributes
    if (!(await pipelines.markHeard(project.id, id, clock()))) return null
    await queue.enqueue(jobKey.pipeline(project.id, id))
    return 'pipeline'
  }
}

function isSecretOf(project: Project, given: string): boolean {
  const expected = project.hook.secretHash
  return expected !== null && timingSafeEqual(digest(expected), digest(hashSecret(given)))
}

/** timingSafeEqual wants equal lengths. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
