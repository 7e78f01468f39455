import { z } from 'zod'
import { type GitLabApi, Refusal } from '../gitlab-api.js'
import { Token, User, Version } from '../schemas.js'
import { UsageError } from '../terminal.js'

/** Whose token it is, and what answers. */
export interface Caller {
  username: string
  isAdmin: boolean
  version: string
}

const oldest = 16

/** @throws UsageError where nothing can be set up with this token at this address */
export async function findCaller(api: GitLabApi, address: string): Promise<Caller> {
  try {
    const user = User.parse(await api.get('/user'))
    await requireScope(api)
    const found = (await api.find('/metadata')) ?? (await api.get('/version'))
    const { version } = Version.parse(found)
    if (Number.parseInt(version) < oldest) {
      throw new UsageError(`${address} is GitLab ${version}; mlmm needs ${oldest}.0 or newer.`)
    }
    return { username: user.username, isAdmin: user.is_admin, version }
  } catch (error) {
    if (error instanceof Refusal) throw new UsageError(`${error.message}.`, helpFor(error))
    if (error instanceof z.ZodError) throw new UsageError(`What answers at ${address} is not GitLab.`)
    throw error
  }
}

/** An OAuth token cannot be asked for its scopes; what it may not do is said by the call. */
async function requireScope(api: GitLabApi): Promise<void> {
  const self = await api.get('/personal_access_tokens/self').catch((error: unknown) => {
    if (error instanceof Refusal) return null
    throw error
  })
  if (self === null) return
  const { scopes } = Token.parse(self)
  if (!scopes.includes('api')) {
    throw new UsageError(
      `The token has the scopes ${scopes.join(' ')}, and needs api (and admin_mode, where GitLab has Admin Mode on).`,
    )
  }
}

function helpFor({ status }: Refusal): string {
  if (status === 401) return 'Give a valid token of an administrator, with the scope api.'
  if (status === 403) return 'The token needs the scope api, and admin_mode where GitLab has Admin Mode on.'
  return 'Give the address that people open in the browser, with its path if it has one.'
}
