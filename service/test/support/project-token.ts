import type { TestService } from './service.js'

/** A project access token with its bot, made by the maintainer as GitLab's API does. */
export async function createProjectToken({ simulator, maintainer }: TestService, gitlabProjectId: number) {
  const expiresAt = new Date(new Date(Date.now() + 300 * 86_400_000).toISOString().slice(0, 10))
  const answer = await fetch(`${simulator.url}/api/v4/projects/${gitlabProjectId}/access_tokens`, {
    method: 'POST',
    headers: { authorization: `Bearer ${maintainer.token}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      name: 'mlmm',
      scopes: ['api'],
      access_level: 30,
      expires_at: expiresAt.toISOString().slice(0, 10),
    }),
  })
  const made = (await answer.json()) as { id: number; token: string; user_id: number }
  const { username } = simulator.state.users.get(made.user_id) ?? { username: '' }
  return { gitlabUserId: made.user_id, username, tokenId: made.id, token: made.token, expiresAt }
}
