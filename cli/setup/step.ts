import type { EnvFile } from '../env-file.js'
import type { GitLabApi } from '../gitlab-api.js'
import type { Caller } from './caller.js'

/** What every step looks at. */
export interface SetupContext {
  /** With the administrator's token. */
  api: GitLabApi
  caller: Caller
  gitlabUrl: string
  /** Where this machine reaches GitLab, if elsewhere. */
  apiUrl: string
  publicUrl: string
  /** Path of the project of the CI component. */
  component: string
  env: EnvFile
  now: Date
}

/** What a step has found out by reading. */
export type Plan =
  | { kind: 'exists'; text: string }
  /** `run` answers with what was done. */
  | { kind: 'make'; text: string; run: () => Promise<string> }
  /** With lines on how to do it by hand. */
  | { kind: 'cannot'; text: string; byHand: string[] }

export interface Step {
  name: string
  plan: (context: SetupContext) => Promise<Plan>
}
