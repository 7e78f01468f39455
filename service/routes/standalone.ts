import type { FastifyInstance } from 'fastify'
import type { Connecting } from '../connection/connecting.js'
import type { Addresses } from '../domain/addresses.js'
import type { StandaloneMember } from '../domain/standalone.js'
import { Problem } from '../errors.js'
import { check } from '../ingest/report.js'
import type { AnyProjectAccess } from '../plugins/any-project-access.js'
import type { Person } from '../plugins/person-identity.js'
import {
  ConnectBody,
  DescriptionBody,
  MemberBody,
  MemberLevelBody,
  StandaloneBody,
} from '../schemas/standalone.js'
import type { StandaloneProject } from '../stores/project-store.js'
import { projectJson, standaloneJson } from './json.js'
import type { StandaloneProjects } from './standalone-projects.js'

export interface StandaloneRoutesOptions {
  anyAccess: AnyProjectAccess
  standalone: StandaloneProjects
  connecting: Connecting
  addresses: Addresses
}

type OfProject = { Params: { id: string } }
type OfMember = { Params: { id: string; userId: string } }

const options = { config: { access: 'person' }, bodyLimit: 64 * 1024 } as const

/** Projects without a repository, and who may see them. */
export async function standaloneRoutes(
  fastify: FastifyInstance,
  parts: StandaloneRoutesOptions,
): Promise<void> {
  const { anyAccess, standalone, connecting, addresses } = parts

  fastify.post('/api/v1/projects', options, async (request, reply) => {
    const person = await request.person()
    if (isOfGitLab(request.body)) {
      const { project, isNew } = await connecting.connectProject(connectRequest(person, request.body))
      return reply.code(isNew ? 201 : 200).send(projectJson(project, addresses))
    }
    const project = await standalone.create(person, check(StandaloneBody, request.body, ''))
    request.log.info({ projectId: project.id, gitlabUserId: person.gitlabUserId }, 'Standalone project made')
    return reply.code(201).send(standaloneJson(project, addresses))
  })

  fastify.patch<OfProject>('/api/v1/projects/:id/standalone', options, async (request) => {
    const { project } = await configurable(await request.person(), request.params.id)
    const { description } = check(DescriptionBody, request.body, '')
    await standalone.describe(project, description)
    return standaloneJson({ ...project, description }, addresses)
  })

  fastify.get<OfProject>('/api/v1/projects/:id/members', options, async (request) => {
    const { project } = await anyAccess.getReadable(await request.person(), request.params.id)
    if (project.gitlabProjectId !== null) {
      throw new Problem('NOT_STANDALONE', { message: `${project.path} is connected to a repository.` })
    }
    return { members: project.members.map(memberJson) }
  })

  fastify.post<OfProject>('/api/v1/projects/:id/members', options, async (request, reply) => {
    const visitor = await configurable(await request.person(), request.params.id)
    const { username, access_level: accessLevel } = check(MemberBody, request.body, '')
    const member = await standalone.addMember(visitor.project, username, accessLevel)
    request.log.info({ projectId: visitor.project.id, gitlabUserId: visitor.user.id, member }, 'Member added')
    return reply.code(201).send({ id: member.id, username: member.username, access_level: accessLevel })
  })

  fastify.patch<OfMember>('/api/v1/projects/:id/members/:userId', options, async (request) => {
    const { project } = await configurable(await request.person(), request.params.id)
    const { access_level: accessLevel } = check(MemberLevelBody, request.body, '')
    const userId = memberId(request.params.userId)
    await standalone.changeMember(project, userId, accessLevel)
    return { id: userId, access_level: accessLevel }
  })

  fastify.delete<OfMember>('/api/v1/projects/:id/members/:userId', options, async (request, reply) => {
    const person = await request.person()
    const userId = memberId(request.params.userId)
    const project = await standaloneOf(person, request.params.id, userId)
    await standalone.removeMember(project, userId)
    return reply.code(204).send()
  })

  function configurable(person: Person, idOrPath: string) {
    return anyAccess.getAllowedStandalone(person, idOrPath, 'configure')
  }

  /** Everyone may leave. */
  async function standaloneOf(person: Person, idOrPath: string, userId: number): Promise<StandaloneProject> {
    if (userId === person.gitlabUserId && person.scope === 'write') {
      const { project } = await anyAccess.getReadable(person, idOrPath)
      if (project.gitlabProjectId === null) return project
    }
    return (await configurable(person, idOrPath)).project
  }
}

function isOfGitLab(body: unknown): boolean {
  return typeof body === 'object' && body !== null && Object.hasOwn(body, 'gitlab_id')
}

function connectRequest(person: Person, body: unknown) {
  const { gitlab_id: gitlabProjectId, posting = false, standalone_id } = check(ConnectBody, body, '')
  return { person, gitlabProjectId, letPost: posting, standaloneId: standalone_id ?? null }
}

function memberJson({ gitlabUserId, username, accessLevel }: StandaloneMember) {
  return { id: gitlabUserId, username, access_level: accessLevel }
}

function memberId(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text)
  throw new Problem('NOT_FOUND', { message: 'There is no such member.' })
}
