import { accessLevel, developer } from '../access.js'
import { headPipeline } from '../pipeline-queries.js'
import { getProject, projectUrl } from '../projects.js'
import type { MergeRequest, Note, User } from '../state.js'
import type { World } from '../world.js'
import { presentPipeline, presentPipelineBasic } from './pipelines.js'
import { isoTime } from './times.js'
import { presentUserId } from './users.js'

export function mergeRequestUrl(world: World, mr: MergeRequest): string {
  return `${projectUrl(world, getProject(world, mr.projectId))}/-/merge_requests/${mr.iid}`
}

export function isDraft(title: string): boolean {
  return /^\s*(\[draft\]|\(draft\)|draft:)/i.test(title)
}

/** As in lists: without `diff_refs`, `head_pipeline`, `changes_count` and `user`. */
export function presentMergeRequestBasic(world: World, mr: MergeRequest): Record<string, unknown> {
  const project = getProject(world, mr.projectId)
  const assignees = mr.assigneeIds.map((id) => presentUserId(world, id))
  return {
    id: mr.id,
    iid: mr.iid,
    project_id: mr.projectId,
    title: mr.title,
    description: mr.description,
    state: mr.state,
    imported: false,
    imported_from: 'none',
    created_at: isoTime(mr.createdAt),
    updated_at: isoTime(mr.updatedAt),
    merged_by: presentUserId(world, mr.mergedById),
    merge_user: presentUserId(world, mr.mergedById),
    merged_at: isoTime(mr.mergedAt),
    closed_by: presentUserId(world, mr.closedById),
    closed_at: isoTime(mr.closedAt),
    prepared_at: isoTime(mr.preparedAt),
    target_branch: mr.targetBranch,
    source_branch: mr.sourceBranch,
    user_notes_count: countUserNotes(world, mr),
    upvotes: 0,
    downvotes: 0,
    author: presentUserId(world, mr.authorId),
    assignees,
    assignee: assignees[0] ?? null,
    reviewers: mr.reviewerIds.map((id) => presentUserId(world, id)),
    source_project_id: mr.sourceProjectId,
    target_project_id: mr.projectId,
    labels: mr.labels,
    draft: isDraft(mr.title),
    work_in_progress: isDraft(mr.title),
    milestone: null,
    merge_when_pipeline_succeeds: false,
    merge_status: mergeStatus(mr),
    detailed_merge_status: detailedMergeStatus(world, mr),
    sha: mr.sha,
    merge_commit_sha: mr.mergeCommitSha,
    squash_commit_sha: mr.squashCommitSha,
    discussion_locked: mr.discussionLocked ? true : null,
    should_remove_source_branch: null,
    force_remove_source_branch: false,
    reference: `!${mr.iid}`,
    references: { short: `!${mr.iid}`, relative: `!${mr.iid}`, full: `${project.path}!${mr.iid}` },
    web_url: mergeRequestUrl(world, mr),
    time_stats: {
      time_estimate: 0,
      total_time_spent: 0,
      human_time_estimate: null,
      human_total_time_spent: null,
    },
    squash: mr.squash,
    task_completion_status: { count: 0, completed_count: 0 },
    has_conflicts: mr.hasConflicts,
    blocking_discussions_resolved: true,
  }
}

export function presentMergeRequest(
  world: World,
  mr: MergeRequest,
  viewer: User | null,
): Record<string, unknown> {
  const pipeline = headPipeline(world, mr)
  return {
    ...presentMergeRequestBasic(world, mr),
    subscribed: false,
    changes_count: mr.changesCount,
    latest_build_started_at: isoTime(pipeline?.startedAt ?? null),
    latest_build_finished_at: isoTime(pipeline?.finishedAt ?? null),
    first_deployed_to_production_at: null,
    pipeline: pipeline === null ? null : presentPipelineBasic(world, pipeline),
    head_pipeline: pipeline === null ? null : presentPipeline(world, pipeline),
    diff_refs: mr.diffRefs,
    merge_error: null,
    first_contribution: false,
    user: { can_merge: accessLevel(world, getProject(world, mr.projectId), viewer) >= developer },
  }
}

function countUserNotes(world: World, mr: MergeRequest): number {
  return [...world.state.notes.values()].filter((note) => note.mrId === mr.id && !note.system).length
}

function mergeStatus(mr: MergeRequest): string {
  if (mr.preparedAt === null) return 'unchecked'
  return mr.hasConflicts ? 'cannot_be_merged' : 'can_be_merged'
}

export function detailedMergeStatus(world: World, mr: MergeRequest): string {
  if (mr.state !== 'opened') return 'not_open'
  if (mr.preparedAt === null) return 'preparing'
  if (mr.diffRefs === null) return 'checking'
  if (isDraft(mr.title)) return 'draft_status'
  if (mr.hasConflicts) return 'conflict'
  return pipelineObstacle(world, mr) ?? 'mergeable'
}

function pipelineObstacle(world: World, mr: MergeRequest): string | null {
  if (!getProject(world, mr.projectId).onlyAllowMergeIfPipelineSucceeds) return null
  const status = headPipeline(world, mr)?.status
  if (status === 'success') return null
  return status === 'running' || status === 'pending' || status === 'created'
    ? 'ci_still_running'
    : 'ci_must_pass'
}

export function presentNote(world: World, note: Note): Record<string, unknown> {
  return {
    id: note.id,
    type: null,
    body: note.body,
    attachment: null,
    author: presentUserId(world, note.authorId),
    created_at: isoTime(note.createdAt),
    updated_at: isoTime(note.updatedAt),
    system: note.system,
    noteable_id: note.mrId,
    noteable_type: 'MergeRequest',
    project_id: note.projectId,
    noteable_iid: note.mrIid,
    resolvable: false,
    confidential: note.internal,
    internal: note.internal,
    imported: false,
    imported_from: 'none',
    commands_changes: {},
  }
}
