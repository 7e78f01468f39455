import { accessLevel, developer } from '../access.js'
import type { LintedJob, LintResult } from '../ci/lint.js'
import { resolveCommit } from '../git/commits.js'
import { notFound, parameterError } from '../errors.js'
import { lintCommit } from '../runner/lint.js'
import type { Project } from '../state.js'
import type { Api, SignedAsk } from './api.js'
import { flag, optionalText, projectOf, requireCode } from './parameters.js'

export function addLintRoutes(api: Api): void {
  api.signed('GET', '/projects/:id/ci/lint', lint)
}

async function lint(ask: SignedAsk): Promise<unknown> {
  const project = projectOf(ask)
  const contentRef = chosen(ask, 'sha', 'content_ref')
  const dryRunRef = chosen(ask, 'ref', 'dry_run_ref') ?? project.defaultBranch
  requireCode(ask, project)
  if ((await resolveCommit(project.gitDir, `refs/heads/${project.defaultBranch}`)) === null) {
    throw notFound('Repository')
  }
  // Before 16.5 the parameter is not known, and what is not known is ignored.
  const revision = ask.world.profile.lintsCommits ? contentRef : null
  const sha = await resolveCommit(project.gitDir, revision ?? `refs/heads/${project.defaultBranch}`)
  if (sha === null) throw notFound('Commit')
  const isDryRun = flag(ask.query['dry_run'])
  const refusal = isDryRun ? await refusedDryRun(ask, project, dryRunRef) : null
  if (refusal !== null) return present(ask, { errors: [refusal], mergedYaml: null, jobs: [] })
  const request = { project, user: ask.user, sha, dryRunRef: isDryRun ? dryRunRef : null }
  return present(ask, await lintCommit(ask.world, request))
}

function chosen({ query }: SignedAsk, old: string, name: string): string | null {
  if (query[old] !== undefined && query[name] !== undefined) {
    throw parameterError(`${old}, ${name} are mutually exclusive`)
  }
  return optionalText(query[name] ?? query[old])
}

async function refusedDryRun(ask: SignedAsk, project: Project, ref: string): Promise<string | null> {
  if (accessLevel(ask.world, project, ask.user) < developer) {
    return 'Insufficient permissions to create a new pipeline'
  }
  const head = await resolveCommit(project.gitDir, `refs/heads/${ref}`)
  return head === null ? 'Reference not found' : null
}

function present(ask: SignedAsk, { errors, mergedYaml, jobs }: LintResult): Record<string, unknown> {
  return {
    valid: errors.length === 0,
    errors,
    warnings: [],
    merged_yaml: mergedYaml,
    includes: [],
    ...(flag(ask.query['include_jobs']) ? { jobs: jobs.map(presentJob) } : {}),
  }
}

function presentJob(job: LintedJob): Record<string, unknown> {
  return {
    name: job.name,
    stage: job.stage,
    before_script: job.beforeScript,
    script: job.script,
    after_script: job.afterScript,
    tag_list: [],
    environment: null,
    when: job.when,
    allow_failure: job.allowFailure,
  }
}
