import formbody from '@fastify/formbody'
import type { FastifyInstance, FastifyReply } from 'fastify'
import type { z } from 'zod'
import type { Addresses } from '../domain/addresses.js'
import { type ErrorCode, errorCatalogue, Problem } from '../errors.js'
import { check } from '../ingest/report.js'
import type { AnyProjectAccess, StandaloneVisitor } from '../plugins/any-project-access.js'
import { type Person, personOf } from '../plugins/person-identity.js'
import {
  newProjectView,
  type SettingsForm,
  type StandaloneSettingsInput,
  standaloneSettingsView,
} from '../render/pages/standalone-settings.js'
import { MemberLevelBody } from '../schemas/standalone.js'
import { DescriptionForm, MemberForm, NewStandaloneForm } from '../schemas/standalone-forms.js'
import { formBodyBytes } from './account.js'
import { createPageErrorHandler } from './pages/errors.js'
import type { StandaloneProjects } from './standalone-projects.js'

export interface StandaloneSettingsOptions {
  anyAccess: AnyProjectAccess
  standalone: StandaloneProjects
  /** Without the host. */
  addresses: Addresses
  publicUrl: string
}

type OfProject = { Params: { id: string } }
type OfMember = { Params: { id: string; userId: string } }
type Written = StandaloneSettingsInput['written']

const options = { config: { access: 'session' }, bodyLimit: formBodyBytes } as const
const mostDescription = 2000

/** Told beside the field; all else is told by a page of its own. */
const toldAtForm: ReadonlySet<ErrorCode> = new Set([
  'NO_SUCH_USER',
  'LAST_MAINTAINER',
  'INVALID_BODY',
  'INVALID_PROJECT_NAME',
  'PROJECT_EXISTS',
  'LIMIT_EXCEEDED',
])

/** Making a standalone project on a page, and what its Maintainers change. */
export async function standaloneSettingsRoutes(
  fastify: FastifyInstance,
  parts: StandaloneSettingsOptions,
): Promise<void> {
  const { standalone, addresses } = parts
  fastify.setErrorHandler(createPageErrorHandler(parts))
  await fastify.register(formbody, { bodyLimit: formBodyBytes })

  fastify.get('/-/new', options, async (request, reply) => {
    const { username } = await request.getSession()
    const form = { name: '', description: '' }
    return reply.renderPage('new-project', newProjectView({ username, form, problem: null, addresses }))
  })

  fastify.post('/-/new', options, async (request, reply) => {
    const session = await request.getSession()
    const form = read(NewStandaloneForm, request.body)
    try {
      requireShort(form.description)
      const project = await standalone.create(personOf(session), form)
      request.log.info(
        { projectId: project.id, gitlabUserId: session.gitlabUserId },
        'Standalone project made',
      )
      return await reply.redirect(addresses.project(project.path), 303)
    } catch (error) {
      const told = getTold(error)
      const problem = {
        at: told.field === 'description' ? told.field : 'name',
        message: wordsOf(told),
      } as const
      reply.code(errorCatalogue[told.code].status)
      const { username } = session
      return reply.renderPage('new-project', newProjectView({ username, form, problem, addresses }))
    }
  })

  fastify.post<OfProject>('/-/projects/:id/description', options, async (request, reply) => {
    const visitor = await configurable(personOf(await request.getSession()), request.params.id)
    const { description } = read(DescriptionForm, request.body)
    return answer(reply, visitor, { at: 'description', written: { description } }, async () => {
      requireShort(description)
      await standalone.describe(visitor.project, description)
    })
  })

  fastify.post<OfProject>('/-/projects/:id/members', options, async (request, reply) => {
    const visitor = await configurable(personOf(await request.getSession()), request.params.id)
    const { username, access_level } = read(MemberForm, request.body)
    const written = { username, accessLevel: Number(access_level) }
    return answer(reply, visitor, { at: 'member', written }, async () => {
      const name = username.trim()
      if (name === '') throw new Problem('NO_SUCH_USER', { message: 'There is no username.' })
      const member = await standalone.addMember(visitor.project, name, levelOf(access_level))
      request.log.info(
        { projectId: visitor.project.id, gitlabUserId: visitor.user.id, member },
        'Member added',
      )
    })
  })

  fastify.post<OfMember>('/-/projects/:id/members/:userId', options, async (request, reply) => {
    const visitor = await configurable(personOf(await request.getSession()), request.params.id)
    const { access_level } = read(MemberForm, request.body)
    return answer(reply, visitor, { at: 'members', written: {} }, () =>
      standalone.changeMember(visitor.project, memberId(request.params.userId), levelOf(access_level)),
    )
  })

  fastify.post<OfMember>('/-/projects/:id/members/:userId/remove', options, async (request, reply) => {
    const visitor = await configurable(personOf(await request.getSession()), request.params.id)
    const userId = memberId(request.params.userId)
    const leaves = userId === visitor.user.id
    const to = leaves ? addresses.projects() : undefined
    return answer(reply, visitor, { at: 'members', written: {}, to }, () =>
      standalone.removeMember(visitor.project, userId),
    )
  })

  function configurable(person: Person, id: string): Promise<StandaloneVisitor> {
    return parts.anyAccess.getAllowedStandalone(person, id, 'configure')
  }

  /** The settings again: a redirect to them, or what was wrong at its field. */
  async function answer(
    reply: FastifyReply,
    { project, user }: StandaloneVisitor,
    { at, written, to }: { at: SettingsForm; written: Written; to?: string | undefined },
    act: () => Promise<unknown>,
  ): Promise<unknown> {
    try {
      await act()
      return await reply.redirect(to ?? addresses.settings(project.path), 303)
    } catch (error) {
      const told = getTold(error)
      const problem = { at, message: wordsOf(told) }
      const view = standaloneSettingsView({ project, gitlabUserId: user.id, problem, written, addresses })
      return reply.code(errorCatalogue[told.code].status).renderPage('standalone-settings', view)
    }
  }
}

function getTold(error: unknown): Problem {
  if (error instanceof Problem && toldAtForm.has(error.code)) return error
  throw error
}

function wordsOf({ message, code }: Problem): string {
  return `${message} ${errorCatalogue[code].help}`
}

function read<T extends z.ZodType>(form: T, body: unknown): z.infer<T> {
  const parsed = form.safeParse(body ?? {})
  if (parsed.success) return parsed.data
  throw new Problem('INVALID_REQUEST', { message: 'This is not the form of this page.' })
}

function levelOf(written: string) {
  return check(MemberLevelBody, { access_level: Number(written) }, '').access_level
}

function memberId(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text)
  throw new Problem('NOT_FOUND', { message: 'There is no such member.' })
}

/** Counts characters as the API does, an emoji as one. */
function requireShort(description: string): void {
  const { length } = [...description]
  if (length <= mostDescription) return
  throw new Problem('LIMIT_EXCEEDED', {
    message: `The description has ${length} characters of ${mostDescription}.`,
    field: 'description',
  })
}
