import { ProjectAccessTokens } from '@gitbeaker/rest'
import { z } from 'zod'
import { find, get, list, perPage } from './answers.js'
import type { GitLab } from './port.js'
import { ProjectToken, ProjectTokenState } from './schema.js'

type Resource = NonNullable<ConstructorParameters<typeof ProjectAccessTokens>[0]>
type Calls = 'listProjectTokens' | 'createProjectToken' | 'rotateProjectToken' | 'revokeProjectToken'

const developer = 30

/** Tokens that belong to a project, each with a bot of its own. */
export function projectTokenCalls(resource: Resource): Pick<GitLab, Calls> {
  const tokens = new ProjectAccessTokens(resource)
  return {
    listProjectTokens: (projectId) =>
      list((page) => tokens.all(projectId, { perPage, page }), ProjectTokenState),
    createProjectToken: (projectId, { name, expiresAt }) =>
      get(
        tokens.create(projectId, name, ['api'], dayOf(expiresAt), { accessLevel: developer }),
        ProjectToken,
      ),
    rotateProjectToken: (projectId, tokenId, expiresAt) =>
      get(tokens.rotate(projectId, tokenId, { expiresAt: dayOf(expiresAt) }), ProjectToken),
    revokeProjectToken: async (projectId, tokenId) => {
      await find(tokens.revoke(projectId, tokenId), z.unknown())
    },
  }
}

function dayOf(date: Date): string {
  return date.toISOString().slice(0, 10)
}
