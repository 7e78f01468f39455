import { z } from 'zod'
import type {
  GitLabBridge,
  GitLabCiConfig,
  GitLabCommit,
  GitLabHook,
  GitLabHookDelivery,
  GitLabHookState,
  GitLabJob,
  GitLabMembership,
  GitLabMergeRequest,
  GitLabMergeRequestChange,
  GitLabNote,
  GitLabPerson,
  GitLabPipeline,
  GitLabProject,
  GitLabProjectToken,
  GitLabProjectTokenState,
  GitLabUser,
} from './port.js'

/** The few fields that are read of GitLab's answers, from 16.0 on. What a version may lack is optional, unknown fields
 * and unknown words are let through. */

const Id = z.int().positive()

export const User = z
  .object({ id: Id, username: z.string() })
  .transform((user): GitLabUser => ({ id: user.id, username: user.username }))

export const Person = z
  .object({
    id: Id,
    username: z.string(),
    name: z.string(),
    state: z.string(),
    external: z.boolean().nullish(),
    is_admin: z.boolean().nullish(),
  })
  .transform((person): GitLabPerson => ({
    id: person.id,
    username: person.username,
    name: person.name,
    state: person.state,
    external: person.external ?? null,
    admin: person.is_admin ?? null,
  }))

export const Member = z.object({ access_level: z.int() }).transform((member) => member.access_level)

/** A day, from whose beginning on the membership no longer counts. */
const ExpiryDay = z.string().transform((text, context) => {
  const at = new Date(text)
  if (!Number.isNaN(at.getTime())) return at
  context.addIssue({ code: 'custom', message: 'is no date' })
  return z.NEVER
})

export const Membership = z
  .object({
    access_level: z.int(),
    expires_at: ExpiryDay.nullish(),
    // Who waits for a seat of a paid edition may nothing yet.
    membership_state: z.string().nullish(),
  })
  .transform((member): GitLabMembership => ({
    accessLevel: member.membership_state === 'awaiting' ? 0 : member.access_level,
    expiresAt: member.expires_at ?? null,
  }))

export const ProjectId = z.object({ id: Id }).transform((project) => project.id)

export const SimpleProject = z
  .object({ id: Id, path_with_namespace: z.string() })
  .transform((project) => ({ id: project.id, path: project.path_with_namespace }))

export const Project = z
  .object({
    id: Id,
    path_with_namespace: z.string(),
    web_url: z.string(),
    default_branch: z.string().nullish(),
    visibility: z.enum(['private', 'internal', 'public']),
    archived: z.boolean().nullish(),
    public_jobs: z.boolean().nullish(),
    builds_access_level: z.string().nullish(),
    forked_from_project: z.object({ id: Id }).nullish(),
  })
  .transform((project): GitLabProject => ({
    id: project.id,
    path: project.path_with_namespace,
    webUrl: project.web_url,
    defaultBranch: project.default_branch ?? null,
    visibility: project.visibility,
    archived: project.archived ?? false,
    pipelinesOpen: project.public_jobs === true && project.builds_access_level === 'enabled',
    forkedFromProjectId: project.forked_from_project?.id ?? null,
  }))

export const Pipeline = z
  .object({
    id: Id,
    project_id: Id,
    sha: z.string(),
    ref: z.string(),
    tag: z.boolean().nullish(),
    status: z.string(),
    source: z.string(),
    web_url: z.string(),
  })
  .transform((pipeline): GitLabPipeline => ({
    id: pipeline.id,
    projectId: pipeline.project_id,
    sha: pipeline.sha,
    ref: pipeline.ref,
    tag: pipeline.tag ?? false,
    status: pipeline.status,
    source: pipeline.source,
    webUrl: pipeline.web_url,
  }))

const PipelineOfJob = z.object({
  id: Id,
  project_id: Id,
  sha: z.string(),
  ref: z.string(),
  status: z.string(),
  source: z.string(),
  web_url: z.string(),
})

export const Job = z
  .object({
    id: Id,
    name: z.string(),
    stage: z.string(),
    status: z.string(),
    allow_failure: z.boolean().nullish(),
    failure_reason: z.string().nullish(),
    duration: z.number().nullish(),
    tag: z.boolean().nullish(),
    // Some versions leave parts of it out.
    pipeline: PipelineOfJob.nullish().catch(null),
    web_url: z.string(),
  })
  .transform(({ pipeline, tag, ...job }): GitLabJob => ({
    id: job.id,
    name: job.name,
    stage: job.stage,
    status: job.status,
    allowFailure: job.allow_failure ?? false,
    failureReason: job.failure_reason ?? null,
    durationSeconds: job.duration ?? null,
    pipeline: pipeline
      ? {
          id: pipeline.id,
          projectId: pipeline.project_id,
          sha: pipeline.sha,
          ref: pipeline.ref,
          tag: tag ?? false,
          status: pipeline.status,
          source: pipeline.source,
          webUrl: pipeline.web_url,
        }
      : null,
    webUrl: job.web_url,
  }))

export const Bridge = z
  .object({
    name: z.string(),
    status: z.string(),
    downstream_pipeline: z
      .object({
        id: Id,
        project_id: Id,
        status: z.string(),
        sha: z.string(),
        ref: z.string(),
        web_url: z.string(),
      })
      .nullish(),
  })
  .transform(({ name, status, downstream_pipeline: downstream }): GitLabBridge => ({
    name,
    status,
    downstream: downstream
      ? {
          projectId: downstream.project_id,
          pipelineId: downstream.id,
          status: downstream.status,
          sha: downstream.sha,
          ref: downstream.ref,
          webUrl: downstream.web_url,
        }
      : null,
  }))

export const RepositoryFile = z.object({
  size: z.int().nonnegative(),
  encoding: z.literal('base64'),
  content: z.string(),
  commit_id: z.string(),
})

export const CiConfig = z
  .object({
    valid: z.boolean(),
    merged_yaml: z.string().nullish(),
    jobs: z.array(z.object({ name: z.string(), stage: z.string(), when: z.string().nullish() })).nullish(),
  })
  .transform((config): GitLabCiConfig => ({
    valid: config.valid,
    mergedYaml: config.merged_yaml ?? null,
    jobs: config.jobs?.map(({ name, stage, when }) => ({ name, stage, when: when ?? null })) ?? null,
  }))

export const Version = z.object({ version: z.string() }).transform(({ version }) => version)

export const MergeRequest = z
  .object({
    iid: Id,
    project_id: Id,
    state: z.string(),
    title: z.string(),
    source_branch: z.string(),
    target_branch: z.string(),
    source_project_id: Id.nullish(),
    sha: z.string().nullish(),
    diff_refs: z.object({ base_sha: z.string().nullish() }).nullish(),
    merge_commit_sha: z.string().nullish(),
    squash_commit_sha: z.string().nullish(),
    diverged_commits_count: z.int().nullish(),
    web_url: z.string(),
  })
  .transform((mergeRequest): GitLabMergeRequest => ({
    iid: mergeRequest.iid,
    projectId: mergeRequest.project_id,
    state: mergeRequest.state,
    title: mergeRequest.title,
    sourceBranch: mergeRequest.source_branch,
    targetBranch: mergeRequest.target_branch,
    sourceProjectId: mergeRequest.source_project_id ?? null,
    sha: mergeRequest.sha ?? null,
    baseSha: mergeRequest.diff_refs?.base_sha ?? null,
    mergeCommitSha: mergeRequest.merge_commit_sha ?? null,
    squashCommitSha: mergeRequest.squash_commit_sha ?? null,
    commitsBehind: mergeRequest.diverged_commits_count ?? null,
    webUrl: mergeRequest.web_url,
  }))

export const Commit = z
  .object({ id: z.string(), parent_ids: z.array(z.string()).nullish() })
  .transform((commit): GitLabCommit => ({ id: commit.id, parentIds: commit.parent_ids ?? [] }))

export const Note = z
  .object({
    id: Id,
    body: z.string(),
    author: z.object({ id: Id }),
    system: z.boolean(),
    created_at: z.string(),
  })
  .transform((note): GitLabNote => ({
    id: note.id,
    body: note.body,
    authorId: note.author.id,
    system: note.system,
    createdAt: note.created_at,
  }))

export const Hook = z
  .object({ id: Id, url: z.string() })
  .transform((hook): GitLabHook => ({ id: hook.id, url: hook.url }))

/** Before 15.10 GitLab disabled no hooks. */
export const HookState = z
  .object({ id: Id, alert_status: z.string().nullish(), disabled_until: z.string().nullish() })
  .transform((hook): GitLabHookState => ({
    id: hook.id,
    alertStatus: hook.alert_status ?? 'executable',
    disabledUntil: hook.disabled_until ? new Date(hook.disabled_until) : null,
  }))

export const HookDelivery = z
  .object({
    id: Id,
    trigger: z.string(),
    response_status: z.coerce.string().nullish(),
    request_headers: z.record(z.string(), z.unknown()).nullish().catch(null),
  })
  .transform((delivery): GitLabHookDelivery => {
    const key = delivery.request_headers?.['Idempotency-Key']
    return {
      id: delivery.id,
      trigger: delivery.trigger,
      name: typeof key === 'string' ? key : null,
      isDelivered: /^[23]/.test(delivery.response_status ?? ''),
    }
  })

export const MergeRequestChange = z
  .object({
    iid: Id,
    state: z.string(),
    sha: z.string().nullish(),
    target_branch: z.string(),
    updated_at: z.string(),
  })
  .transform((change): GitLabMergeRequestChange => ({
    iid: change.iid,
    state: change.state,
    sha: change.sha ?? null,
    targetBranch: change.target_branch,
    updatedAt: new Date(change.updated_at),
  }))

export const ProjectToken = z
  .object({ id: Id, token: z.string().min(1), user_id: Id, expires_at: z.iso.date() })
  .transform((made): GitLabProjectToken => ({
    id: made.id,
    token: made.token,
    userId: made.user_id,
    expiresAt: new Date(made.expires_at),
  }))

export const ProjectTokenState = z
  .object({ id: Id, user_id: Id, active: z.boolean() })
  .transform((token): GitLabProjectTokenState => ({
    id: token.id,
    userId: token.user_id,
    isActive: token.active,
  }))
