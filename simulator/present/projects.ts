import { findGroup, highestOf, projectStandings } from '../groups.js'
import { lastSegment, namespaceOf, parentPath, projectUrl } from '../projects.js'
import type { Invitation, Membership, Namespace, Project, User } from '../state.js'
import type { World } from '../world.js'
import { isoTime } from './times.js'

const visibilityLevels = { private: 0, internal: 10, public: 20 } as const

export interface ProjectFacts {
  /** Whether the repository has any branch. */
  empty: boolean
}

export function presentProjectSimple(
  world: World,
  project: Project,
  facts: ProjectFacts,
): Record<string, unknown> {
  const url = projectUrl(world, project)
  return {
    id: project.id,
    description: project.description,
    name: lastSegment(project.path),
    name_with_namespace: project.path.split('/').join(' / '),
    path: lastSegment(project.path),
    path_with_namespace: project.path,
    created_at: isoTime(project.createdAt),
    default_branch: facts.empty ? null : project.defaultBranch,
    tag_list: [],
    topics: [],
    ssh_url_to_repo: sshUrl(world, project),
    http_url_to_repo: `${url}.git`,
    web_url: url,
    avatar_url: null,
    star_count: 0,
    last_activity_at: isoTime(project.lastActivityAt),
    namespace: presentNamespace(world, namespaceOf(world, project)),
  }
}

export function presentNamespace(world: World, namespace: Namespace): Record<string, unknown> {
  const parent = world.state.namespaces.get(parentPath(namespace.fullPath))
  return {
    id: namespace.id,
    name: namespace.name,
    path: lastSegment(namespace.fullPath),
    kind: namespace.kind,
    full_path: namespace.fullPath,
    parent_id: namespace.fullPath.includes('/') ? (parent?.id ?? null) : null,
    avatar_url: null,
    web_url: `${world.url}/${namespace.kind === 'group' ? 'groups/' : ''}${namespace.fullPath}`,
  }
}

/** The groups invited to a project or group, as its own answers list them. */
export function presentInvitations(world: World, invitations: Invitation[]): Record<string, unknown>[] {
  return invitations.flatMap((invitation) => {
    const group = findGroup(world, invitation.groupId)
    if (group === null) return []
    return {
      group_id: group.id,
      group_name: group.name,
      group_full_path: group.fullPath,
      group_access_level: invitation.accessLevel,
      expires_at: invitation.expiresAt,
    }
  })
}

export function presentProject(
  world: World,
  project: Project,
  facts: ProjectFacts,
  viewer: User | null,
): Record<string, unknown> {
  const parent = project.forkedFromId === null ? undefined : world.state.projects.get(project.forkedFromId)
  return {
    ...presentProjectSimple(world, project, facts),
    visibility: project.visibility,
    archived: project.archived,
    shared_with_groups: presentInvitations(world, project.invitations),
    empty_repo: facts.empty,
    ...(viewer === null ? {} : { permissions: presentPermissions(world, project, viewer) }),
    ...(parent === undefined
      ? {}
      : { forked_from_project: presentProjectSimple(world, parent, { empty: false }) }),
    ci_config_path: project.ciConfigPath,
    public_jobs: project.publicJobs,
    builds_access_level: project.buildsAccess,
    merge_requests_access_level: 'enabled',
    merge_requests_enabled: true,
    jobs_enabled: project.buildsAccess !== 'disabled',
    merge_method: project.mergeMethod,
    squash_option: 'default_off',
    only_allow_merge_if_pipeline_succeeds: project.onlyAllowMergeIfPipelineSucceeds,
    allow_merge_on_skipped_pipeline: null,
    merge_pipelines_enabled: project.mergedResults,
    merge_trains_enabled: false,
    ci_allow_fork_pipelines_to_run_in_parent_project: project.forkPipelinesInParent,
    marked_for_deletion_on: null,
  }
}

function presentPermissions(world: World, project: Project, viewer: User): Record<string, unknown> {
  const standings = projectStandings(world, project, viewer.id)
  const ofKind = (kind: Membership['kind']): Record<string, unknown> | null => {
    const [member] = highestOf(standings.filter((standing) => standing.kind === kind))
    return member === undefined ? null : { access_level: member.accessLevel, notification_level: 3 }
  }
  return { project_access: ofKind('direct'), group_access: ofKind('inherited') }
}

function sshUrl(world: World, project: Project): string {
  return `git@${new URL(world.url).hostname}:${project.path}.git`
}

/** The `project` block of webhooks; pipeline and job events lack the old names. */
export function presentHookProject(
  world: World,
  project: Project,
  oldNames: boolean,
): Record<string, unknown> {
  const url = projectUrl(world, project)
  const block = {
    id: project.id,
    name: lastSegment(project.path),
    description: project.description,
    web_url: url,
    avatar_url: null,
    git_ssh_url: sshUrl(world, project),
    git_http_url: `${url}.git`,
    namespace: lastSegment(parentPath(project.path)),
    visibility_level: visibilityLevels[project.visibility],
    path_with_namespace: project.path,
    default_branch: project.defaultBranch,
    ci_config_path: project.ciConfigPath,
  }
  if (!oldNames) return block
  return {
    ...block,
    homepage: url,
    url: sshUrl(world, project),
    ssh_url: sshUrl(world, project),
    http_url: `${url}.git`,
  }
}

export function presentHookRepository(world: World, project: Project): Record<string, unknown> {
  const { name, description, homepage, url } = presentHookProject(world, project, true)
  return { name, url, description, homepage }
}
