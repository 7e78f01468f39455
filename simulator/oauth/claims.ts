import { createHash } from 'node:crypto'

import { groupStandings } from '../groups.js'
import { getUser } from '../people.js'
import type { Application, AuthorizationCode, User } from '../state.js'
import type { World } from '../world.js'

const signInTokenLifetimeSeconds = 120

/** The `id_token` of a sign-in: the issuer and the keys of CI's ID tokens, but the application as its audience. */
export function signInToken(world: World, application: Application, code: AuthorizationCode): string {
  const user = getUser(world, code.userId)
  const now = Math.floor(world.now().getTime() / 1000)
  const { sub, sub_legacy, email, email_verified, groups_direct } = userClaims(world, user, code.scopes)
  const claims = {
    iss: world.settings.issuerUrl ?? world.url,
    sub,
    aud: application.clientId,
    exp: now + signInTokenLifetimeSeconds,
    iat: now,
    auth_time: now,
    ...(code.nonce === null ? {} : { nonce: code.nonce }),
    sub_legacy,
    ...(email === undefined ? {} : { email, email_verified }),
    groups_direct,
  }
  return world.keys.sign(claims, { key: 'other', alg: 'RS256' })
}

/** What `GET /oauth/userinfo` tells of a person to somebody with these scopes. */
export function userClaims(world: World, user: User, scopes: string[]): Record<string, unknown> {
  const groups = [...world.state.namespaces.values()].filter((one) => one.kind === 'group')
  const standings = groups.map((group) => ({ group, own: groupStandings(world, group, user.id) }))
  return {
    sub: String(user.id),
    sub_legacy: createHash('sha256').update(`${user.id}`).digest('hex'),
    name: user.name,
    nickname: user.username,
    preferred_username: user.username,
    ...(scopes.includes('email') ? { email: user.email, email_verified: true } : {}),
    profile: `${world.url}/${user.username}`,
    picture: null,
    groups: standings.filter(({ own }) => own.length > 0).map(({ group }) => group.fullPath),
    groups_direct: standings
      .filter(({ own }) => own.some(({ kind }) => kind === 'direct'))
      .map(({ group }) => group.fullPath),
  }
}
