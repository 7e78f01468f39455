import { MongoClient } from 'mongodb'
import { createOAuth } from '../../gitlab/oauth.js'
import { GrantError } from '../../grants/grant-errors.js'
import { createGrants } from '../../grants/grants.js'
import { createGrantStore } from '../../stores/grant-store.js'
import { createSealer } from '../../stores/sealing.js'

/** What a service process is told that meets expired grants. */
export interface RefreshRequest {
  databaseUrl: string
  gitlabUrl: string
  clientId: string
  clientSecret: string
  redirectUri: string
  key: string
  userIds: number[]
}

/** A service process: waits for a line, then asks for a token of each person, many at a time, and says what it got. */
const request = JSON.parse(process.argv[2] ?? '') as RefreshRequest
const client = await new MongoClient(request.databaseUrl).connect()
const { gitlabUrl, clientId, clientSecret, redirectUri } = request
const grants = createGrants({
  oauth: createOAuth({ url: gitlabUrl, apiUrl: gitlabUrl, clientId, clientSecret, redirectUri }),
  store: createGrantStore(client.db()),
  sealer: createSealer([{ name: 'k', key: Buffer.from(request.key, 'base64') }]),
  clock: () => new Date(),
})
process.stdout.write('ready\n')
await new Promise((resolve) => process.stdin.once('data', resolve))
const waiting = [...request.userIds]
const tokens: Record<number, string> = {}
await Promise.all(Array.from({ length: 16 }, work))
process.stdout.write(`${JSON.stringify(tokens)}\n`)
await client.close()
process.exit(0)

async function work(): Promise<void> {
  for (let userId = waiting.shift(); userId !== undefined; userId = waiting.shift()) {
    tokens[userId] = await grants.getAccessToken(userId, 'sign-in').catch((error: unknown) => {
      if (error instanceof GrantError) return `no token: ${error.reason}`
      throw error
    })
  }
}
