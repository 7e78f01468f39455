import { randomUUID } from 'node:crypto'

import { accessLevel, developer, guest, maintainer, owner, reporter } from './access.js'
import type { KeyName, TokenAlgorithm } from './keys.js'
import { getUser } from './people.js'
import { getJob, getPipeline, mergeRequestOf, sourceRef } from './pipeline-queries.js'
import { getProject, namespaceOf } from './projects.js'
import type { Job, Pipeline, Project, User } from './state.js'
import type { World } from './world.js'

export interface IdTokenRequest {
  jobId: number
  aud: string | string[]
  /** Claims that replace the right ones; `undefined` removes a claim. */
  overrides?: Record<string, unknown>
  lifetimeSeconds?: number
  /** Moves `iat`, `nbf` and `exp`; negative for the past. */
  shiftSeconds?: number
  key?: KeyName
  /** The `kid` of the header, where it should not be that of the key. */
  kid?: string
  alg?: TokenAlgorithm
}

/** What GitLab puts into a job's variable for `id_tokens`, or with the right knobs a forgery of it. */
export function idToken(world: World, request: IdTokenRequest): string {
  const job = getJob(world, request.jobId)
  const claims = {
    ...jobClaims(world, job, getPipeline(world, job.pipelineId)),
    ...tokenClaims(world, request),
    ...request.overrides,
  }
  return world.keys.sign(claims, {
    key: request.key ?? 'current',
    alg: request.alg ?? 'RS256',
    ...(request.kid === undefined ? {} : { kid: request.kid }),
  })
}

function tokenClaims(world: World, request: IdTokenRequest): Record<string, unknown> {
  const iat = Math.floor(world.now().getTime() / 1000) + (request.shiftSeconds ?? 0)
  return {
    jti: randomUUID(),
    iss: world.settings.issuerUrl ?? world.url,
    iat,
    nbf: iat - 5,
    exp: iat + (request.lifetimeSeconds ?? 3600),
    aud: request.aud,
  }
}

function jobClaims(world: World, job: Job, pipeline: Pipeline): Record<string, unknown> {
  const runsIn = getProject(world, pipeline.projectId)
  const sourceId = mergeRequestOf(world, pipeline)?.sourceProjectId ?? runsIn.id
  const project = getProject(world, sourceId)
  const user = getUser(world, job.userId)
  const ref = sourceRef(world, pipeline)
  const refType = pipeline.tag ? 'tag' : 'branch'
  return {
    ...projectClaims(world, project, ''),
    ...(world.profile.claims.jobProject ? projectClaims(world, runsIn, 'job_') : {}),
    ...userClaims(world, project, user),
    pipeline_id: String(pipeline.id),
    pipeline_source: pipeline.source,
    job_id: String(job.id),
    ...(world.profile.claims.jobSource ? { job_source: pipeline.source } : {}),
    ref,
    ref_type: refType,
    ref_path: `refs/${pipeline.tag ? 'tags' : 'heads'}/${ref}`,
    ref_protected: String(pipeline.mrId === null && runsIn.protectedBranches.includes(ref)),
    runner_id: 1,
    runner_environment: 'self-hosted',
    sha: pipeline.sha,
    ...configClaims(world, project, pipeline, ref),
    sub: `project_path:${project.path}:ref_type:${refType}:ref:${ref}`,
  }
}

function projectClaims(world: World, project: Project, prefix: string): Record<string, string> {
  const namespace = namespaceOf(world, project)
  return {
    [`${prefix}namespace_id`]: String(namespace.id),
    [`${prefix}namespace_path`]: namespace.fullPath,
    [`${prefix}project_id`]: String(project.id),
    [`${prefix}project_path`]: project.path,
  }
}

function userClaims(world: World, project: Project, user: User): Record<string, unknown> {
  const claims = { user_id: String(user.id), user_login: user.username, user_email: user.email }
  if (!world.profile.claims.visibilityAndLevel) return claims
  return {
    ...claims,
    user_access_level: levelName(accessLevel(world, project, user)),
    project_visibility: project.visibility,
    groups_direct: [],
  }
}

function levelName(level: number): string | null {
  if (level >= owner) return 'owner'
  if (level >= maintainer) return 'maintainer'
  if (level >= developer) return 'developer'
  if (level >= reporter) return 'reporter'
  return level >= guest ? 'guest' : null
}

function configClaims(
  world: World,
  project: Project,
  pipeline: Pipeline,
  ref: string,
): Record<string, unknown> {
  if (!world.profile.claims.configUri) return {}
  const host = world.url.replace(/^https?:\/\//, '')
  const file = project.ciConfigPath ?? '.gitlab-ci.yml'
  const refPath = pipeline.tag ? `refs/tags/${ref}` : `refs/heads/${ref}`
  return { ci_config_ref_uri: `${host}/${project.path}//${file}@${refPath}`, ci_config_sha: pipeline.sha }
}
