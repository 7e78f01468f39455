import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { randomBytes } from 'node:crypto'
import { type Simulator } from '../../../simulator/simulator.js'
import { createOAuth, type OAuth } from '../../gitlab/oauth.js'
import { createGrants, type Grants } from '../../grants/grants.js'
import { createGrantStore, type GrantStore } from '../../stores/grant-store.js'
import { createSealer, type SealingKey } from '../../stores/sealing.js'
import type { Db } from 'mongodb'
import type { RefreshRequest } from '../grants/refresh-grants.js'

const script = fileURLToPath(new URL('../grants/refresh-grants.ts', import.meta.url))
const redirectUri = 'https://mlmm.example.com/-/sign-in/callback'

export interface GrantWorld {
  oauth: OAuth
  store: GrantStore
  key: SealingKey
  createGrants(options?: { clock?: () => Date; keys?: SealingKey[]; leaseMs?: number }): Grants
  /** A person who consented; with `expired`, so long ago that the token is not good any more. */
  consent(userId: number, options?: { expired?: boolean }): Promise<string>
  /** Lets processes ask for all these people's tokens at once; for each process what it got. */
  ask(processes: number, userIds: number[]): Promise<Record<number, string>[]>
  /** One process that has begun to ask. */
  start(userIds: number[]): Promise<ChildProcess>
  refreshCalls(): number
}

/** Grants in a database, with a simulator that gave them. */
export function openGrantWorld(options: { simulator: Simulator; db: Db; databaseUrl: string }): GrantWorld {
  const { simulator, db, databaseUrl } = options
  const { clientId, clientSecret } = simulator.createApplication({
    name: 'mlmm',
    redirectUri,
    scopes: 'read_user read_api api',
    trusted: true,
  })
  const oauth = createOAuth({
    url: simulator.url,
    apiUrl: simulator.url,
    clientId,
    clientSecret,
    redirectUri,
    timeoutMs: 2_000,
  })
  const store = createGrantStore(db)
  const key = { name: 'k', key: randomBytes(32) }

  function create({ clock = () => new Date(), keys = [key], leaseMs = 10_000 } = {}): Grants {
    return createGrants({ oauth, store, sealer: createSealer(keys), clock, leaseMs })
  }

  async function consent(userId: number, { expired = false } = {}): Promise<string> {
    const { url, state, verifier } = await oauth.begin({ scopes: ['read_user', 'read_api'] })
    const tokens = await oauth.finish({ callbackUrl: simulator.authorize({ userId, url }), state, verifier })
    if (expired) simulator.expireToken(tokens.accessToken)
    const then = new Date(Date.now() - (expired ? 7_201_000 : 0))
    await create({ clock: () => then }).save(userId, 'sign-in', tokens)
    return tokens.accessToken
  }

  async function spawnReady(userIds: number[]) {
    const request: RefreshRequest = {
      databaseUrl,
      gitlabUrl: simulator.url,
      clientId,
      clientSecret,
      redirectUri,
      key: key.key.toString('base64'),
      userIds,
    }
    const child = spawn(process.execPath, ['--import', 'tsx', script, JSON.stringify(request)], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, NODE_OPTIONS: '' },
    })
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
    await lines.next()
    return { child, lines }
  }

  return {
    oauth,
    store,
    key,
    createGrants: create,
    consent,
    async ask(processes, userIds) {
      const children = await Promise.all(Array.from({ length: processes }, () => spawnReady(userIds)))
      for (const { child } of children) child.stdin.end('go\n')
      return Promise.all(
        children.map(async ({ child, lines }) => {
          const [{ value }] = await Promise.all([lines.next(), once(child, 'exit')])
          return JSON.parse(String(value)) as Record<number, string>
        }),
      )
    },
    async start(userIds) {
      const { child } = await spawnReady(userIds)
      child.stdin.end('go\n')
      return child
    },
    refreshCalls: () =>
      simulator.calls.filter(({ method, route }) => method === 'POST' && route.endsWith('/oauth/token'))
        .length,
  }
}
