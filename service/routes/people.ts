import type { FastifyInstance } from 'fastify'
import type { Addresses } from '../domain/addresses.js'
import { check } from '../ingest/report.js'
import type { PersonAccess } from '../plugins/person-access.js'
import { ProjectSettingsBody } from '../schemas/decision.js'
import type { ProjectStore } from '../stores/project-store.js'
import { projectJson } from './json.js'

export interface PeopleRoutesOptions {
  personAccess: PersonAccess
  projects: Pick<ProjectStore, 'setForkReports'>
  addresses: Addresses
}

const options = { config: { access: 'person' }, bodyLimit: 64 * 1024 } as const

/** `GET /api/v1/user`: who a token is for. `PATCH /api/v1/projects/:id`: what a maintainer may set. */
export async function peopleRoutes(fastify: FastifyInstance, parts: PeopleRoutesOptions): Promise<void> {
  const { personAccess, projects, addresses } = parts

  fastify.get('/api/v1/user', options, async (request) => {
    const person = await request.person()
    const { id, username, name } = await personAccess.getUser(person)
    const { scope, credential } = person
    return {
      id,
      username,
      name,
      token: { id: credential.id, scope, created_at: credential.createdAt, expires_at: credential.expiresAt },
    }
  })

  fastify.patch<{ Params: { id: string } }>('/api/v1/projects/:id', options, async (request) => {
    const visitor = await personAccess.getAllowed(await request.person(), request.params.id, 'configure')
    const { fork_reports: forkReports } = check(ProjectSettingsBody, request.body, '')
    await projects.setForkReports(visitor.project.id, forkReports)
    const facts = { projectId: visitor.project.id, gitlabUserId: visitor.user.id, forkReports }
    request.log.info(facts, 'Project settings changed')
    return projectJson({ ...visitor.project, forkReports }, addresses)
  })
}
