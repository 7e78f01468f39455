import formbody from '@fastify/formbody'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { Addresses } from '../domain/addresses.js'
import type { Disconnect, Leftover } from '../connection/disconnecting.js'
import { Problem } from '../errors.js'
import type { RotateHookSecrets } from '../connection/hook-secrets.js'
import { jobKey } from '../jobs/keys.js'
import type { Queue } from '../jobs/queue.js'
import type { PersonAccess, Visitor } from '../plugins/person-access.js'
import { personOf } from '../plugins/person-identity.js'
import { askGitLab } from '../plugins/project-access.js'
import type { PersonAction } from '../plugins/person-actions.js'
import type { Speakers } from '../connection/speakers.js'
import type { AuditAction, AuditStore } from '../stores/audit-store.js'
import type { ConnectionStore } from '../stores/connection-store.js'
import type { Project, ProjectStore } from '../stores/project-store.js'
import { createPageErrorHandler } from './pages/errors.js'

export interface ProjectSettingsRoutesOptions {
  personAccess: Pick<PersonAccess, 'getAllowed'>
  projects: Pick<ProjectStore, 'setForkReports'>
  connections: Pick<ConnectionStore, 'setConsent' | 'setOwnBot'>
  audit: Pick<AuditStore, 'record'>
  speakers: Pick<Speakers, 'findKeeper' | 'forget'>
  rotateSecrets: RotateHookSecrets
  disconnect: Disconnect
  queue: Pick<Queue, 'enqueue'>
  /** Without the host. */
  addresses: Addresses
  publicUrl: string
  clock: () => Date
}

const formBytes = 64 * 1024
const options = { config: { access: 'session' }, bodyLimit: formBytes } as const

const Form = z.object({
  path: z.string().max(1_000).default(''),
  drop: z.enum(['consent', 'own-bot', '']).default(''),
  fork_reports: z.enum(['allowed', 'refused']).default('refused'),
})
type Form = z.infer<typeof Form>

interface Sent {
  visitor: Visitor
  form: Form
  request: FastifyRequest
}

type Route = { Params: { id: string } }

/** The forms of a project's settings. Each leads back to the page, which says in one line what came of it. */
export async function projectSettingsRoutes(
  fastify: FastifyInstance,
  parts: ProjectSettingsRoutesOptions,
): Promise<void> {
  const { personAccess, addresses } = parts
  const act = createActs(parts)
  fastify.setErrorHandler(createPageErrorHandler(parts))
  await fastify.register(formbody, { bodyLimit: formBytes })

  add('test-delivery', 'configure', act.testDelivery)
  add('rotate-secrets', 'configure', act.rotateSecrets)
  add('poster', 'configure', act.dropPoster)
  add('fork-reports', 'configure', act.setForkReports)
  add('disconnect', 'configure', (sent) => confirmed(sent, act.disconnect))

  function add(name: string, action: PersonAction, make: (sent: Sent) => Promise<string>): void {
    fastify.post<Route>(`/-/projects/:id/${name}`, options, async (request, reply) => {
      const person = personOf(await request.getSession())
      const visitor = await personAccess.getAllowed(person, request.params.id, action)
      const result = await make({ visitor, form: readForm(request.body), request })
      const { path } = visitor.project
      return reply.redirect(addresses.settings(path, result), 303)
    })
  }
}

/** Each answers with the word of what came of it. */
function createActs(parts: ProjectSettingsRoutesOptions) {
  const { projects, connections, audit, speakers, queue, clock } = parts

  async function testDelivery({ visitor: { project } }: Sent): Promise<string> {
    requireConnected(project)
    const { hookId, state } = project.hook
    if (hookId === null || state !== 'registered') {
      await queue.enqueue(jobKey.hook(project.id))
      return 'registering'
    }
    const isDelivered = await askGitLab(async () => {
      const keeper = await speakers.findKeeper(project.gitlabProjectId)
      return keeper && keeper.testHook(project.gitlabProjectId, hookId)
    })
    await queue.enqueue(jobKey.hookHealth(project.id))
    if (isDelivered === null) return 'not-allowed'
    return isDelivered ? 'delivered' : 'not-delivered'
  }

  async function rotateSecrets(sent: Sent): Promise<string> {
    const { project } = sent.visitor
    requireConnected(project)
    const rotation = await askGitLab(() => parts.rotateSecrets(project))
    if (rotation === 'rotated') await record(sent, 'secrets_rotated')
    return rotationWords[rotation]
  }

  async function dropPoster(sent: Sent): Promise<string> {
    const { project } = sent.visitor
    const isBot = sent.form.drop === 'own-bot'
    const result = isBot ? await dropOwnBot(project) : await dropConsent(project)
    speakers.forget(project.gitlabProjectId)
    await record(sent, isBot ? 'own_bot_dropped' : 'consent_dropped')
    return result
  }

  async function dropConsent({ id }: Project): Promise<string> {
    await connections.setConsent(id, null)
    return 'consent-dropped'
  }

  async function dropOwnBot({ id, gitlabProjectId, ownBot }: Project): Promise<string> {
    if (!ownBot) return 'own-bot-dropped'
    const keeper = await askGitLab(() => speakers.findKeeper(gitlabProjectId))
    await connections.setOwnBot(id, null, ownBot.tokenId)
    if (keeper === null) return 'own-bot-left'
    await askGitLab(() => keeper.revokeProjectToken(gitlabProjectId, ownBot.tokenId))
    return 'own-bot-dropped'
  }

  async function setForkReports(sent: Sent): Promise<string> {
    const wanted = sent.form.fork_reports
    await projects.setForkReports(sent.visitor.project.id, wanted)
    await record(sent, wanted === 'allowed' ? 'fork_reports_allowed' : 'fork_reports_refused')
    return 'saved'
  }

  async function disconnect(sent: Sent): Promise<string> {
    const { project, user } = sent.visitor
    const { isNew, leftovers } = await parts.disconnect(project, user.id)
    if (isNew) await record(sent, 'project_disconnected')
    return leftWords(leftovers)
  }

  async function record({ visitor, request }: Sent, action: AuditAction): Promise<void> {
    const { project, user } = visitor
    const by = { gitlabUserId: user.id, username: user.username }
    const subject = { projectId: project.id, subject: project.path }
    await audit.record({ action, at: clock(), ...subject, by, from: request.ip })
    const facts = { projectId: project.id, gitlabUserId: user.id, action }
    request.log.info(facts, 'Project settings changed')
  }

  return { testDelivery, rotateSecrets, dropPoster, setForkReports, disconnect }
}

/** What cannot be undone by a click takes the path of the project. */
async function confirmed(sent: Sent, make: (sent: Sent) => Promise<string>): Promise<string> {
  return sent.form.path.trim() === sent.visitor.project.path ? make(sent) : 'wrong-path'
}

const rotationWords = {
  rotated: 'rotated-secrets',
  no_webhook: 'no-webhook',
  refused: 'not-allowed',
  unknown: 'unknown',
} as const

function leftWords(leftovers: Leftover[]): string {
  if (leftovers.length === 2) return 'left-both'
  return leftovers[0] === undefined ? 'disconnected' : `left-${leftovers[0]}`
}

function requireConnected({ disconnectedAt, path }: Project): void {
  if (!disconnectedAt) return
  throw new Problem('PROJECT_NOT_CONNECTED', { message: `${path} is disconnected.` })
}

function readForm(body: unknown): Form {
  const form = Form.safeParse(body ?? {})
  if (form.success) return form.data
  throw new Problem('INVALID_BODY', { message: 'This is not the form of this page.' })
}
