import { personalNamespace } from '../groups.js'
import type { Membership, User } from '../state.js'
import type { World } from '../world.js'
import { isoTime } from './times.js'

export function presentUserBasic(world: World, user: User): Record<string, unknown> {
  return {
    id: user.id,
    username: user.username,
    name: user.name,
    state: user.state,
    locked: false,
    avatar_url: null,
    web_url: `${world.url}/${user.username}`,
  }
}

export function presentUserId(world: World, userId: number | null): Record<string, unknown> | null {
  const user = userId === null ? undefined : world.state.users.get(userId)
  return user === undefined ? null : presentUserBasic(world, user)
}

/** Oneself and administrators see more; who administers is told to administrators alone. */
export function presentUser(world: World, user: User, viewer: User | null): Record<string, unknown> {
  const admin = viewer?.admin === true
  return {
    ...presentUserBasic(world, user),
    created_at: isoTime(user.createdAt),
    bio: '',
    location: '',
    public_email: null,
    bot: user.bot,
    ...(admin || viewer?.id === user.id ? privateFields(world, user) : {}),
    ...(admin ? { is_admin: user.admin } : {}),
  }
}

function privateFields(world: World, user: User): Record<string, unknown> {
  return {
    email: user.email,
    external: user.external,
    two_factor_enabled: true,
    can_create_group: !user.external,
    can_create_project: !user.external,
    namespace_id: personalNamespace(world, user).id,
    confirmed_at: isoTime(user.createdAt),
  }
}

export function presentMember(world: World, user: User, member: Membership): Record<string, unknown> {
  return {
    ...presentUserBasic(world, user),
    access_level: member.accessLevel,
    created_at: isoTime(member.createdAt),
    expires_at: member.expiresAt,
    membership_state: 'active',
  }
}

export function presentHookUser(user: User): Record<string, unknown> {
  return { id: user.id, name: user.name, username: user.username, avatar_url: null, email: '[REDACTED]' }
}
