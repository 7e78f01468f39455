import { isDraft, detailedMergeStatus, mergeRequestUrl } from '../present/merge-requests.js'
import { pipelineUrl } from '../present/pipelines.js'
import { presentHookProject, presentHookRepository } from '../present/projects.js'
import { hookTime, secondsBetween } from '../present/times.js'
import { presentHookUser } from '../present/users.js'
import { getUser } from '../people.js'
import { getJob, listLatestJobs, mergeRequestOf, sourceRef } from '../pipeline-queries.js'
import { getProject, projectUrl } from '../projects.js'
import type { Job, MergeRequest, Pipeline, Project, User } from '../state.js'
import type { RefChange, World } from '../world.js'

export interface MergeRequestAction {
  action: string | null
  oldRev?: string
  changes?: Record<string, { previous: unknown; current: unknown }>
}

/** Without `object_attributes`, which `mergeRequestAttributes` gives. */
export function mergeRequestFrame(
  world: World,
  mr: MergeRequest,
  user: User,
  what: MergeRequestAction,
): Record<string, unknown> {
  const project = getProject(world, mr.projectId)
  return {
    object_kind: 'merge_request',
    event_type: 'merge_request',
    user: presentHookUser(user),
    project: presentHookProject(world, project, true),
    labels: [],
    changes: what.changes ?? {},
    repository: presentHookRepository(world, project),
    assignees: mr.assigneeIds.map((id) => presentHookUser(getUser(world, id))),
    reviewers: mr.reviewerIds.map((id) => presentHookUser(getUser(world, id))),
  }
}

export function mergeRequestAttributes(
  world: World,
  mr: MergeRequest,
  what: MergeRequestAction,
): Record<string, unknown> {
  const target = getProject(world, mr.projectId)
  const source = mr.sourceProjectId === null ? null : getProject(world, mr.sourceProjectId)
  return {
    id: mr.id,
    iid: mr.iid,
    target_branch: mr.targetBranch,
    source_branch: mr.sourceBranch,
    source_project_id: mr.sourceProjectId,
    target_project_id: mr.projectId,
    author_id: mr.authorId,
    assignee_ids: mr.assigneeIds,
    assignee_id: mr.assigneeIds[0] ?? null,
    reviewer_ids: mr.reviewerIds,
    title: mr.title,
    description: mr.description,
    created_at: hookTime(mr.createdAt),
    updated_at: hookTime(mr.updatedAt),
    state: mr.state,
    state_id: { opened: 1, closed: 2, merged: 3, locked: 4 }[mr.state],
    draft: isDraft(mr.title),
    work_in_progress: isDraft(mr.title),
    merge_status: mr.preparedAt === null ? 'unchecked' : 'can_be_merged',
    detailed_merge_status: detailedMergeStatus(world, mr),
    merge_commit_sha: mr.mergeCommitSha,
    blocking_discussions_resolved: true,
    prepared_at: hookTime(mr.preparedAt),
    labels: [],
    system: false,
    source: source === null ? null : presentHookProject(world, source, true),
    target: presentHookProject(world, target, true),
    url: mergeRequestUrl(world, mr),
    ...(what.action === null ? {} : { action: what.action }),
    ...(what.oldRev === undefined ? {} : { oldrev: what.oldRev }),
  }
}

export function pipelinePayload(world: World, pipeline: Pipeline): Record<string, unknown> {
  const project = getProject(world, pipeline.projectId)
  const jobs = listLatestJobs(world, pipeline.id).filter((job) => job.bridge === null)
  const mr = mergeRequestOf(world, pipeline)
  return {
    object_kind: 'pipeline',
    object_attributes: {
      id: pipeline.id,
      iid: pipeline.iid,
      name: null,
      ref: sourceRef(world, pipeline),
      tag: pipeline.tag,
      sha: pipeline.sha,
      before_sha: pipeline.beforeSha,
      source: pipeline.source,
      status: pipeline.status,
      detailed_status: pipeline.status === 'success' ? 'passed' : pipeline.status,
      stages: [...new Set(jobs.map((job) => job.stage))],
      created_at: hookTime(pipeline.createdAt),
      finished_at: hookTime(pipeline.finishedAt),
      duration: roundedSeconds(pipeline.startedAt, pipeline.finishedAt),
      queued_duration: roundedSeconds(pipeline.createdAt, pipeline.startedAt),
      variables: [],
      url: pipelineUrl(world, pipeline),
    },
    merge_request: mr === null ? null : pipelineMergeRequest(world, mr),
    user: presentHookUser(getUser(world, pipeline.userId)),
    project: presentHookProject(world, project, false),
    builds: jobs.map((job) => presentBuild(world, job)),
    ...sourcePipeline(world, pipeline),
  }
}

/** Only of a pipeline that another one started. */
function sourcePipeline(world: World, { bridgeId }: Pipeline): Record<string, unknown> {
  if (bridgeId === null) return {}
  const bridge = getJob(world, bridgeId)
  const project = getProject(world, bridge.projectId)
  return {
    source_pipeline: {
      project: {
        id: project.id,
        web_url: projectUrl(world, project),
        path_with_namespace: project.path,
      },
      job_id: bridge.id,
      pipeline_id: bridge.pipelineId,
    },
  }
}

function roundedSeconds(from: Date | null, to: Date | null): number | null {
  const seconds = secondsBetween(from, to)
  return seconds === null ? null : Math.round(seconds)
}

function pipelineMergeRequest(world: World, mr: MergeRequest): Record<string, unknown> {
  return {
    id: mr.id,
    iid: mr.iid,
    title: mr.title,
    source_branch: mr.sourceBranch,
    source_project_id: mr.sourceProjectId,
    target_branch: mr.targetBranch,
    target_project_id: mr.projectId,
    state: mr.state,
    merge_status: mr.preparedAt === null ? 'unchecked' : 'can_be_merged',
    detailed_merge_status: detailedMergeStatus(world, mr),
    url: mergeRequestUrl(world, mr),
  }
}

function presentBuild(world: World, job: Job): Record<string, unknown> {
  return {
    id: job.id,
    stage: job.stage,
    name: job.name,
    status: job.status,
    created_at: hookTime(job.createdAt),
    started_at: hookTime(job.startedAt),
    finished_at: hookTime(job.finishedAt),
    duration: secondsBetween(job.startedAt, job.finishedAt),
    queued_duration: secondsBetween(job.queuedAt, job.startedAt),
    failure_reason: job.failureReason,
    when: job.when,
    manual: job.when === 'manual',
    allow_failure: job.allowFailure,
    user: presentHookUser(getUser(world, job.userId)),
    runner: null,
    artifacts_file: { filename: null, size: null },
    environment: null,
  }
}

export interface PushedCommits {
  commits: Record<string, unknown>[]
  total: number
}

export function pushPayload(
  world: World,
  project: Project,
  user: User,
  change: RefChange,
  pushed: PushedCommits,
): object {
  const kind = change.ref.startsWith('refs/tags/') ? 'tag_push' : 'push'
  const deleted = /^0+$/.test(change.after)
  return {
    object_kind: kind,
    event_name: kind,
    before: change.before,
    after: change.after,
    ref: change.ref,
    ref_protected: project.protectedBranches.includes(change.ref.replace('refs/heads/', '')),
    checkout_sha: deleted ? null : change.after,
    message: null,
    user_id: user.id,
    user_name: user.name,
    user_username: user.username,
    user_email: null,
    user_avatar: null,
    project_id: project.id,
    project: presentHookProject(world, project, true),
    commits: pushed.commits,
    total_commits_count: pushed.total,
    push_options: {},
    repository: presentHookRepository(world, project),
  }
}
