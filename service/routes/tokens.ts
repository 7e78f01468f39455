import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { Addresses } from '../domain/addresses.js'
import { Problem } from '../errors.js'
import type { AnyProjectAccess } from '../plugins/any-project-access.js'
import type { PersonAccess } from '../plugins/person-access.js'
import { type Person, personOf } from '../plugins/person-identity.js'
import { emptyTokenForm, newTokenView, type TokenForm, tokensView } from '../render/pages/tokens.js'
import type { ApiTokenStore } from '../stores/api-token-store.js'

export interface TokenRoutesOptions {
  apiTokens: ApiTokenStore
  personAccess: Pick<PersonAccess, 'getUser'>
  anyAccess: Pick<AnyProjectAccess, 'getReadable'>
  addresses: Addresses
  clock: () => Date
}

const options = { config: { access: 'session' }, bodyLimit: 64 * 1024 } as const
const dayMs = 24 * 3_600_000
const mostTokens = 50
const mostProjects = 20

const text = (longest: number) => z.string().max(longest).default('')

/** The form as browsers send it: all texts, each field once. */
const Form = z.object({
  description: text(400),
  scope: text(10),
  projects: text(10_000),
  days: text(10),
})

/** What is wrong with the form, for the person who filled it in. */
class FormProblem extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'FormProblem'
  }
}

/** The page of one's personal tokens. A new one is in the answer to the form and nowhere else. */
export async function tokenRoutes(fastify: FastifyInstance, parts: TokenRoutesOptions): Promise<void> {
  const { apiTokens, personAccess, anyAccess, addresses, clock } = parts

  fastify.get('/-/profile/tokens', options, async (request, reply) => {
    const session = await request.getSession()
    await personAccess.getUser(personOf(session))
    return reply.renderPage('tokens', await listView(session.gitlabUserId, emptyTokenForm, null))
  })

  fastify.post('/-/profile/tokens', options, async (request, reply) => {
    const session = await request.getSession()
    const person = personOf(session)
    await personAccess.getUser(person)
    const form = readForm(request.body)
    try {
      const made = await make(person, session.username, form)
      request.log.info({ gitlabUserId: person.gitlabUserId, tokenId: made.row.id }, 'Token made')
      return await reply.renderPage('new-token', newTokenView(made.token, made.row, addresses))
    } catch (error) {
      if (!(error instanceof FormProblem)) throw error
      reply.code(400)
      return reply.renderPage('tokens', await listView(person.gitlabUserId, form, error.message))
    }
  })

  fastify.post<{ Params: { id: string } }>(
    '/-/profile/tokens/:id/revoke',
    options,
    async (request, reply) => {
      const { gitlabUserId } = await request.getSession()
      const { id } = request.params
      if (!(await apiTokens.revoke(id, gitlabUserId, clock()))) {
        throw new Problem('NOT_FOUND', { message: 'You have no such token, or it was revoked before.' })
      }
      request.log.info({ gitlabUserId, tokenId: id }, 'Token revoked')
      return reply.redirect(addresses.tokens(), 303)
    },
  )

  async function listView(gitlabUserId: number, form: TokenForm, problem: string | null) {
    const tokens = await apiTokens.list(gitlabUserId)
    return tokensView({ tokens, now: clock(), form, problem, addresses })
  }

  async function make(person: Person, name: string, form: TokenForm) {
    const { description, scope, days } = checked(form)
    const { gitlabUserId } = person
    const now = clock()
    const held = (await apiTokens.list(gitlabUserId)).filter(({ expiresAt }) => expiresAt > now)
    if (held.length >= mostTokens) {
      throw new FormProblem(`You have ${held.length} tokens, which is the limit: revoke one first.`)
    }
    const limit = await findProjects(person, form.projects)
    const expiresAt = new Date(now.getTime() + days * dayMs)
    return apiTokens.create({ gitlabUserId, name, scope, expiresAt, description, ...limit }, now)
  }

  async function findProjects(person: Person, written: string) {
    const paths = [...new Set(written.split(/[\s,]+/).filter((path) => path !== ''))]
    if (paths.length === 0) return { projectIds: null, projectPaths: null }
    if (paths.length > mostProjects) {
      throw new FormProblem(
        `A token is limited to ${mostProjects} projects at most; these are ${paths.length}.`,
      )
    }
    const projects = await Promise.all(paths.map((path) => findProject(person, path)))
    return {
      projectIds: [...new Set(projects.map(({ id }) => id))],
      projectPaths: projects.map(({ path }) => path),
    }
  }

  async function findProject(person: Person, path: string) {
    try {
      return (await anyAccess.getReadable(person, path)).project
    } catch (error) {
      if (!(error instanceof Problem) || error.code !== 'NOT_FOUND') throw error
      throw new FormProblem(`There is no project ${path} here, or you may not see it.`)
    }
  }
}

function readForm(body: unknown): TokenForm {
  const form = Form.safeParse(body)
  if (form.success) return form.data
  throw new Problem('INVALID_BODY', { message: 'This is not the form of this page.' })
}

function checked({ description, scope, days }: TokenForm) {
  const words = description.trim()
  if (words === '' || words.length > 100) {
    throw new FormProblem('What the token is for takes 1 to 100 characters.')
  }
  if (scope !== 'read' && scope !== 'write') throw new FormProblem('A token may read, or read and write.')
  const count = /^\d{1,3}$/.test(days.trim()) ? Number(days) : 0
  if (count < 1 || count > 365) throw new FormProblem('A token expires after 1 to 365 days.')
  return { description: words.toWellFormed(), scope, days: count } as const
}
