import type { CallContext, GitLab } from './port.js'

/** What a call needs of who makes it: to see the project, to post in it, to look after it as a maintainer. `none`: it
 * is about no project. */
export type CallNeed = 'read' | 'post' | 'maintain' | 'none'

type Call = Exclude<keyof GitLab, 'withContext' | 'getSpeaker'>

const needs = {
  getCurrentUser: 'none',
  getCurrentPerson: 'none',
  listMemberProjects: 'none',
  listMaintainedProjects: 'none',
  findUser: 'none',
  findUserByName: 'none',
  getVersion: 'none',
  findProject: 'read',
  findAccessLevel: 'read',
  findMembership: 'read',
  findPipeline: 'read',
  listPipelines: 'read',
  listPipelineJobs: 'read',
  listBridges: 'read',
  findFile: 'read',
  lintCi: 'read',
  findMergeRequest: 'read',
  listOpenMergeRequests: 'read',
  listCommits: 'read',
  listNotes: 'read',
  setCommitStatus: 'post',
  createNote: 'post',
  editNote: 'post',
  deleteNote: 'post',
  listHooks: 'maintain',
  addHook: 'maintain',
  editHook: 'maintain',
  deleteHook: 'maintain',
  listProjectTokens: 'maintain',
  createProjectToken: 'maintain',
  rotateProjectToken: 'maintain',
  revokeProjectToken: 'maintain',
  findHook: 'maintain',
  testHook: 'maintain',
  listHookDeliveries: 'maintain',
  resendHookDelivery: 'maintain',
  listChangedMergeRequests: 'read',
} as const satisfies Record<Call, CallNeed>

/** A call that is to be made by somebody. */
export interface PortCall {
  name: Call
  need: CallNeed
  /** Null for calls about no project. */
  gitlabProjectId: number | null
  make(gitlab: GitLab): Promise<unknown>
}

export interface SpeakingPortOptions {
  speak(call: PortCall): Promise<unknown>
  getSpeaker: GitLab['getSpeaker']
}

/** A port whose every call is handed to `speak`, which knows who is to make it. */
export function createSpeakingPort({ speak, getSpeaker }: SpeakingPortOptions): GitLab {
  function withContext(context: CallContext | null): GitLab {
    const calls = Object.entries(needs).map(([key, need]) => {
      const name = key as Call
      const call = (...args: unknown[]): Promise<unknown> => {
        const gitlabProjectId = need === 'none' ? null : Number(args[0])
        return speak({ name, need, gitlabProjectId, make: (gitlab) => callOf(gitlab, name, args, context) })
      }
      return [name, call] as const
    })
    return { ...(Object.fromEntries(calls) as unknown as Pick<GitLab, Call>), withContext, getSpeaker }
  }

  return withContext(null)
}

function callOf(gitlab: GitLab, name: Call, args: unknown[], context: CallContext | null): Promise<unknown> {
  const client = context === null ? gitlab : gitlab.withContext(context)
  return (client[name] as (...given: unknown[]) => Promise<unknown>)(...args)
}
