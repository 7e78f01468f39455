import { randomBytes } from 'node:crypto'

import { unknownId } from './errors.js'
import type { Simulator } from './simulator.js'
import type { NewMember } from './projects.js'
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
  const user = addUser(world, input)
  return { ...user, token: createToken(world, user.id) }
}

/** A person without any token. */
export function addUser(world: World, input: NewUser): User {
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
  return user
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

/** What a deleted person has written stays, as the work of the ghost user. */
export function removeUser(world: World, userId: number): void {
  const { state } = world
  const ghost = findUserByName(world, 'ghost') ?? createGhost(world)
  for (const note of state.notes.values()) if (note.authorId === userId) note.authorId = ghost.id
  for (const pipeline of state.pipelines.values()) if (pipeline.userId === userId) pipeline.userId = ghost.id
  for (const job of state.jobs.values()) if (job.userId === userId) job.userId = ghost.id
  for (const mr of state.mergeRequests.values()) {
    if (mr.authorId === userId) mr.authorId = ghost.id
    if (mr.mergedById === userId) mr.mergedById = ghost.id
    if (mr.closedById === userId) mr.closedById = ghost.id
  }
  for (const holder of [...state.projects.values(), ...state.namespaces.values()]) {
    holder.members = holder.members.filter((member) => member.userId !== userId)
  }
  for (const [value, token] of state.tokens) if (token.userId === userId) state.tokens.delete(value)
  for (const [value, token] of state.refreshTokens) {
    if (token.userId === userId) state.refreshTokens.delete(value)
  }
  state.users.delete(userId)
}

function createGhost(world: World): User {
  return addUser(world, { username: 'ghost', name: 'Ghost User', bot: true })
}

export function findUserByName(world: World, username: string): User | null {
  for (const user of world.state.users.values()) {
    if (user.username.toLowerCase() === username.toLowerCase()) return user
  }
  return null
}

export type CastMember = User & { token: string }

export interface Cast {
  maya: CastMember
  devon: CastMember
  rita: CastMember
  gus: CastMember
  /** Belongs to no project. */
  otto: CastMember
  /** Administers the instance and belongs to no project. */
  ada: CastMember
  /** External: sees only what it is a member of, and is a member of nothing. */
  ex: CastMember
  /** Blocked, though a developer. */
  bo: CastMember
  /** For `createProject({members})`: maintainer, developer, reporter, guest and the blocked one. */
  members: NewMember[]
}

/** One person for each part that people play in a project. */
export function createCast(simulator: Pick<Simulator, 'createUser' | 'setUserState'>): Cast {
  const maya = simulator.createUser({ username: 'maya', name: 'Maya Maintainer' })
  const devon = simulator.createUser({ username: 'devon', name: 'Devon Developer' })
  const rita = simulator.createUser({ username: 'rita', name: 'Rita Reporter' })
  const gus = simulator.createUser({ username: 'gus', name: 'Gus Guest' })
  const otto = simulator.createUser({ username: 'otto', name: 'Otto Outsider' })
  const ada = simulator.createUser({ username: 'ada', name: 'Ada Administrator', admin: true })
  const ex = simulator.createUser({ username: 'ex', name: 'Ex External', external: true })
  const bo = simulator.createUser({ username: 'bo', name: 'Bo Blocked' })
  simulator.setUserState(bo.id, 'blocked')
  const members = [
    { userId: maya.id, accessLevel: 40 },
    { userId: devon.id, accessLevel: 30 },
    { userId: rita.id, accessLevel: 20 },
    { userId: gus.id, accessLevel: 10 },
    { userId: bo.id, accessLevel: 30 },
  ]
  return { maya, devon, rita, gus, otto, ada, ex, bo, members }
}
