import type { GitLab } from '../gitlab/port.js'
import { createProjectRefresh } from '../connection/project-refresh.js'
import type { ModelStore } from '../stores/model-store.js'
import type { CarryOverStore } from '../stores/carry-over-store.js'
import type { ComparisonStore } from '../stores/comparison-store.js'
import type { Pipeline, PipelineFacts, PipelineStore } from '../stores/pipeline-store.js'
import type { Project, ProjectStore } from '../stores/project-store.js'
import { jobKey, parseKey } from './keys.js'
import { createPipelineGatherer, type GatheredPipeline } from './pipeline-gatherer.js'
import type { Queue } from './queue.js'
import type { JobHandler, JobResult } from './worker.js'

/** Below this age what GitLab said of a running pipeline is not asked again, unless a webhook spoke. */
const freshMs = 8_000
/** The same in a pipeline's first seconds where no webhook tells of its end: it may be as short as its jobs' burst. */
const youngFreshMs = 1_500
const hourMs = 3_600_000
/** A pipeline that runs longer is given up; a later report or webhook takes it up again. */
const followedForMs = 72 * hourMs
/** Of the children of a pipeline that has ended, each costs a call to GitLab. */
const mostChildren = 20

export interface PipelineJobOptions {
  gitlab: GitLab
  /** The `aud` of our ID tokens. */
  publicUrl: string
  projects: ProjectStore
  pipelines: PipelineStore
  models: ModelStore
  comparisons: ComparisonStore
  carryOvers: Pick<CarryOverStore, 'listMergedFrom'>
  queue: Pick<Queue, 'enqueue'>
  clock: () => Date
}

/** Finds out which merge requests a pipeline's models are for, has their notes written, and follows it to its end. */
export function createPipelineJob(options: PipelineJobOptions): JobHandler {
  const { gitlab, publicUrl, projects, pipelines, models, comparisons, carryOvers, queue, clock } = options
  const gather = createPipelineGatherer({ gitlab, models, audience: publicUrl })
  // Looking again at what has been looked at may wait: posting goes first where GitLab's limit is near.
  const again = gitlab.withContext({ eventUuid: null, isBackground: true })
  const gatherAgain = createPipelineGatherer({ gitlab: again, models, audience: publicUrl })
  const refreshProject = createProjectRefresh(options)

  return async (job) => {
    const { projectId, number: pipelineId } = parseKey(job.key)
    const stored = await projects.find(projectId)
    if (stored === null) return { kind: 'done' }
    const project = await refreshProject(stored)
    const known = await pipelines.find(projectId, pipelineId)
    if (known !== null && (await isFresh(known, project))) {
      if (!(await isSaid(known))) await enqueueNotes(known)
      return after(known, project)
    }
    return look(project, pipelineId, known)
  }

  async function isFresh(known: Pipeline, project: Project): Promise<boolean> {
    if (known.heardAt !== null && known.heardAt >= known.checkedAt) return false
    // A job that reports after the end was started again.
    if (known.ended) return !(await hasReportedSince(known))
    return clock().getTime() - known.checkedAt.getTime() < freshFor(known, project)
  }

  /** Whether all notes have been compared with what the last look at its end told. */
  async function isSaid({ projectId, mrIids, headSha, ended, checkedAt }: Pipeline): Promise<boolean> {
    if (!ended) return false
    const facts = await Promise.all(mrIids.map((mrIid) => comparisons.findFacts(projectId, mrIid)))
    return facts.every(
      (one) =>
        one?.headSha === headSha &&
        one.pipeline.state === 'finished' &&
        one.judgedAt.getTime() > checkedAt.getTime(),
    )
  }

  async function hasReportedSince({ projectId, pipelineId, checkedAt, silent }: Pipeline): Promise<boolean> {
    return silent.some((job) => job.at > checkedAt) || models.hasNewer(projectId, pipelineId, checkedAt)
  }

  async function look(project: Project, pipelineId: number, known: Pipeline | null): Promise<JobResult> {
    const checkedAt = clock()
    const ask = known === null ? gather : gatherAgain
    const seen = await ask(project, { pipelineId, known, checkedAt })
    if (seen === null) return { kind: 'done' }
    if (seen.facts.ended) await lookAtChildren(project, seen)
    await keep(project, seen.facts, known)
    await enqueueNotes(seen.facts)
    return after(seen.facts, project)
  }

  /** The end of a pipeline is that of its children, so what became of their jobs is known before. */
  async function lookAtChildren(
    project: Project,
    { facts: root, children }: GatheredPipeline,
  ): Promise<void> {
    if (children.length === 0) return
    const rows = await pipelines.listByIds(
      project.id,
      children.map((child) => child.pipelineId),
    )
    const knownOf = new Map(rows.map((row) => [row.pipelineId, row]))
    const unseen = children.filter((child) => knownOf.get(child.pipelineId)?.ended !== true)
    for (const { pipelineId } of unseen.slice(0, mostChildren)) {
      const known = knownOf.get(pipelineId) ?? null
      const seen = await gather(project, { pipelineId, known, rootId: root.pipelineId, checkedAt: clock() })
      if (seen !== null) await keep(project, seen.facts, known)
    }
  }

  async function keep(project: Project, seen: PipelineFacts, known: Pipeline | null): Promise<void> {
    await pipelines.save(seen)
    if (seen.kind === 'branch') await enqueueNotesAgainst(project, seen.ref, seen, known)
  }

  /** Those that a child is for are its root's, without which nobody knows what is still to come. */
  async function enqueueNotes({ projectId, mrIids, rootId }: PipelineFacts): Promise<void> {
    const notes = mrIids.map((mrIid) => jobKey.note(projectId, mrIid))
    await queue.enqueue(rootId === null ? notes : [jobKey.pipeline(projectId, rootId)])
  }

  /** The models of a branch are what others are compared with, once GitLab says that their jobs succeeded. */
  async function enqueueNotesAgainst(
    project: Project,
    branch: string,
    facts: PipelineFacts,
    known: Pipeline | null,
  ) {
    const before = new Set(known?.jobs.filter(succeeded).map((job) => job.id))
    if (facts.jobs.filter(succeeded).every((job) => before.has(job.id))) return
    const against = await comparisons.listOpenAgainst(project.id, branch)
    // Of a branch that was merged meanwhile, they may be carried over.
    const merged = await carryOvers.listMergedFrom(project.id, facts.headSha)
    await queue.enqueue([...against, ...merged].map((mrIid) => jobKey.note(project.id, mrIid)))
  }

  function after(pipeline: PipelineFacts, project: Project): JobResult {
    const ageMs = clock().getTime() - pipeline.firstSeenAt.getTime()
    if (pipeline.ended || ageMs > followedForMs) return { kind: 'done' }
    return { kind: 'again', inMs: pollInterval(ageMs, project.hook.state === 'registered') }
  }
}

function succeeded(job: { status: string }): boolean {
  return job.status === 'success'
}

/** Where no webhook tells of the end, a young pipeline is asked about sooner, less and less often. */
function freshFor({ firstSeenAt, checkedAt }: Pipeline, project: Project): number {
  if (project.hook.state === 'registered') return freshMs
  return Math.min(Math.max(checkedAt.getTime() - firstSeenAt.getTime(), youngFreshMs), freshMs)
}

/** Quick at first, when people wait; rarely where a webhook tells of the end anyway. */
function pollInterval(ageMs: number, hasHook: boolean): number {
  if (hasHook) return 60_000
  if (ageMs < 10 * 60_000) return 10_000
  return ageMs < 6 * hourMs ? 60_000 : 5 * 60_000
}
