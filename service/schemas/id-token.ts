import { z } from 'zod'

/** GitLab writes its numbers as strings, except `runner_id`. */
const Id = z
  .union([z.string().regex(/^[1-9]\d{0,15}$/, 'must be the number of something in GitLab'), z.int()])
  .transform(Number)
  .pipe(z.int().positive())

const Flag = z.union([z.boolean(), z.enum(['true', 'false']).transform((text) => text === 'true')])

const Text = z.string().min(1).max(1024)

/** Seconds since 1970, no later than a `Date` can be. */
const Seconds = z.number().positive().max(8_640_000_000_000)

/** The claims of an ID token that are used, from GitLab 16.0 on. `job_project_*` came with 18.4. */
export const IdTokenClaims = z.object({
  sub: Text,
  exp: Seconds,
  nbf: Seconds.optional(),
  iat: Seconds.optional(),
  project_id: Id,
  project_path: Text,
  namespace_path: Text,
  job_project_id: Id.nullish(),
  job_project_path: Text.nullish(),
  job_namespace_path: Text.nullish(),
  user_id: Id,
  user_login: Text,
  pipeline_id: Id,
  pipeline_source: Text,
  job_id: Id,
  ref: Text,
  ref_type: z.enum(['branch', 'tag']),
  ref_protected: Flag,
  sha: z.string().regex(/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/, 'must be the full id of a commit'),
})
export type IdTokenClaims = z.infer<typeof IdTokenClaims>

/** Who reports, by the ID token alone. */
export interface CiIdentity {
  /** The project that the report is for: the one that ran the job where the token says so (18.4), else the token's. */
  gitlabProjectId: number
  projectPath: string
  namespacePath: string
  /** The project whose code ran: in a merge-request pipeline the source project. */
  tokenProjectId: number
  /** Null before GitLab 18.4. */
  jobProjectId: number | null
  /** True where the token itself names a fork. A fork's pipeline in the fork, and any before 18.4, shows in
   * GitLab's project only (`forkedFromProjectId`). */
  isFork: boolean
  userId: number
  userLogin: string
  pipelineId: number
  pipelineSource: string
  jobId: number
  /** In merge-request pipelines the source branch. */
  ref: string
  refType: 'branch' | 'tag'
  refProtected: boolean
  /** The pipeline's commit: in merged-results pipelines a commit that is in no branch. */
  sha: string
  expiresAt: Date
}

export function toCiIdentity(claims: IdTokenClaims): CiIdentity {
  const jobProjectId = claims.job_project_id ?? null
  return {
    gitlabProjectId: jobProjectId ?? claims.project_id,
    projectPath: claims.job_project_path ?? claims.project_path,
    namespacePath: claims.job_namespace_path ?? claims.namespace_path,
    tokenProjectId: claims.project_id,
    jobProjectId,
    isFork: jobProjectId !== null && jobProjectId !== claims.project_id,
    userId: claims.user_id,
    userLogin: claims.user_login,
    pipelineId: claims.pipeline_id,
    pipelineSource: claims.pipeline_source,
    jobId: claims.job_id,
    ref: claims.ref,
    refType: claims.ref_type,
    refProtected: claims.ref_protected,
    sha: claims.sha,
    expiresAt: new Date(claims.exp * 1000),
  }
}
