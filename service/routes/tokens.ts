import { randomBytes } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { Addresses } from '../domain/addresses.js'
import { Problem } from '../errors.js'
import type { AnyProjectAccess } from '../plugins/any-project-access.js'
import type { PersonAccess } from '../plugins/person-access.js'
import { type Person, personOf } from '../plugins/person-identity.js'
import { emptyTokenForm, newTokenView, type TokenForm, tokensView } from '../render/pages/tokens.js'
import type { ApiToken, ApiTokenStore } from '../stores/api-token-store.js'

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
  /** Names the form, so that it makes one token however often it is sent. */
  key: text(100),
})

type SentForm = z.infer<typeof Form>

/** What is wrong with the form, for the person who filled it in. */
class FormProblem extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'FormProblem'
  }
}

/** The form was sent before, as by reloading the page that it led to. */
class SentBefore extends FormProblem {
  constructor({ description, createdAt }: ApiToken) {
    super(
      `This form has made the token "${description}" at ${createdAt.toISOString()}, which is not shown again. ` +
        'If it was not copied, revoke it and make another.',
    )
    this.name = 'SentBefore'
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
      const isSentBefore = error instanceof SentBefore
      reply.code(isSentBefore ? 409 : 400)
      const shown = isSentBefore ? emptyTokenForm : form
      return reply.renderPage('tokens', await listView(person.gitlabUserId, shown, error.message))
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
    const now = clock()
    const { tokens } = await apiTokens.list(gitlabUserId, now)
    const formKey = randomBytes(16).toString('base64url')
    return tokensView({ tokens, now, form, formKey, problem, addresses })
  }

  async function make(person: Person, name: string, form: SentForm) {
    const { gitlabUserId } = person
    await refuseAgain(gitlabUserId, form.key)
    const { description, scope, days } = checked(form)
    const now = clock()
    const { validCount } = await apiTokens.list(gitlabUserId, now)
    if (validCount >= mostTokens) {
      throw new FormProblem(`You have ${validCount} tokens; the limit is ${mostTokens}: revoke one first.`)
    }
    const limit = await findProjects(person, form.projects)
    const expiresAt = new Date(now.getTime() + days * dayMs)
    const token = { gitlabUserId, name, scope, expiresAt, description, ...limit }
    const made = await apiTokens.createOnce(token, form.key, now)
    if (made !== null) return made
    await refuseAgain(gitlabUserId, form.key)
    throw new FormProblem('This form was sent before.')
  }

  async function refuseAgain(gitlabUserId: number, key: string): Promise<void> {
    const made = await apiTokens.findByForm(gitlabUserId, key)
    if (made !== null) throw new SentBefore(made)
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

function readForm(body: unknown): SentForm {
  const form = Form.safeParse(body)
  if (form.success) return form.data
  throw new Problem('INVALID_BODY', { message: 'This is not the form of this page.' })
}

function checked({ description, scope, days, key }: SentForm) {
  if (!/^[\w-]{22}$/.test(key)) {
    throw new FormProblem('This form is not as this page makes it: look it over and send it again.')
  }
  const words = description.trim()
  if (words === '' || words.length > 100) {
    throw new FormProblem('What the token is for takes 1 to 100 characters.')
  }
  if (scope !== 'read' && scope !== 'write') throw new FormProblem('A token may read, or read and write.')
  const count = /^\d{1,3}$/.test(days.trim()) ? Number(days) : 0
  if (count < 1 || count > 365) throw new FormProblem('A token expires after 1 to 365 days.')
  return { description: words.toWellFormed(), scope, days: count } as const
}
