import t from 'tap'
import type { TokenScope } from '../../stores/api-token-store.js'
import { type Bearer, runGrid } from './grid.js'
import { people, type Who } from './rights.js'
import { startWorld } from './world.js'

const world = await startWorld(t)

interface TokenKind {
  credential: 'token' | 'read-token' | 'token-elsewhere'
  scope: TokenScope
  projectIds: string[] | null
}

const tokenKinds: TokenKind[] = [
  { credential: 'token', scope: 'write', projectIds: null },
  { credential: 'read-token', scope: 'read', projectIds: null },
  { credential: 'token-elsewhere', scope: 'write', projectIds: [world.elsewhere.ourId] },
]

async function withToken(
  who: Exclude<Who, 'anonymous'>,
  { credential, scope, projectIds }: TokenKind,
): Promise<Bearer> {
  const now = new Date()
  const { userId: gitlabUserId, username: name } = world.accounts[who]
  const { token } = await world.service.stores.apiTokens.create(
    { gitlabUserId, name, scope, projectIds, expiresAt: new Date(now.getTime() + 600_000) },
    now,
  )
  return { who, credential, headers: () => ({ authorization: `Bearer ${token}` }) }
}

const known = people.filter((who) => who !== 'anonymous')
// A token's limits are the same for all who may do everything without them.
const limited: Record<TokenKind['credential'], Who[]> = {
  token: [...people],
  'read-token': ['developer', 'maintainer', 'blocked'],
  'token-elsewhere': ['maintainer', 'other'],
}

await runGrid(
  t,
  world,
  await Promise.all(
    tokenKinds.flatMap((kind) =>
      known.filter((who) => limited[kind.credential].includes(who)).map((who) => withToken(who, kind)),
    ),
  ),
)
