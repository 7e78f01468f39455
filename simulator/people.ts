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
  scopes?: string[]
  state?: AccessToken['state']
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
    createdAt: world.now(),
  }
  world.state.users.set(user.id, user)
  return { ...user, token: createToken(world, user.id) }
}

/** Another token of the same user, for example one that has expired or may only read. */
export function createToken(world: World, userId: number, input: NewToken = {}): string {
  const value = `glpat-${randomBytes(15).toString('base64url')}`
  const token = { value, userId, scopes: input.scopes ?? ['api'], state: input.state ?? 'active' } as const
  world.state.tokens.set(value, token)
  return value
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
