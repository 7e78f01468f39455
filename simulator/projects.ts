import { unknownId } from './errors.js'
import { removeUser } from './people.js'
import type { Membership, Namespace, Project, Visibility } from './state.js'
import type { World } from './world.js'

export interface NewMember {
  userId: number
  accessLevel: number
  kind?: Membership['kind']
  /** A day, `2026-01-31`. */
  expiresAt?: string | null
}

export interface NewProject {
  /** Full path; its groups come into being with it. */
  path: string
  description?: string
  visibility?: Visibility
  publicJobs?: boolean
  buildsAccess?: Project['buildsAccess']
  defaultBranch?: string
  members?: NewMember[]
  /** Id of the project to fork, with all its branches. */
  forkedFrom?: number
  ciConfigPath?: string
  mergeMethod?: Project['mergeMethod']
  /** Merge-request pipelines run on a commit that merges the request into its target. */
  mergedResults?: boolean
  onlyAllowMergeIfPipelineSucceeds?: boolean
  /** GitLab's `ci_allow_fork_pipelines_to_run_in_parent_project`. Default true. */
  forkPipelinesInParent?: boolean
  /** Without it, the default branch is protected, as in GitLab. */
  protectedBranches?: string[]
}

export async function createProject(world: World, input: NewProject): Promise<Project> {
  if (findProjectByPath(world, input.path) !== null) throw new Error(`The path ${input.path} is taken.`)
  const id = world.state.nextId('project')
  const source = input.forkedFrom === undefined ? null : getProject(world, input.forkedFrom)
  const defaultBranch = input.defaultBranch ?? source?.defaultBranch ?? 'main'
  const gitDir =
    source === null
      ? await world.repositories.create(id, defaultBranch)
      : await world.repositories.fork(id, source.gitDir, defaultBranch)
  const project = newProject(world, input, { id, defaultBranch, gitDir })
  world.state.projects.set(id, project)
  world.state.movedPaths.delete(project.path)
  return project
}

function newProject(
  world: World,
  input: NewProject,
  made: Pick<Project, 'id' | 'defaultBranch' | 'gitDir'>,
): Project {
  const now = world.now()
  return {
    ...made,
    path: input.path,
    namespaceId: ensureNamespace(world, parentPath(input.path)).id,
    description: input.description ?? null,
    visibility: input.visibility ?? 'private',
    archived: false,
    publicJobs: input.publicJobs ?? true,
    buildsAccess: input.buildsAccess ?? 'enabled',
    ciConfigPath: input.ciConfigPath ?? null,
    mergeMethod: input.mergeMethod ?? 'merge',
    mergedResults: input.mergedResults ?? false,
    onlyAllowMergeIfPipelineSucceeds: input.onlyAllowMergeIfPipelineSucceeds ?? false,
    forkPipelinesInParent: input.forkPipelinesInParent ?? true,
    protectedBranches: input.protectedBranches ?? [made.defaultBranch],
    forkedFromId: input.forkedFrom ?? null,
    members: (input.members ?? []).map((member) => newMember(world, member)),
    invitations: [],
    nextMrIid: 1,
    nextPipelineIid: 1,
    createdAt: now,
    lastActivityAt: now,
  }
}

export function addMember(world: World, projectId: number, member: NewMember): void {
  getProject(world, projectId).members.push(newMember(world, member))
}

export function removeMember(world: World, projectId: number, userId: number): void {
  const project = getProject(world, projectId)
  project.members = project.members.filter((member) => member.userId !== userId)
}

export function newMember(world: World, member: NewMember): Membership {
  return {
    userId: member.userId,
    accessLevel: member.accessLevel,
    kind: member.kind ?? 'direct',
    expiresAt: member.expiresAt ?? null,
    createdAt: world.now(),
  }
}

/** Renames or transfers: the id stays, the old path redirects until somebody takes it. */
export function moveProject(world: World, projectId: number, path: string): void {
  const project = getProject(world, projectId)
  if (findProjectByPath(world, path) !== null) throw new Error(`The path ${path} is taken.`)
  world.state.movedPaths.set(project.path, projectId)
  world.state.movedPaths.delete(path)
  project.path = path
  project.namespaceId = ensureNamespace(world, parentPath(path)).id
}

export async function deleteProject(world: World, projectId: number): Promise<void> {
  const project = getProject(world, projectId)
  const { state } = world
  state.projects.delete(projectId)
  for (const token of state.tokens.values()) {
    if (token.projectId === projectId) removeUser(world, token.userId)
  }
  dropWhere(state.hooks, (hook) => hook.projectId === projectId)
  dropWhere(state.jobs, (job) => job.projectId === projectId)
  dropWhere(state.pipelines, (pipeline) => pipeline.projectId === projectId)
  dropWhere(state.notes, (note) => note.projectId === projectId)
  dropWhere(state.mergeRequests, (mr) => mr.projectId === projectId)
  for (const mr of state.mergeRequests.values()) {
    if (mr.sourceProjectId === projectId) mr.sourceProjectId = null
  }
  for (const other of state.projects.values()) {
    if (other.forkedFromId === projectId) other.forkedFromId = null
  }
  await world.repositories.remove(project.gitDir)
}

function dropWhere<T>(entries: Map<number, T>, condition: (entry: T) => boolean): void {
  for (const [id, entry] of entries) {
    if (condition(entry)) entries.delete(id)
  }
}

export function getProject(world: World, projectId: number): Project {
  const project = world.state.projects.get(projectId)
  if (project === undefined) throw unknownId('project', projectId)
  return project
}

export function findProjectByPath(world: World, path: string): Project | null {
  for (const project of world.state.projects.values()) {
    if (project.path.toLowerCase() === path.toLowerCase()) return project
  }
  return null
}

export function projectUrl(world: World, project: Project): string {
  return `${world.url}/${project.path}`
}

export function namespaceOf(world: World, project: Project): Namespace {
  return ensureNamespace(world, parentPath(project.path))
}

/** The namespace at this path, with the groups above it. */
export function ensureNamespace(world: World, fullPath: string): Namespace {
  const known = world.state.namespaces.get(fullPath)
  if (known !== undefined) return known
  if (fullPath.includes('/')) ensureNamespace(world, parentPath(fullPath))
  const personal = [...world.state.users.values()].some((user) => user.username === fullPath)
  const namespace: Namespace = {
    id: world.state.nextId('namespace'),
    fullPath,
    kind: personal ? 'user' : 'group',
    name: lastSegment(fullPath),
    description: '',
    visibility: 'public',
    members: [],
    invitations: [],
    createdAt: world.now(),
  }
  world.state.namespaces.set(fullPath, namespace)
  return namespace
}

export function parentPath(path: string): string {
  return path.slice(0, path.lastIndexOf('/'))
}

export function lastSegment(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}
