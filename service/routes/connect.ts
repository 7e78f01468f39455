import formbody from '@fastify/formbody'
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { Connecting, ConnectLook } from '../connection/connecting.js'
import type { Addresses } from '../domain/addresses.js'
import { createGitLabAddresses } from '../domain/gitlab-addresses.js'
import { Problem } from '../errors.js'
import { type ConnectedInput, connectProjectView, connectView } from '../render/pages/connect.js'
import { formBodyBytes } from './account.js'
import { createPageErrorHandler } from './pages/errors.js'

export interface ConnectRoutesOptions {
  connecting: Connecting
  /** Without the host. */
  addresses: Addresses
  publicUrl: string
}

type OfProject = { Params: { gitlabId: string } }

const options = { config: { access: 'session' }, bodyLimit: formBodyBytes } as const
const mostPages = 1_000

/** Of a list; what cannot be read is left out. */
const ListQuery = z.object({
  search: z.string().max(100).catch(''),
  page: z.coerce.number().int().min(1).max(mostPages).catch(1),
})

const ConnectForm = z.object({
  posting: z.literal('yes').optional().catch(undefined),
  standalone: z.string().max(100).catch(''),
})

/** Pages on which a maintainer picks a project of GitLab and connects it. */
export async function connectRoutes(fastify: FastifyInstance, parts: ConnectRoutesOptions): Promise<void> {
  const { connecting, addresses } = parts
  fastify.setErrorHandler(createPageErrorHandler(parts))
  await fastify.register(formbody, { bodyLimit: formBodyBytes })

  fastify.get('/-/connect', options, async (request, reply) => {
    await request.getSession()
    const { search, page } = ListQuery.parse(request.query)
    const listed = await connecting.listConnectable(await request.person(), { search, page })
    return reply.renderPage('connect', connectView({ ...listed, search, page, addresses }))
  })

  fastify.get<OfProject>('/-/connect/:gitlabId', options, async (request, reply) => {
    await request.getSession()
    const gitlabProjectId = numberOf(request.params.gitlabId)
    const look = await connecting.look(await request.person(), gitlabProjectId)
    return reply.renderPage('connect-project', connectProjectView({ ...inputOf(look), ...parts }))
  })

  fastify.post<OfProject>('/-/connect/:gitlabId', options, async (request, reply) => {
    await request.getSession()
    const gitlabProjectId = numberOf(request.params.gitlabId)
    const { posting, standalone } = ConnectForm.parse(request.body ?? {})
    await connecting.connectProject({
      person: await request.person(),
      gitlabProjectId,
      letPost: posting === 'yes',
      standaloneId: standalone === '' ? null : standalone,
    })
    return reply.redirect(addresses.connectProject(gitlabProjectId), 303)
  })
}

function numberOf(text: string): number {
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text)
  throw new Problem('NOT_FOUND', { message: 'GitLab numbers its projects; this is no such number.' })
}

function inputOf({ gitlabProject, connected, ...look }: ConnectLook) {
  const { id, path, webUrl, defaultBranch, archived } = gitlabProject
  const editor = createGitLabAddresses(webUrl)?.ciEditor(defaultBranch ?? 'main')
  return {
    ...look,
    gitlabProjectId: id,
    path,
    isArchived: archived,
    connected: connected && connectedInput(connected),
    ciEditorHref: editor ?? null,
  }
}

function connectedInput({
  project: { hook },
  rungs,
  lastDeliveryAt,
}: NonNullable<ConnectLook['connected']>): ConnectedInput {
  return {
    rungs: rungs.map(({ kind, user, reason }) => ({ kind, username: user?.username ?? null, reason })),
    hook: { state: hook.state, refusal: hook.refusal ?? null },
    alertStatus: hook.health?.alertStatus ?? null,
    lastDeliveryAt,
  }
}
