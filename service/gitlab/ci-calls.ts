import { Commits, Jobs, Lint, Metadata, RepositoryFiles } from '@gitbeaker/rest'
import { z } from 'zod'
import { find, get, list, perPage } from './answers.js'
import { GitLabError } from './errors.js'
import type { GitLab, GitLabCommitStatus, GitLabCommitStatusOutcome, GitLabFile } from './port.js'
import { Bridge, CiConfig, Commit, RepositoryFile, Version } from './schema.js'

type Resource = NonNullable<ConstructorParameters<typeof Jobs>[0]>

const mostFileBytes = 1024 * 1024

/** Calls about what a pipeline is made from and what it is told. */
export function ciCalls(
  resource: Resource,
  maxBodyBytes: number,
): Pick<GitLab, 'listBridges' | 'findFile' | 'lintCi' | 'setCommitStatus' | 'getVersion'> {
  const jobs = new Jobs(resource)
  const files = new RepositoryFiles(resource)
  const commits = new Commits(resource)
  const lint = new Lint(resource)
  const metadata = new Metadata(resource)

  async function findFile(projectId: number, path: string, ref: string): Promise<GitLabFile | null> {
    try {
      const file = await find(files.show(projectId, path, ref), RepositoryFile)
      if (file === null) return null
      const { size: sizeBytes, commit_id: commitId, content } = file
      const text = sizeBytes > mostFileBytes ? null : Buffer.from(content, 'base64').toString('utf8')
      return { text, commitId, sizeBytes }
    } catch (error) {
      if (!(error instanceof GitLabError) || error.kind !== 'too_large') throw error
      const commit = await find(commits.show(projectId, ref), Commit)
      return commit && { text: null, commitId: commit.id, sizeBytes: Math.floor((maxBodyBytes * 3) / 4) }
    }
  }

  return {
    findFile,
    listBridges: (projectId, pipelineId) =>
      list((page) => {
        // gitbeaker's types know of no pages here.
        const paging: object = { perPage, page }
        return jobs.allPipelineBridges(projectId, pipelineId, paging)
      }, Bridge),
    lintCi: (projectId, sha, { ref } = {}) => {
      // GitLab takes the commit as `sha` since 16.5 and as `content_ref` since 16.10, and refuses both together.
      const query = { sha, includeJobs: true, ...(ref === undefined ? {} : { dryRun: true, ref }) }
      return unlessRefused(get(lint.check(projectId, query), CiConfig))
    },
    setCommitStatus: (projectId, sha, status) =>
      outcomeOf(commits.editStatus(projectId, sha, status.state, statusOptions(status))),
    getVersion: () => unlessRefused(get(metadata.show(), Version)),
  }
}

function statusOptions({ pipelineId, name, description, targetUrl }: GitLabCommitStatus) {
  return { pipelineId, name, description, targetUrl }
}

async function outcomeOf(call: Promise<unknown>): Promise<GitLabCommitStatusOutcome> {
  try {
    await get(call, z.object({ status: z.string() }))
    return 'set'
  } catch (error) {
    if (!(error instanceof GitLabError)) throw error
    if (isRepeated(error)) return 'already_there'
    if (error.status === 403 || error.status === 404 || error.status === 422) return 'not_possible'
    throw error
  }
}

/** GitLab refuses to set a state that holds already; `drop` is its word for failing. */
function isRepeated({ status, reason }: GitLabError): boolean {
  return (
    status === 400 && /Cannot transition status via :(?:success from :success|drop from :failed)/.test(reason)
  )
}

async function unlessRefused<T>(call: Promise<T>): Promise<T | null> {
  try {
    return await call
  } catch (error) {
    const refused = error instanceof GitLabError && (error.kind === 'forbidden' || error.kind === 'not_found')
    if (refused) return null
    throw error
  }
}
