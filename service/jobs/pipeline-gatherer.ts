import { isGateJob } from '../domain/gate-job.js'
import { hasEnded, type PipelineTarget, pipelineTarget } from '../domain/target.js'
import type { GitLab, GitLabDownstream, GitLabJob, GitLabPipeline } from '../gitlab/port.js'
import type { ModelStore } from '../stores/model-store.js'
import type { Pipeline, PipelineFacts } from '../stores/pipeline-store.js'
import type { Project } from '../stores/project-store.js'
import { createPipelineLooks, noChildren, type PipelineLook } from './pipeline-looks.js'

export interface PipelineGathererOptions {
  gitlab: GitLab
  models: Pick<ModelStore, 'markSourceCommit'>
  /** The `aud` of our ID tokens. */
  audience: string
}

export interface PipelineToGather {
  pipelineId: number
  /** What the look before this one told. */
  known: Pipeline | null
  /** The pipeline that people started, where it is known that this is a child of it. */
  rootId?: number
  checkedAt: Date
}

export interface GatheredPipeline {
  facts: PipelineFacts
  /** Of a pipeline that has ended, those that it started and that they started. */
  children: GitLabDownstream[]
}

const notTold = { expected: null, asksExpected: false }

type SameFacts = Omit<PipelineFacts, 'status' | 'ended' | 'jobs' | 'checkedAt'>

/** All that GitLab tells of a pipeline now; null where it is gone. */
export type PipelineGatherer = (
  project: Project,
  pipeline: PipelineToGather,
) => Promise<GatheredPipeline | null>

export function createPipelineGatherer({
  gitlab,
  models,
  audience,
}: PipelineGathererOptions): PipelineGatherer {
  const looks = createPipelineLooks({ gitlab, audience })

  return async (project, { pipelineId, known, rootId, checkedAt }) => {
    const now = await looks.look(project, pipelineId)
    if (now === null) return null
    const facts =
      known === null
        ? await firstFacts(project, now.pipeline, { rootId, firstSeenAt: checkedAt })
        : await sameFacts(project, known)
    const { children, ...standing } = await standingOf(project, now, facts)
    return { facts: { ...facts, ...standing, checkedAt }, children }
  }

  /** What does not change while a pipeline runs. */
  async function firstFacts(
    project: Project,
    found: GitLabPipeline,
    { rootId: knownRootId, firstSeenAt }: { rootId: number | undefined; firstSeenAt: Date },
  ): Promise<SameFacts> {
    const target = pipelineTarget(found)
    const [merge, mrIids, expected, rootId] = await Promise.all([
      mergeOf(project, found, target),
      mergeRequestsOf(project, target),
      target.kind === 'none' ? notTold : askExpected(project, found),
      knownRootId ?? (found.source === 'parent_pipeline' ? looks.rootOf(project, found) : null),
    ])
    const { id: pipelineId, sha, ref, source, webUrl } = found
    const { kind } = target
    return {
      projectId: project.id,
      pipelineId,
      sha,
      ...merge,
      ref,
      kind,
      source,
      webUrl,
      mrIids,
      ...expected,
      rootId,
      firstSeenAt,
    }
  }

  async function sameFacts(project: Project, known: Pipeline): Promise<SameFacts> {
    const { silent: _, heardAt: __, commitStatus: ___, verdicts: ____, ...facts } = known
    const { sha, headSha, targetSha, kind, ref } = known
    if (targetSha !== null) await models.markSourceCommit(project.id, sha, headSha)
    const told = known.asksExpected ? await askExpected(project, known) : {}
    if (kind !== 'branch') return { ...facts, ...told }
    return { ...facts, ...told, mrIids: await mergeRequestsOf(project, { kind, branch: ref }) }
  }

  async function askExpected(project: Project, pipeline: Pick<Pipeline, 'sha' | 'source'>) {
    const { expected, asksAgain } = await looks.expectedJobs(project, pipeline)
    return { expected, asksExpected: asksAgain }
  }

  /** A pipeline has ended with its child pipelines. */
  async function standingOf(
    project: Project,
    { pipeline: { id, status }, jobs }: PipelineLook,
    { expected, kind, source }: SameFacts,
  ) {
    const hasEndedItself = hasEnded(status) || allEnded(jobs, expected?.gates ?? [])
    // Those of a child are found with its root's. Where nobody knows of any, GitLab is asked at the end.
    const mayHaveChildren =
      kind !== 'none' && source !== 'parent_pipeline' && expected?.startsPipelines !== false
    const children = hasEndedItself && mayHaveChildren ? await looks.descendants(project, id) : noChildren
    return {
      children: children.pipelines,
      status,
      ended:
        hasEndedItself && children.areStarted && children.pipelines.every((child) => hasEnded(child.status)),
      jobs: jobs.map(({ id: jobId, name, status: of, allowFailure }) => ({
        id: jobId,
        name,
        status: of,
        allowFailure,
      })),
    }
  }

  /** In merged-results pipelines the commit is in no branch: its parents are the target's and the source's heads. */
  async function mergeOf(project: Project, found: GitLabPipeline, target: PipelineTarget) {
    if (target.kind !== 'merge_request' || !target.mergedResults)
      return { headSha: found.sha, targetSha: null }
    const merge = await parentsOf(project, found.sha)
    await models.markSourceCommit(project.id, found.sha, merge.headSha)
    return merge
  }

  async function parentsOf(project: Project, sha: string) {
    const [commit] = await gitlab.listCommits(project.gitlabProjectId, sha, 1)
    const [targetSha = null, headSha = sha] = commit?.parentIds ?? []
    return { headSha, targetSha }
  }

  async function mergeRequestsOf(project: Project, target: PipelineTarget): Promise<number[]> {
    if (target.kind === 'merge_request') return [target.mrIid]
    if (target.kind === 'none') return []
    const open = await gitlab.listOpenMergeRequests(project.gitlabProjectId, target.branch)
    return open.filter((mr) => mr.sourceProjectId === project.gitlabProjectId).map((mr) => mr.iid)
  }
}

function allEnded(jobs: GitLabJob[], gates: readonly string[]): boolean {
  const isGate = (job: GitLabJob) => isGateJob(job) || gates.includes(job.name)
  return jobs.length > 0 && jobs.every((job) => isGate(job) || hasEnded(job.status))
}
