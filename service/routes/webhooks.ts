import { createHash } from 'node:crypto'
import type { FastifyInstance, FastifyRequest, preParsingAsyncHookHandler } from 'fastify'
import { hashSecret } from '../domain/secrets.js'
import { Problem } from '../errors.js'
import { AnyEvent } from '../schemas/webhook.js'
import type { DeliveryStore } from '../stores/delivery-store.js'
import { hookKeyOwner, type Project } from '../stores/project-documents.js'
import type { ProjectStore } from '../stores/project-store.js'
import type { Sealer } from '../stores/sealing.js'
import {
  hasSecret,
  isSigned,
  isSignedBy,
  readClaim,
  type SignatureClaim,
  signingKeys,
} from '../webhooks/credentials.js'
import { createEventEffects, type EventEffectsOptions } from '../webhooks/effects.js'
import { createOnce } from '../webhooks/once.js'

export interface WebhookRoutesOptions extends EventEffectsOptions {
  projects: Pick<ProjectStore, 'findOfHook' | 'findBySecretHash' | 'doubt'>
  deliveries: DeliveryStore
  sealer: Pick<Sealer, 'open'>
}

/** Who sent the request, as far as its head tells. */
interface Sender {
  project: Project
  /** What the body still has to prove; null where the secret came. */
  proof: { claim: SignatureClaim; keys: Buffer[] } | null
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Of the routes for webhooks alone, set before the body is read. */
    hookSender: Sender
  }
}

const bodyLimit = 25 * 1024 * 1024
/** What GitLab gave no name is the same again within this time only: a branch may go back and forth. */
const namelessForMs = 60_000
const rememberedForMs = 60_000
const ignored = 'ignored'

/** Events of GitLab. Answers 2xx to everything authentic, because GitLab disables hooks that answer otherwise. */
export async function webhookRoutes(fastify: FastifyInstance, options: WebhookRoutesOptions): Promise<void> {
  const { projects, deliveries, sealer, clock } = options
  const bringAbout = createEventEffects(options)
  const once = createOnce({ forMs: rememberedForMs, nowMs: () => clock().getTime() })

  fastify.decorateRequest('hookSender')
  // A signature is over the bytes.
  fastify.removeAllContentTypeParsers()
  fastify.addContentTypeParser(
    '*',
    { parseAs: 'buffer', bodyLimit },
    async (_: unknown, body: Buffer) => body,
  )

  // Whoever does not show the right credentials is refused before the body is read.
  const preParsing: preParsingAsyncHookHandler = async (request, _reply, payload) => {
    request.hookSender = await identify(request).catch((error: unknown) => slow(request, error))
    return payload
  }
  const route = { config: { access: 'webhook' as const }, bodyLimit, preParsing }
  fastify.post('/webhooks/gitlab/:projectId', route, receive)
  // Of webhooks that were registered by earlier versions.
  fastify.post('/webhooks/gitlab', route, receive)

  async function receive(request: FastifyRequest): Promise<{ status: string }> {
    const { project, proof } = request.hookSender
    const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0)
    if (proof !== null && !isSignedBy(proof.claim, body, proof.keys)) return slow(request, unauthorized())
    const json = readJson(body)
    const event = AnyEvent.safeParse(json).data
    refuseForeign(project, event)
    if (event?.object_kind === undefined || event.object_kind === null) {
      request.log.warn({ projectId: project.id, bytes: body.length }, 'A webhook without object_kind')
      return { status: ignored }
    }
    const { id, repeatsForMs } = nameOf(request, project, body)
    const { result, isRepeat } = await once(id, async () => {
      const known = await deliveries.find(id)
      if (known !== null && clock().getTime() - known.at.getTime() < repeatsForMs) return 'duplicate'
      const eventUuid = headerOf(request, 'x-gitlab-event-uuid')
      const effect = await bringAbout({ project, body: json, event, eventUuid })
      // Asked for first and recorded after: a crash in between repeats the event rather than losing it.
      await deliveries.record({
        id,
        projectId: project.id,
        event: headerOf(request, 'x-gitlab-event') ?? '',
        uuid: eventUuid ?? '',
        effect,
        at: clock(),
      })
      return effect ?? ignored
    })
    return { status: isRepeat ? 'duplicate' : result }
  }

  /** A request with a signature has to pass by it: its token, which everybody on the way could read, does not count. */
  async function identify(request: FastifyRequest): Promise<Sender> {
    const { headers } = request
    const project = await findProject(request)
    if (project === null) throw unauthorized()
    const now = clock()
    if (!isSigned(headers)) {
      if (!hasSecret(project.hook, headers, now)) throw unauthorized()
      return { project, proof: null }
    }
    const claim = readClaim(headers, now)
    const keys = signingKeys(project.hook, now, (sealed) => sealer.open(sealed, hookKeyOwner(project.id)))
    if (claim === null || keys.length === 0) throw unauthorized()
    return { project, proof: { claim, keys } }
  }

  async function findProject(request: FastifyRequest): Promise<Project | null> {
    const { projectId } = request.params as { projectId?: string }
    if (projectId !== undefined) return projects.findOfHook(projectId)
    const token = headerOf(request, 'x-gitlab-token')
    return token === null ? null : projects.findBySecretHash(hashSecret(token))
  }
}

/** The name that GitLab gives a delivery however often it sends it; before 17.4 it gives none. */
function nameOf(request: FastifyRequest, project: Project, body: Buffer) {
  const name = headerOf(request, 'webhook-id') ?? headerOf(request, 'idempotency-key')
  const hash = createHash('sha256').update(name === null ? 'body' : 'name')
  hash.update(`\n${headerOf(request, 'x-gitlab-event') ?? ''}\n`).update(name ?? body)
  return {
    id: `${project.id}:${hash.digest('base64url')}`,
    repeatsForMs: name === null ? namelessForMs : Number.POSITIVE_INFINITY,
  }
}

function headerOf({ headers }: FastifyRequest, name: string): string | null {
  const value = headers[name]
  return typeof value === 'string' && value !== '' ? value : null
}

/** Undefined where it is no JSON: a project may make anything of the body by a template. */
function readJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    return undefined // Said in the log as an event without object_kind.
  }
}

function refuseForeign({ gitlabProjectId }: Project, event: AnyEvent | undefined): void {
  const told = [event?.project?.id, event?.project_id]
  if (told.every((id) => id === null || id === undefined || id === gitlabProjectId)) return
  throw unauthorized()
}

async function slow(request: FastifyRequest, error: unknown): Promise<never> {
  if (!(error instanceof Problem)) throw error
  await request.countRefusal()
  throw request.slowed(error)
}

function unauthorized(): Problem {
  return new Problem('WEBHOOK_UNAUTHORIZED', {
    message: "The secret or signature is not that of this project's webhook.",
  })
}
