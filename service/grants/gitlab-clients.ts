import { AsyncLocalStorage } from 'node:async_hooks'
import { hashSecret } from '../domain/secrets.js'
import { createGitLab } from '../gitlab/client.js'
import type { GitLab } from '../gitlab/port.js'
import type { Grants } from './grants.js'
import type { GrantKind } from '../stores/grant-store.js'

export interface GitLabClientsOptions {
  /** The instance, with its path if it has one, without `/api/v4`. */
  apiUrl: string
  botToken: string | null
  /** Null where nobody can sign in. */
  grants: Pick<Grants, 'getAccessToken' | 'explain'> | null
  timeoutMs: number
}

/** GitLab as different people and bots see it: one client for each token, because GitLab limits each by itself. */
export interface GitLabClients {
  bot: GitLab | null
  /** GitLab as this person may see it, by what they consented to when signing in; null where nobody can sign in.
   * Its calls reject with `GrantError` where there is no usable consent. */
  forPerson(gitlabUserId: number, kind?: GrantKind): GitLab | null
  forToken(token: string): GitLab
}

const mostKept = 1_000

export function createGitLabClients(options: GitLabClientsOptions): GitLabClients {
  const { apiUrl, botToken, grants, timeoutMs } = options
  const kept = new Map<string, GitLab>()

  function keep(key: string, create: () => GitLab): GitLab {
    const client = kept.get(key) ?? create()
    kept.delete(key)
    kept.set(key, client)
    const [oldest] = kept.keys()
    if (kept.size > mostKept && oldest !== undefined) kept.delete(oldest)
    return client
  }

  function forToken(token: string): GitLab {
    return keep(`token:${hashSecret(token)}`, () => createGitLab({ apiUrl, token, timeoutMs }))
  }

  function forPerson(gitlabUserId: number, kind: GrantKind = 'sign-in'): GitLab | null {
    if (grants === null) return null
    return keep(`${kind}:${gitlabUserId}`, () => createPersonClient(grants, gitlabUserId, kind))
  }

  function createPersonClient(
    grants: NonNullable<GitLabClientsOptions['grants']>,
    userId: number,
    kind: GrantKind,
  ): GitLab {
    const calls = new AsyncLocalStorage<PersonCall>()
    const client = createGitLab({
      apiUrl,
      timeoutMs,
      token: async () => {
        const call = calls.getStore()
        const token = await grants.getAccessToken(userId, kind, { after401: call?.refused })
        if (call !== undefined) call.token = token
        return token
      },
    })
    return renewing(client, async (run, mayRepeat) => {
      const call: PersonCall = {}
      try {
        return await calls.run(call, run)
      } catch (error) {
        const { token } = call
        if (token === undefined) throw error
        const meaning = await grants.explain(userId, kind, { token, error })
        if (meaning === null) throw error
        if (meaning.reason !== 'expired') throw meaning
        if (!mayRepeat) {
          await grants.getAccessToken(userId, kind, { after401: token })
          throw error
        }
        return await calls.run({ refused: token }, run)
      }
    })
  }

  return {
    bot: botToken === null ? null : createGitLab({ apiUrl, token: botToken, timeoutMs }),
    forPerson,
    forToken,
  }
}

interface PersonCall {
  /** The token that the call was made with last. */
  token?: string
  /** The token that GitLab refused. */
  refused?: string
}

type Guard = (run: () => Promise<unknown>, mayRepeat: boolean) => Promise<unknown>

const reading = /^(?:find|get|list|lint)/

/** The same client with every call passed through `guard`. */
function renewing(client: GitLab, guard: Guard): GitLab {
  const methods = Object.entries(client).map(([name, method]) => {
    if (name === 'withContext') {
      return [
        name,
        (context: Parameters<GitLab['withContext']>[0]) => renewing(client.withContext(context), guard),
      ]
    }
    const call = method as (...args: unknown[]) => Promise<unknown>
    return [name, (...args: unknown[]) => guard(() => call(...args), reading.test(name))]
  })
  return Object.fromEntries(methods) as GitLab
}
