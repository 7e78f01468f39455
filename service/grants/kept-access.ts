import type { Grants } from './grants.js'
import type { AccessFacts } from '../render/pages/profile.js'

/** What somebody allowed this service to do in GitLab. */
export interface KeptAccess {
  list(gitlabUserId: number): Promise<AccessFacts[]>
  /** Deletes it here and revokes it there. */
  forget(gitlabUserId: number): Promise<void>
}

const kinds = ['sign-in', 'posting'] as const

export function createKeptAccess(grants: Pick<Grants, 'findState' | 'forget'>): KeptAccess {
  async function list(gitlabUserId: number): Promise<AccessFacts[]> {
    const states = await Promise.all(
      kinds.map(async (purpose) => {
        const state = await grants.findState(gitlabUserId, purpose)
        return state === null ? null : { ...state, purpose, words: state.words ?? 'Works.' }
      }),
    )
    return states.filter((state) => state !== null)
  }

  async function forget(gitlabUserId: number): Promise<void> {
    for (const kind of kinds) await grants.forget(gitlabUserId, kind)
  }

  return { list, forget }
}
