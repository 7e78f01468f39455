import { randomBytes } from 'node:crypto'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

import { ApiError } from '../errors.js'
import { signIn, signInRefusal } from '../oauth/authorization.js'
import { instancePage, type Page } from '../pages/layout.js'
import { homePage, signInPage } from '../pages/oauth.js'
import type { User } from '../state.js'
import type { World } from '../world.js'

const cookieName = '_gitlab_session'

/** Signing in and out in a browser. Nobody needs a password here: one chooses who one is. */
export function addSessionRoutes(app: FastifyInstance, world: World): void {
  app.get('/users/sign_in', (request, reply) => {
    const user = signedInUser(world, request)
    return sendPage(world, reply, user === null ? signInPage(world, '', null) : homePage(world, user))
  })

  app.post('/users/sign_in', (request, reply) => {
    requireOwnOrigin(request)
    const fields = formOf(request)
    const returnTo = fields.get('return_to') ?? ''
    const user = world.state.users.get(Number(fields.get('user_id')))
    const refusal = user === undefined || user.bot ? 'Nobody signs in like this.' : signInRefusal(world, user)
    if (user === undefined || refusal !== null) {
      return sendPage(world, reply, signInPage(world, returnTo, refusal))
    }
    signIn(user)
    const session = randomBytes(32).toString('hex')
    world.state.sessions.set(session, user.id)
    setCookie(world, reply, session)
    return reply.redirect(isOwnPath(returnTo) ? `${world.url}${returnTo}` : `${world.url}/users/sign_in`, 302)
  })

  for (const method of ['GET', 'POST', 'DELETE'] as const) {
    app.route({
      method,
      url: '/users/sign_out',
      handler(request, reply) {
        requireOwnOrigin(request)
        world.state.sessions.delete(sessionOf(request) ?? '')
        setCookie(world, reply, '')
        return reply.redirect(`${world.url}/users/sign_in`, 302)
      },
    })
  }
}

/** Only the pages that ask for a sign-in are returned to: no address of somebody else. */
function isOwnPath(path: string): boolean {
  return path.startsWith('/oauth/authorize?')
}

/** Who is signed in in this browser; who was blocked since is not. */
export function signedInUser(world: World, request: FastifyRequest): User | null {
  const userId = world.state.sessions.get(sessionOf(request) ?? '')
  const user = userId === undefined ? undefined : world.state.users.get(userId)
  return user === undefined || signInRefusal(world, user) !== null ? null : user
}

function sessionOf(request: FastifyRequest): string | null {
  const cookies = (request.headers.cookie ?? '').split(/;\s*/)
  const own = cookies.find((cookie) => cookie.startsWith(`${cookieName}=`))
  return own === undefined ? null : own.slice(cookieName.length + 1)
}

function setCookie(world: World, reply: FastifyReply, value: string): void {
  const path = world.settings.relativePath === '' ? '/' : world.settings.relativePath
  const age = value === '' ? '; Max-Age=0' : ''
  reply.header('set-cookie', `${cookieName}=${value}; Path=${path}; HttpOnly; SameSite=Lax${age}`)
}

/** Other ports of this machine are the same site to a browser, so the cookie alone is not enough. */
export function requireOwnOrigin(request: FastifyRequest): void {
  const { origin, host } = request.headers
  if (origin === undefined || (URL.canParse(origin) && new URL(origin).host === host)) return
  throw new ApiError(422, 'The change you requested was rejected.\n')
}

export function formOf(request: FastifyRequest): URLSearchParams {
  const form = new URLSearchParams()
  for (const [name, value] of Object.entries((request.body ?? {}) as Record<string, unknown>)) {
    form.set(name, String(value))
  }
  return form
}

export function sendPage(world: World, reply: FastifyReply, page: Page): FastifyReply {
  return reply
    .headers({ 'cache-control': 'no-store', 'x-frame-options': 'DENY' })
    .type('text/html; charset=utf-8')
    .send(instancePage(world, page))
}
