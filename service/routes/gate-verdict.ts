import type { Addresses } from '../domain/addresses.js'
import { isGateJob } from '../domain/gate-job.js'
import { hasEnded } from '../domain/target.js'
import { jobKey } from '../jobs/keys.js'
import type { Queue } from '../jobs/queue.js'
import { count } from '../render/verdict.js'
import type { CiIdentity } from '../schemas/id-token.js'
import type { ComparisonStore, ComparisonWords, StoredVerdict } from '../stores/comparison-store.js'
import type { JobStore } from '../stores/job-store.js'
import type { Pipeline, PipelineStore } from '../stores/pipeline-store.js'
import type { Project } from '../stores/project-store.js'
import { burstMs } from './report-intake.js'
import { pollUntil } from './wait-query.js'

/** How far the clock of the process that looks may be behind ours. */
const clocksDifferMs = 1_000
/** While jobs run beside the gate, GitLab is asked about them this often. */
const lookEveryMs = 10_000
/** The first look at a running pipeline does not ask for its jobs. */
const secondLookMs = 500

export interface GateReaderOptions {
  pipelines: Pick<PipelineStore, 'find' | 'markHeard' | 'listOfHead'>
  comparisons: Pick<ComparisonStore, 'findWords'>
  jobs: Pick<JobStore, 'isUnderWay'>
  queue: Pick<Queue, 'enqueue'>
  addresses: Addresses
  clock: () => Date
}

export interface GateAnswer {
  /** `none`: there is nothing to judge. */
  state: 'passed' | 'warned' | 'failed' | 'none' | 'pending'
  summary: string
  /** The same for a job's log, with the link. */
  lines: string[]
  mergeRequestUrls: string[]
}

export interface GateWaitOptions {
  waitMs: number
  /** Whether nobody waits for the answer any more. */
  isGone: () => boolean
}

type Judgement =
  | { kind: 'judged'; mrIid: number; words: ComparisonWords }
  | { kind: 'none'; why: string }
  | { kind: 'pending'; why: string }

export type GateReader = ReturnType<typeof createGateReader>

/** What the gate of a pipeline is told. */
export function createGateReader(options: GateReaderOptions) {
  const { pipelines, comparisons, jobs, queue, addresses, clock } = options

  /** Answers when the pipeline's merge requests are judged for good, or as it stands after `waitMs`. */
  async function wait(
    project: Project,
    identity: CiIdentity,
    { waitMs, isGone }: GateWaitOptions,
  ): Promise<GateAnswer> {
    if (identity.isFork) return none(project, 'merge requests from forks are not judged')
    if (identity.refType === 'tag') return none(project, 'tags have no merge request')
    const askedAt = clock()
    let lookedAt: Date | null = null

    async function look(): Promise<GateAnswer> {
      const pipeline = await pipelines.find(project.id, identity.pipelineId)
      if (needsLook(pipeline, { askedAt, lookedAt, now: clock() })) {
        lookedAt = clock()
        await askGitLab(project, identity.pipelineId)
      }
      if (pipeline === null || isOld(pipeline, askedAt)) return pending('GitLab is asked about this pipeline')
      if (!pipeline.ended) return pending(waitsFor(pipeline))
      return judge(project, pipeline)
    }

    return pollUntil(look, { isDone: ({ state }) => state !== 'pending', isGone, waitMs })
  }

  /** No webhook tells that all jobs but the gate have ended, as the pipeline goes on running. */
  async function askGitLab(project: Project, pipelineId: number): Promise<void> {
    await pipelines.markHeard(project.id, pipelineId, clock())
    await queue.enqueue(jobKey.pipeline(project.id, pipelineId))
  }

  async function judge(project: Project, pipeline: Pipeline): Promise<GateAnswer> {
    if (pipeline.kind === 'none') return none(project, 'tags and merge trains are not judged')
    if (pipeline.mrIids.length === 0) return none(project, 'no open merge request for this pipeline')
    const found = await Promise.all(pipeline.mrIids.map((mrIid) => judgeOne(pipeline, mrIid)))
    const waiting = found.find(({ kind }) => kind === 'pending')
    if (waiting?.kind === 'pending') return pending(waiting.why)
    const judged = found.filter((one) => one.kind === 'judged')
    if (judged.length > 0) return verdict(judged)
    const [first] = found
    return none(project, first?.kind === 'none' ? first.why : 'nothing was compared')
  }

  async function judgeOne(pipeline: Pipeline, mrIid: number): Promise<Judgement> {
    const words = await comparisons.findWords(pipeline.projectId, mrIid)
    if (words !== null && isFinal(words, pipeline)) return { kind: 'judged', mrIid, words }
    if (await isUnderWay(pipeline, mrIid)) return { kind: 'pending', why: 'the comparison is being made' }
    // It may have come while the queue was asked. Nothing more comes by itself.
    const last = await comparisons.findWords(pipeline.projectId, mrIid)
    if (last === null) return { kind: 'none', why: 'no result was reported for the merge request' }
    if (!isOpen(last)) return { kind: 'none', why: 'the merge request is not open any more' }
    if (last.headSha !== pipeline.headSha)
      return { kind: 'none', why: 'the merge request was not compared at this commit' }
    const others = await pipelines.listOfHead(pipeline.projectId, pipeline.headSha)
    if (others.some((row) => !row.ended))
      return { kind: 'pending', why: 'another pipeline of this commit is still running' }
    if (last.pipeline.state === 'running')
      return { kind: 'none', why: 'the merge request has a newer commit' }
    return { kind: 'judged', mrIid, words: last }
  }

  function isUnderWay({ projectId, pipelineId }: Pipeline, mrIid: number): Promise<boolean> {
    return jobs.isUnderWay({
      keys: [jobKey.note(projectId, mrIid)],
      looks: jobKey.pipeline(projectId, pipelineId),
      withinMs: burstMs,
    })
  }

  function none(project: Project, why: string): GateAnswer {
    return {
      state: 'none',
      summary: why,
      lines: [`Nothing to judge: ${why}.`, addresses.project(project.path)],
      mergeRequestUrls: [],
    }
  }

  return { wait }
}

interface Asked {
  askedAt: Date
  /** When GitLab was last asked for this request. */
  lookedAt: Date | null
  now: Date
}

function needsLook(pipeline: Pipeline | null, { askedAt, lookedAt, now }: Asked): boolean {
  const isSeen = pipeline !== null && !isOld(pipeline, askedAt)
  if (isSeen && pipeline.ended) return false
  if (lookedAt === null) return true
  if (pipeline === null) return false
  const everyMs = pipeline.jobs.length === 0 ? secondLookMs : lookEveryMs
  return now.getTime() - Math.max(lookedAt.getTime(), pipeline.checkedAt.getTime()) > everyMs
}

/** Jobs may have been started again since the last look. */
function isOld(pipeline: Pipeline, askedAt: Date): boolean {
  return pipeline.checkedAt.getTime() < askedAt.getTime() - clocksDifferMs
}

function isFinal({ headSha, judgedAt, pipeline }: ComparisonWords, of: Pipeline): boolean {
  return headSha === of.headSha && pipeline.state === 'finished' && judgedAt > of.checkedAt
}

function isOpen({ mrState }: ComparisonWords): boolean {
  return mrState === 'opened' || mrState === 'locked'
}

function waitsFor({ jobs }: Pipeline): string {
  const running = jobs.filter((job) => !isGateJob(job) && !hasEnded(job.status)).length
  return running === 0 ? 'the pipeline is running' : `${count(running, 'job')} of this pipeline still to end`
}

function pending(why: string): GateAnswer {
  return { state: 'pending', summary: why, lines: [`Waiting: ${why}.`], mergeRequestUrls: [] }
}

const states = { pass: 'passed', warn: 'warned', fail: 'failed' } as const

/** The worst of all. */
function verdict(judged: Extract<Judgement, { kind: 'judged' }>[]): GateAnswer {
  const found = new Set(judged.map(({ words }): StoredVerdict['state'] => words.verdict?.state ?? 'pass'))
  const worst = (['fail', 'warn', 'pass'] as const).find((state) => found.has(state)) ?? 'pass'
  return {
    state: states[worst],
    summary: judged.map(({ words }) => words.summary).join('; '),
    lines: judged.flatMap(({ mrIid, words }) => [
      ...(judged.length > 1 ? [`Merge request !${mrIid}:`] : []),
      ...words.lines,
      `Note: ${words.mrUrl}`,
    ]),
    mergeRequestUrls: judged.map(({ words }) => words.mrUrl),
  }
}
