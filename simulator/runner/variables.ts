import type { Commit } from '../git/commits.js'
import { getUser } from '../people.js'
import { isDraft } from '../present/merge-requests.js'
import { jobUrl, pipelineUrl } from '../present/pipelines.js'
import { getProject, lastSegment, namespaceOf, parentPath, projectUrl } from '../projects.js'
import type { Job, MergeRequest, Pipeline, Project } from '../state.js'
import type { World } from '../world.js'

export type Variables = Record<string, string>

/** A pipeline before it is known whether it has any jobs. */
export interface PlannedPipeline {
  project: Project
  sha: string
  beforeSha: string
  /** As `Pipeline.ref`. */
  ref: string
  tag: boolean
  source: string
  userId: number
  mr: MergeRequest | null
  merged: { sourceSha: string; targetSha: string } | null
  /** The commit that the merge request's diff starts from. */
  diffBaseSha: string | null
  /** Of a child pipeline: the job that starts it, and what it hands over. */
  child: { bridge: Job; config: string; variables: Variables } | null
}

/**
 * The variables that GitLab knows when a pipeline is created, section 5.4 of the contract: those that `rules`
 * and `include` may use. What depends on ids of the pipeline or a job is in `jobVariables`.
 */
export function pipelineVariables(world: World, plan: PlannedPipeline, commit: Commit | null): Variables {
  return {
    CI: 'true',
    GITLAB_CI: 'true',
    ...serverVariables(world),
    ...projectVariables(world, plan.project),
    ...commitVariables(world, plan, commit),
    ...(plan.mr === null ? branchVariables(world, plan) : mergeRequestVariables(world, plan.mr, plan)),
    CI_PIPELINE_SOURCE: plan.source,
    CI_CONFIG_PATH: plan.project.ciConfigPath ?? '.gitlab-ci.yml',
    ...userVariables(world, plan.userId),
    ...plan.child?.variables,
  }
}

function serverVariables(world: World): Variables {
  const url = new URL(world.url)
  const [major = '', minor = '', patch = ''] = world.profile.version.split('.')
  return {
    CI_SERVER: 'yes',
    CI_SERVER_NAME: 'GitLab',
    CI_SERVER_URL: world.url,
    CI_SERVER_HOST: url.hostname,
    CI_SERVER_FQDN: url.host,
    CI_SERVER_PORT: url.port,
    CI_SERVER_PROTOCOL: url.protocol.replace(':', ''),
    CI_SERVER_VERSION: world.profile.version,
    CI_SERVER_VERSION_MAJOR: major,
    CI_SERVER_VERSION_MINOR: minor,
    CI_SERVER_VERSION_PATCH: patch,
    CI_API_V4_URL: `${world.url}/api/v4`,
  }
}

function projectVariables(world: World, project: Project): Variables {
  const namespace = namespaceOf(world, project)
  return {
    CI_PROJECT_ID: String(project.id),
    CI_PROJECT_NAME: lastSegment(project.path),
    CI_PROJECT_TITLE: lastSegment(project.path),
    CI_PROJECT_PATH: project.path,
    CI_PROJECT_PATH_SLUG: slug(project.path),
    CI_PROJECT_NAMESPACE: parentPath(project.path),
    CI_PROJECT_NAMESPACE_ID: String(namespace.id),
    CI_PROJECT_ROOT_NAMESPACE: project.path.split('/')[0] ?? '',
    CI_PROJECT_URL: projectUrl(world, project),
    CI_PROJECT_VISIBILITY: project.visibility,
    CI_DEFAULT_BRANCH: project.defaultBranch,
  }
}

function commitVariables(world: World, plan: PlannedPipeline, commit: Commit | null): Variables {
  const ref = plan.mr?.sourceBranch ?? plan.ref
  const [title = '', ...rest] = (commit?.message ?? '').split('\n')
  const isProtected = plan.mr === null && plan.project.protectedBranches.includes(ref)
  return {
    CI_COMMIT_SHA: plan.sha,
    CI_COMMIT_SHORT_SHA: plan.sha.slice(0, 8),
    CI_COMMIT_BEFORE_SHA: plan.beforeSha,
    CI_COMMIT_REF_NAME: ref,
    CI_COMMIT_REF_SLUG: slug(ref),
    CI_COMMIT_REF_PROTECTED: String(isProtected),
    CI_COMMIT_MESSAGE: commit?.message ?? '',
    CI_COMMIT_TITLE: title,
    CI_COMMIT_DESCRIPTION: rest.join('\n').trim(),
    CI_COMMIT_TIMESTAMP: commit?.committedDate ?? '',
    CI_COMMIT_AUTHOR: commit === null ? '' : `${commit.authorName} <${commit.authorEmail}>`,
  }
}

/** `CI_COMMIT_BRANCH` is what merge-request pipelines lack, and tags have `CI_COMMIT_TAG` instead. */
function branchVariables(world: World, plan: PlannedPipeline): Variables {
  if (plan.tag) return { CI_COMMIT_TAG: plan.ref }
  const open = [...world.state.mergeRequests.values()].filter(
    (mr) => mr.state === 'opened' && mr.sourceProjectId === plan.project.id && mr.sourceBranch === plan.ref,
  )
  const named = open.slice(0, 4).map((mr) => `${getProject(world, mr.projectId).path}!${mr.iid}`)
  return {
    CI_COMMIT_BRANCH: plan.ref,
    ...(named.length === 0 ? {} : { CI_OPEN_MERGE_REQUESTS: named.join(',') }),
  }
}

/** Only while the merge request is open. Branch SHAs are set in merged-results pipelines alone. */
function mergeRequestVariables(world: World, mr: MergeRequest, plan: PlannedPipeline): Variables {
  const target = getProject(world, mr.projectId)
  const source = getProject(world, mr.sourceProjectId ?? mr.projectId)
  return {
    CI_MERGE_REQUEST_ID: String(mr.id),
    CI_MERGE_REQUEST_IID: String(mr.iid),
    CI_MERGE_REQUEST_PROJECT_ID: String(target.id),
    CI_MERGE_REQUEST_PROJECT_PATH: target.path,
    CI_MERGE_REQUEST_PROJECT_URL: projectUrl(world, target),
    CI_MERGE_REQUEST_REF_PATH: `refs/merge-requests/${mr.iid}/head`,
    CI_MERGE_REQUEST_TITLE: mr.title,
    CI_MERGE_REQUEST_DESCRIPTION: mr.description,
    CI_MERGE_REQUEST_DRAFT: String(isDraft(mr.title)),
    CI_MERGE_REQUEST_SOURCE_PROJECT_ID: String(source.id),
    CI_MERGE_REQUEST_SOURCE_PROJECT_PATH: source.path,
    CI_MERGE_REQUEST_SOURCE_PROJECT_URL: projectUrl(world, source),
    CI_MERGE_REQUEST_SOURCE_BRANCH_NAME: mr.sourceBranch,
    CI_MERGE_REQUEST_SOURCE_BRANCH_PROTECTED: String(source.protectedBranches.includes(mr.sourceBranch)),
    CI_MERGE_REQUEST_SOURCE_BRANCH_SHA: plan.merged?.sourceSha ?? '',
    CI_MERGE_REQUEST_TARGET_BRANCH_NAME: mr.targetBranch,
    CI_MERGE_REQUEST_TARGET_BRANCH_PROTECTED: String(target.protectedBranches.includes(mr.targetBranch)),
    CI_MERGE_REQUEST_TARGET_BRANCH_SHA: plan.merged?.targetSha ?? '',
    CI_MERGE_REQUEST_DIFF_BASE_SHA: plan.diffBaseSha ?? '',
    CI_MERGE_REQUEST_EVENT_TYPE: plan.merged === null ? 'detached' : 'merged_result',
    ...(mr.labels.length === 0 ? {} : { CI_MERGE_REQUEST_LABELS: mr.labels.join(',') }),
  }
}

function userVariables(world: World, userId: number): Variables {
  const user = getUser(world, userId)
  return {
    GITLAB_USER_ID: String(user.id),
    GITLAB_USER_LOGIN: user.username,
    GITLAB_USER_NAME: user.name,
    GITLAB_USER_EMAIL: user.email,
  }
}

/** What a running job has beyond the variables of its pipeline. */
export function jobVariables(world: World, pipeline: Pipeline, job: Job): Variables {
  const project = getProject(world, pipeline.projectId)
  return {
    CI_PIPELINE_ID: String(pipeline.id),
    CI_PIPELINE_IID: String(pipeline.iid),
    CI_PIPELINE_URL: pipelineUrl(world, pipeline),
    CI_PIPELINE_CREATED_AT: pipeline.createdAt.toISOString(),
    CI_JOB_ID: String(job.id),
    CI_JOB_URL: jobUrl(world, job),
    CI_JOB_NAME: job.name,
    CI_JOB_NAME_SLUG: slug(job.name),
    CI_JOB_STAGE: job.stage,
    CI_JOB_STARTED_AT: (job.startedAt ?? world.now()).toISOString(),
    CI_JOB_TOKEN: job.token,
    ...(job.when === 'manual' ? { CI_JOB_MANUAL: 'true' } : {}),
    CI_REPOSITORY_URL: cloneUrl(world, project, job),
    CI_RUNNER_ID: '1',
    CI_RUNNER_DESCRIPTION: 'simulator',
    CI_CONCURRENT_ID: '0',
  }
}

/** With the job's token, which reads the project while the job runs. */
export function cloneUrl(world: World, project: Project, job: Job): string {
  return `${projectUrl(world, project).replace('://', `://gitlab-ci-token:${job.token}@`)}.git`
}

/** GitLab's slug: lower case, at most 63 characters of `0-9a-z-`, no hyphen at an end. */
function slug(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^0-9a-z]/g, '-')
    .slice(0, 63)
    .replace(/^-+|-+$/g, '')
}
