import type { Addresses } from '../domain/addresses.js'
import { chooseBaselines, choosePerIdentity } from '../domain/baseline.js'
import { type Comparison, compare } from '../domain/compare.js'
import { toComparedTable } from '../domain/compared-table.js'
import type { Model } from '../domain/model.js'
import { hasEnded } from '../domain/target.js'
import { nextWriteAllowedAt, quietMs } from '../domain/write-budget.js'
import type { GitLab, GitLabMergeRequest } from '../gitlab/port.js'
import { mainColumns } from '../render/columns.js'
import { renderLines } from '../render/lines.js'
import { renderNote } from '../render/note.js'
import type { NoteInput } from '../render/note-input.js'
import { verdictText } from '../render/verdict.js'
import type { ComparisonFacts, ComparisonStore, StoredComparison } from '../stores/comparison-store.js'
import type { ModelStore } from '../stores/model-store.js'
import type { NoteStore } from '../stores/note-store.js'
import type { Pipeline, PipelineStore, SilentJob } from '../stores/pipeline-store.js'
import type { Project, ProjectStore } from '../stores/project-store.js'
import type { BaselinePools } from './baseline-pools.js'
import { jobKey, parseKey } from './keys.js'
import { createPace } from './pace.js'
import type { NoteWriter } from './note-writer.js'
import type { Queue } from './queue.js'
import type { JobContext, JobHandler, JobResult } from './worker.js'

/** Of the time, for comparisons that are not written yet: those of thousands of models hold up everything else. */
const meanwhileShare = 0.1
/** A look at a pipeline ends in the same write as the models that came before it, if it is as quick as this. */
const lookMs = 2_000
/** GitLab prepares the diff of a new merge request in the background. */
const preparingMs = 2_000
const mostFailedJobs = 100

export interface NoteJobOptions {
  gitlab: GitLab
  projects: ProjectStore
  pipelines: PipelineStore
  models: ModelStore
  notes: NoteStore
  comparisons: ComparisonStore
  pools: BaselinePools
  writer: NoteWriter
  queue: Pick<Queue, 'enqueue'>
  addresses: Addresses
  clock: () => Date
}

/** What was reported for one head of a merge request. */
interface Head {
  sha: string
  /** Newest first. */
  pipelines: Pipeline[]
  models: Model[]
  silent: SilentJob[]
}

/** What a comparison needs to know of its merge request. */
type Facts = Pick<GitLabMergeRequest, 'iid' | 'state' | 'webUrl' | 'targetBranch' | 'commitsBehind'> & {
  baseSha: string
  previousHeadSha: string | null
}

interface Judged {
  projectId: string
  head: Head
  input: NoteInput
}

/** Brings the note of a merge request up to date with what is stored now, whatever asked for it. */
export function createNoteJob(options: NoteJobOptions): JobHandler {
  const { gitlab, projects, pipelines, models, notes, comparisons, pools, writer, queue, addresses, clock } =
    options

  const pace = createPace(meanwhileShare)

  return async (job, context) => {
    const { projectId, number: mrIid } = parseKey(job.key)
    const project = await projects.find(projectId)
    if (project === null) return { kind: 'done' }
    const before = await comparisons.findFacts(projectId, mrIid)
    const waitMs = before === null ? 0 : await compareMeanwhile(project, before)
    if (waitMs > 0) return { kind: 'again', inMs: waitMs }

    const mergeRequest = await gitlab.findMergeRequest(project.gitlabProjectId, mrIid)
    if (mergeRequest === null) return { kind: 'done' }
    if (mergeRequest.state !== 'opened' && mergeRequest.state !== 'locked') {
      await comparisons.setState(projectId, mrIid, mergeRequest.state)
      return { kind: 'done' }
    }
    const { sha, baseSha } = mergeRequest
    if (sha === null || baseSha === null) return { kind: 'again', inMs: preparingMs }
    const head = await readHead(project, sha)
    if (head.models.length === 0 && head.silent.length === 0) return { kind: 'done' }
    const facts = { ...mergeRequest, baseSha, previousHeadSha: previousHeadOf(before, sha) }
    const input = await compareHead(project, facts, head)
    return write(project, facts, input, context)
  }

  /** While the note may not be written, the models that came are compared with what GitLab said before: the jobs that
   * reported them wait for that. Answers how long the note has to wait. */
  async function compareMeanwhile(project: Project, before: ComparisonFacts): Promise<number> {
    if (before.mrState !== 'opened') return 0
    const newestHead = await pipelines.findNewestHead(project.id, before.mrIid)
    if (newestHead !== null && newestHead !== before.headSha) return 0
    const rows = await pipelines.listOfHead(project.id, before.headSha)
    const waitMs = await waitFor(project, before.mrIid, rows)
    if (waitMs <= 0) return 0
    const turn = pace.take(clock())
    if (turn.kind === 'later') return Math.min(turn.inMs, waitMs)
    const facts = { ...before, iid: before.mrIid, state: before.mrState, webUrl: before.mrUrl }
    await compareHead(project, facts, await readHead(project, before.headSha, rows)).finally(() =>
      turn.end(clock()),
    )
    return waitMs
  }

  async function readHead(project: Project, sha: string, known?: Pipeline[]): Promise<Head> {
    const rows = known ?? (await pipelines.listOfHead(project.id, sha))
    const ids = new Set(rows.map((row) => row.pipelineId))
    const found = await models.listOfCommits(project.id, [...new Set(rows.map((row) => row.sha))])
    return {
      sha,
      pipelines: rows,
      models: choosePerIdentity(found.filter((model) => ids.has(model.pipeline.id))),
      silent: rows.flatMap((row) => row.silent),
    }
  }

  /** The first write is quick, the last one too; in between a burst shares one, and then there is one per 30 s. */
  async function waitFor(project: Project, mrIid: number, rows: Pipeline[]): Promise<number> {
    if (rows.every((row) => row.ended)) return 0
    const known = (await notes.find({ projectId: project.id, mrIid }))?.writes ?? []
    // A push begins a burst of its own.
    const writes = known.filter((at) => rows.some((row) => row.firstSeenAt <= at))
    const now = clock()
    const commits = [...new Set(rows.map((row) => row.sha))]
    const since = new Date(now.getTime() - quietMs)
    const newestUpload = (await models.findUploadAfter(project.id, commits, since)) ?? since
    const allowedAt = nextWriteAllowedAt({ writes, newestUpload, now }).getTime()
    return Math.max(allowedAt, ...rows.map(looksUntil)) - now.getTime()
  }

  /** The comparison is kept before the note is written: the jobs that reported wait for it. */
  async function compareHead(project: Project, facts: Facts, head: Head): Promise<NoteInput> {
    const input = await gather(project, facts, head)
    await comparisons.save(toStored(facts, { projectId: project.id, head, input }))
    return input
  }

  async function gather(project: Project, facts: Facts, head: Head): Promise<NoteInput> {
    const { previousHeadSha } = facts
    const targetSha = head.pipelines.find((row) => row.targetSha !== null)?.targetSha ?? null
    const gathered = await pools.gather({ project, mergeRequest: facts, targetSha, candidates: head.models })
    const compareWith = (candidates: Model[]): Comparison =>
      compare({
        candidates,
        baselines: chooseBaselines({ candidates, pools: gathered }),
        endedJobs: endedJobsOf(head),
      })
    const previous = previousHeadSha === null ? null : await readHead(project, previousHeadSha)
    return {
      projectUrl: project.webUrl,
      targetBranch: facts.targetBranch,
      headSha: head.sha,
      pipeline: describePipeline(project, head),
      comparison: compareWith(head.models),
      previous:
        previous === null || previous.models.length === 0
          ? null
          : { headSha: previous.sha, comparison: compareWith(previous.models) },
      links: {
        model: (model) => addresses.model(project.path, model),
        comparison: addresses.mergeRequest(project.path, facts.iid),
      },
    }
  }

  async function write(
    project: Project,
    { iid }: Facts,
    input: NoteInput,
    { fence, remainingLeaseMs, log }: JobContext,
  ): Promise<JobResult> {
    const written = await writer.writeNote({
      projectId: project.id,
      gitlabProjectId: project.gitlabProjectId,
      mrIid: iid,
      body: renderNote(input),
      fence,
      remainingLeaseMs,
    })
    log.info(
      { projectId: project.id, mrIid: iid, noteId: written.noteId, outcome: written.kind },
      'Note written',
    )
    if (written.checkAgainAfterMs !== null) {
      await queue.enqueue(jobKey.noteCheck(project.id, iid), { delayMs: written.checkAgainAfterMs })
    }
    return { kind: 'done' }
  }

  function toStored(facts: Facts, { projectId, head, input }: Judged): StoredComparison {
    return {
      projectId,
      mrIid: facts.iid,
      mrState: facts.state,
      mrUrl: facts.webUrl,
      targetBranch: facts.targetBranch,
      baseSha: facts.baseSha,
      commitsBehind: facts.commitsBehind,
      headSha: head.sha,
      previousHeadSha: facts.previousHeadSha,
      jobIds: reportedJobs(head),
      summary: verdictText(input),
      lines: renderLines(input),
      table: toComparedTable(input.comparison, mainColumns(input.comparison)),
      pipeline: { ...input.pipeline, failedJobs: input.pipeline.failedJobs.slice(0, mostFailedJobs) },
      judgedAt: clock(),
    }
  }
}

function previousHeadOf(before: ComparisonFacts | null, sha: string): string | null {
  if (before === null) return null
  return before.headSha === sha ? before.previousHeadSha : before.headSha
}

/** A webhook spoke of the pipeline and GitLab is being asked what became of it. */
function looksUntil({ heardAt, checkedAt }: Pipeline): number {
  return heardAt === null || heardAt < checkedAt ? 0 : heardAt.getTime() + lookMs
}

function reportedJobs(head: Head): number[] {
  return [...new Set([...head.models.map((model) => model.job.id), ...head.silent.map((job) => job.id)])]
}

function endedJobsOf(head: Head): Set<string> {
  return new Set(
    head.pipelines.flatMap((row) => row.jobs.filter((job) => hasEnded(job.status)).map((job) => job.name)),
  )
}

function describePipeline(project: Project, head: Head): NoteInput['pipeline'] {
  const [newest] = head.pipelines
  const finished = head.pipelines.every((row) => row.ended)
  const failedJobs = failedJobsOf(project, head)
  const reported = new Set(head.models.map((model) => model.job.id)).size
  return {
    id: newest?.pipelineId ?? 0,
    url: newest?.webUrl ?? project.webUrl,
    state: finished ? 'finished' : 'running',
    jobsReported: reported,
    jobsTotal: finished ? reported + failedJobs.length : null,
    failedJobs,
  }
}

/** Jobs that said themselves that they failed, unless a later try of the same job reported a model. */
function failedJobsOf(project: Project, head: Head): NoteInput['pipeline']['failedJobs'] {
  const mended = new Map(head.models.map((model) => [model.job.name, model.job.id]))
  const newestTry = new Map(head.silent.toSorted((a, b) => a.id - b.id).map((job) => [job.name, job]))
  return [...newestTry.values()]
    .filter((job) => (mended.get(job.name) ?? 0) < job.id)
    .map((job) => ({ name: job.name, status: job.status, url: `${project.webUrl}/-/jobs/${job.id}` }))
}
