import type { ExpectedJobs } from '../domain/expected-jobs.js'
import { hasEnded } from '../domain/target.js'
import { GitLabError } from '../gitlab/errors.js'
import type { GitLab, GitLabDownstream, GitLabJob, GitLabPipeline } from '../gitlab/port.js'
import { readExpectedJobs } from '../ingest/ci-config.js'
import type { Project } from '../stores/project-store.js'

/** Trees of child pipelines larger than this are looked at in part. */
const mostBridgeCalls = 10

/** A pipeline at one moment. */
export interface PipelineLook {
  pipeline: GitLabPipeline
  jobs: GitLabJob[]
}

interface ToldExpected {
  /** Null where GitLab does not tell. */
  expected: ExpectedJobs | null
  /** Whether GitLab may tell at another time. */
  asksAgain: boolean
}

const notTold: ToldExpected = { expected: null, asksAgain: false }

interface Descendants {
  pipelines: GitLabDownstream[]
  /** False while a job is still to start one. */
  areStarted: boolean
}

export const noChildren: Descendants = { pipelines: [], areStarted: true }

/** The calls to GitLab that tell how a pipeline stands, as few as the case allows. */
export function createPipelineLooks({ gitlab, audience }: { gitlab: GitLab; audience: string }) {
  /** Jobs tell of their pipeline, so that they are asked for alone where that is enough. Null where it is gone. */
  async function look(project: Project, pipelineId: number): Promise<PipelineLook | null> {
    const jobs = await listJobs(project, pipelineId)
    const told = jobs[0]?.pipeline ?? null
    if (told !== null && isOf(jobs, told)) return { pipeline: told, jobs }
    const pipeline = await gitlab.findPipeline(project.gitlabProjectId, pipelineId)
    if (pipeline === null) return null
    return { pipeline, jobs: isOf(jobs, pipeline) ? jobs : await listJobs(project, pipelineId) }
  }

  /** None where the pipeline is gone. */
  async function listJobs(project: Project, pipelineId: number): Promise<GitLabJob[]> {
    try {
      return await gitlab.listPipelineJobs(project.gitlabProjectId, pipelineId)
    } catch (error) {
      if (error instanceof GitLabError && error.kind === 'not_found') return []
      throw error
    }
  }

  /** Jobs that hold our ID token, by the compiled configuration. */
  async function expectedJobs(
    project: Project,
    { sha, source }: Pick<GitLabPipeline, 'sha' | 'source'>,
  ): Promise<ToldExpected> {
    if (source === 'parent_pipeline') return notTold
    try {
      const config = await gitlab.lintCi(project.gitlabProjectId, sha)
      if (!config?.mergedYaml) return notTold
      return { expected: readExpectedJobs(config.mergedYaml, audience), asksAgain: false }
    } catch (error) {
      // A note without "of 4" is better than a late one.
      if (error instanceof GitLabError) return { expected: null, asksAgain: isPassing(error) }
      throw error
    }
  }

  /** The pipelines of this project that a pipeline started, and those that they started. */
  async function descendants(project: Project, pipelineId: number): Promise<Descendants> {
    const found: GitLabDownstream[] = []
    const open = [pipelineId]
    let areStarted = true
    for (let calls = 0; open.length > 0 && calls < mostBridgeCalls; calls += 1) {
      const bridges = await gitlab.listBridges(project.gitlabProjectId, open.shift() ?? 0)
      const started = bridges.flatMap(({ downstream }) =>
        downstream?.projectId === project.gitlabProjectId ? [downstream] : [],
      )
      if (bridges.some(({ downstream, status }) => downstream === null && !hasEnded(status)))
        areStarted = false
      found.push(...started)
      open.push(...started.map((one) => one.pipelineId))
    }
    return { pipelines: found, areStarted }
  }

  /** The pipeline that people started, of which this is a child; null where it is not found. */
  async function rootOf(project: Project, child: GitLabPipeline): Promise<number | null> {
    const roots = await gitlab.listPipelines(project.gitlabProjectId, { sha: child.sha })
    for (const root of roots.filter((one) => one.source !== 'parent_pipeline' && one.id < child.id)) {
      const { pipelines } = await descendants(project, root.id)
      if (pipelines.some((one) => one.pipelineId === child.id)) return root.id
    }
    return null
  }

  return { look, expectedJobs, descendants, rootOf }
}

/** Asked at the same moment, the jobs may be those of a moment before the pipeline ended. */
function isOf(jobs: GitLabJob[], { status }: GitLabPipeline): boolean {
  if (!hasEnded(status)) return true
  return jobs.length > 0 && jobs.every((job) => hasEnded(job.status))
}

function isPassing({ kind }: GitLabError): boolean {
  return kind === 'unavailable' || kind === 'rate_limited' || kind === 'unauthorized'
}
