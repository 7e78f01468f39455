import { isWorthANote } from '../domain/worth-a-note.js'
import { nextWriteAllowedAt, quietMs } from '../domain/write-budget.js'
import type { GitLab, GitLabMergeRequest } from '../gitlab/port.js'
import { renderNote } from '../render/note.js'
import type { ComparisonFacts, ComparisonStore } from '../stores/comparison-store.js'
import type { ModelStore } from '../stores/model-store.js'
import type { NoteStore } from '../stores/note-store.js'
import type { Pipeline, PipelineStore } from '../stores/pipeline-store.js'
import type { Project, ProjectStore } from '../stores/project-store.js'
import type { CarryOvers } from './carry-over.js'
import type { CommitStatusWriter } from './commit-status.js'
import type { Compared, Comparer } from './comparer.js'
import { expectsReports, rootOf } from './described-pipeline.js'
import { jobKey, parseKey } from './keys.js'
import type { Head, HeadPipelines, HeadReader } from './merge-request-head.js'
import { createPace } from './pace.js'
import type { NoteWriter } from './note-writer.js'
import type { Queue } from './queue.js'
import type { JobContext, JobHandler } from './worker.js'

/** Comparisons of thousands of models take tenths of a second, in which nothing else happens. */
const largeComparisons = { share: 0.1, freeMs: 100 }
/** A look at a pipeline ends in the same write as the models that came before it, if it is as quick as this. */
const lookMs = 2_000
/** GitLab prepares the diff of a new merge request in the background. */
const preparingMs = 2_000

export interface NoteJobOptions {
  gitlab: Pick<GitLab, 'findMergeRequest'>
  projects: Pick<ProjectStore, 'find'>
  pipelines: Pick<PipelineStore, 'findNewestHead'>
  models: Pick<ModelStore, 'findUploadAfter'>
  notes: Pick<NoteStore, 'find'>
  comparisons: Pick<ComparisonStore, 'findFacts' | 'setState'>
  listPipelines: HeadPipelines
  readHead: HeadReader
  comparer: Comparer
  carryOvers: Pick<CarryOvers, 'record'>
  writer: NoteWriter
  writeStatus: CommitStatusWriter
  queue: Pick<Queue, 'enqueue'>
  clock: () => Date
}

/** Brings the note of a merge request up to date with what is stored now, whatever asked for it. */
export function createNoteJob(options: NoteJobOptions): JobHandler {
  const {
    gitlab,
    projects,
    pipelines,
    models,
    notes,
    comparisons,
    listPipelines,
    readHead,
    comparer,
    writeStatus,
    carryOvers,
    clock,
  } = options
  const pace = createPace({ ...largeComparisons, clock })

  return async (job, context) => {
    const pauseMs = pace.take(job.key, clock())
    if (pauseMs > 0) return { kind: 'again', inMs: pauseMs }
    const { projectId, number: mrIid } = parseKey(job.key)
    const project = await projects.find(projectId)
    if (project === null) return { kind: 'done' }
    const before = await comparisons.findFacts(projectId, mrIid)
    const waitMs = before === null ? 0 : await compareMeanwhile(job.key, project, before)
    if (waitMs > 0) return { kind: 'again', inMs: waitMs }

    const mergeRequest = await gitlab.findMergeRequest(project.gitlabProjectId, mrIid)
    if (mergeRequest === null) return { kind: 'done' }
    if (!isOpen(mergeRequest)) {
      await comparisons.setState(projectId, mrIid, mergeRequest.state)
      if (mergeRequest.state === 'merged') await carryOvers.record(project, mergeRequest)
      return { kind: 'done' }
    }
    const { sha, baseSha } = mergeRequest
    if (sha === null || baseSha === null) return { kind: 'again', inMs: preparingMs }
    const facts = { ...mergeRequest, baseSha, previousHeadSha: previousHeadOf(before, sha) }
    const head = await readHead(project, { ...mergeRequest, sha })
    if (head.models.length + head.silent.length === 0 && !expectsReports(head)) return { kind: 'done' }
    await comparer.prepare(project, { ...mergeRequest, sha })
    const compared = await pace.measure(job.key, () => comparer.compare(project, facts, head))
    // GitLab takes no notes in an archived project.
    if (project.archived === true) return { kind: 'done' }
    await writeNote(options, { project, mrIid, compared }, context)
    await setStatus(project, { head, mrIid }, compared, context)
    return { kind: 'done' }
  }

  /** Only what will not change any more is said as a status, and nothing of a fork's code. */
  async function setStatus(
    project: Project,
    { head, mrIid }: { head: Head; mrIid: number },
    { input }: Compared,
    context: JobContext,
  ): Promise<void> {
    const pipeline = rootOf(head)
    if (pipeline === undefined || input.isFork || input.pipeline.state === 'running') return
    await writeStatus({ project, pipeline, mrIid, input, context })
  }

  /** While the note may not be written, the models that came are compared with what GitLab said before: the jobs that
   * reported them wait for that. Answers how long the note has to wait. */
  async function compareMeanwhile(key: string, project: Project, before: ComparisonFacts): Promise<number> {
    if (before.mrState !== 'opened') return 0
    const newestHead = await pipelines.findNewestHead(project.id, before.mrIid)
    if (newestHead !== null && newestHead !== before.headSha) return 0
    const { mrIid: iid, mrState: state, mrUrl: webUrl, sourceProjectId = project.gitlabProjectId } = before
    const facts = { ...before, iid, state, webUrl, sourceProjectId }
    const of = { ...facts, sha: before.headSha }
    const rows = await listPipelines(project, of)
    const waitMs = await waitFor(project, before.mrIid, rows)
    if (waitMs <= 0) return 0
    await comparer.prepare(project, of)
    await pace.measure(key, async () => comparer.compare(project, facts, await readHead(project, of, rows)))
    return waitMs
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
}

interface NoteToWrite {
  project: Project
  mrIid: number
  compared: Compared
}

async function writeNote(
  { writer, queue, notes }: Pick<NoteJobOptions, 'writer' | 'queue' | 'notes'>,
  { project, mrIid, compared: { input, when } }: NoteToWrite,
  { fence, remainingLeaseMs, log }: JobContext,
): Promise<void> {
  if (!isWorthANote(input, when) && (await notes.find({ projectId: project.id, mrIid })) === null) return
  const written = await writer.writeNote({
    projectId: project.id,
    gitlabProjectId: project.gitlabProjectId,
    mrIid,
    body: renderNote(input),
    fence,
    remainingLeaseMs,
  })
  log.info({ projectId: project.id, mrIid, noteId: written.noteId, outcome: written.kind }, 'Note written')
  if (written.checkAgainAfterMs !== null) {
    await queue.enqueue(jobKey.noteCheck(project.id, mrIid), { delayMs: written.checkAgainAfterMs })
  }
}

export function isOpen({ state }: GitLabMergeRequest): boolean {
  return state === 'opened' || state === 'locked'
}

function previousHeadOf(before: ComparisonFacts | null, sha: string): string | null {
  if (before === null) return null
  return before.headSha === sha ? before.previousHeadSha : before.headSha
}

/** A webhook spoke of the pipeline and GitLab is being asked what became of it. */
function looksUntil({ heardAt, checkedAt }: Pipeline): number {
  return heardAt === null || heardAt < checkedAt ? 0 : heardAt.getTime() + lookMs
}
