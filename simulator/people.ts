import { randomBytes } from 'node:crypto'

import { unknownId } from './errors.js'
import type { AccessToken, User } from './state.js'
import type { World } from './world.js'

export interface NewUser {
  username: string
  name?: string
  email?: string
  admin?: boolean
  external?: boolean
  bot?: boolean
}

export interface NewToken {
  name?: string
  scopes?: string[]
  state?: AccessToken['state']
  expiresAt?: Date | null
  /** For a project access token, whose user is the project's bot. */
  projectId?: number
}

export function createUser(world: World, input: NewUser): User & { token: string } {
  const user: User = {
    id: world.state.nextId('user'),
    username: input.username,
    name: input.name ?? input.username,
    email: input.email ?? `${input.username}@example.com`,
    admin: input.admin ?? false,
    external: input.external ?? false,
    bot: input.bot ?? false,
    state: 'active',
    passwordExpired: false,
    createdAt: world.now(),
  }
  world.state.users.set(user.id, user)
  return { ...user, token: createToken(world, user.id) }
}

/** Another token of the same user, for example one that has expired or may only read. */
export function createToken(world: World, userId: number, input: NewToken = {}): string {
  return saveToken(world, userId, input).value
}

export function saveToken(world: World, userId: number, input: NewToken): AccessToken {
  const token: AccessToken = {
    id: world.state.nextId('token'),
    value: `glpat-${randomBytes(15).toString('base64url')}`,
    kind: input.projectId === undefined ? 'personal' : 'project',
    name: input.name ?? 'simulated',
    userId,
    scopes: input.scopes ?? ['api'],
    state: input.state ?? 'active',
    createdAt: world.now(),
    expiresAt: input.expiresAt ?? null,
    lastUsedAt: null,
    projectId: input.projectId ?? null,
    applicationId: null,
  }
  world.state.tokens.set(token.value, token)
  return token
}

/** Whether the token still opens anything, and if not why. */
export function tokenState(token: AccessToken, now: Date): AccessToken['state'] {
  if (token.state !== 'active') return token.state
  return token.expiresAt !== null && token.expiresAt <= now ? 'expired' : 'active'
}

/** What GitLab tells a suspended person who uses a token; `null` for everyone else. */
export function suspension(world: World, user: User): string | null {
  if (user.state === 'blocked') return 'Your account has been blocked.'
  if (user.state === 'blocked_pending_approval') {
    return 'Your account is pending approval from your administrator and hence blocked.'
  }
  if (user.state === 'deactivated') {
    return (
      'Your account has been deactivated by your administrator. ' +
      `Please log back in from a web browser to reactivate your account at ${world.url}`
    )
  }
  if (!user.passwordExpired) return null
  return 'Your password expired. Please access GitLab from a web browser to update your password.'
}

export function getUser(world: World, userId: number): User {
  const user = world.state.users.get(userId)
  if (user === undefined) throw unknownId('user', userId)
  return user
}

export function findUserByName(world: World, username: string): User | null {
  for (const user of world.state.users.values()) {
    if (user.username.toLowerCase() === username.toLowerCase()) return user
  }
  return null
}
