import { type Addresses, trainingAddress } from '../domain/addresses.js'
import { parseReportId, parseTokenReportId, type ReportId } from '../domain/identity.js'
import type { Model, StoredModel } from '../domain/model.js'
import { Problem } from '../errors.js'
import { jobKey } from '../jobs/keys.js'
import { plainLine } from '../render/plain.js'
import type { ComparisonFacts, ComparisonStore, StoredComparison } from '../stores/comparison-store.js'
import type { JobStore } from '../stores/job-store.js'
import type { ModelStore } from '../stores/model-store.js'
import type { Pipeline, PipelineStore } from '../stores/pipeline-store.js'
import type { AnyProject, Project, ProjectStore } from '../stores/project-store.js'
import { burstMs } from './report-intake.js'
import { pollUntil } from './wait-query.js'

const noMergeRequest = 'no open merge request for this pipeline'
const ofPerson = 'reports with an API token are not compared'
const newerTry = 'a newer try or pipeline has reported already'

export interface ReportStatusOptions {
  projects: ProjectStore
  models: ModelStore
  pipelines: PipelineStore
  comparisons: ComparisonStore
  jobs: Pick<JobStore, 'isUnderWay'>
  addresses: Addresses
}

export interface ReportStatus {
  report: string
  models: { id: string; url: string }[]
  mergeRequestUrl: string | null
  /** Null until the worker has looked at the report. */
  verdict: { state: 'compared' | 'not_compared'; summary: string } | null
  /** The same for a job's log. */
  lines: string[]
}

export interface WaitOptions {
  mayRead: (project: AnyProject) => Promise<boolean>
  waitMs: number
  /** Whether nobody waits for the answer any more. */
  isGone: () => boolean
}

type Compared = Pick<StoredComparison, 'mrUrl' | 'summary' | 'lines'>

export type ReportStatusReader = ReturnType<typeof createReportStatusReader>

/** What became of a report. */
export function createReportStatusReader(options: ReportStatusOptions) {
  const { projects, models, pipelines, comparisons, jobs, addresses } = options

  /** Answers when the report is judged, or as it stands after `waitMs`.
   * @throws Problem NOT_FOUND, also for a report one may not see */
  async function wait(reportId: string, { mayRead, waitMs, isGone }: WaitOptions): Promise<ReportStatus> {
    const ofToken = parseTokenReportId(reportId)
    if (ofToken !== null) return readOfToken(reportId, ofToken.projectId, mayRead)
    const id = parseReportId(reportId)
    const project = id === null ? null : await projects.find(id.projectId)
    if (id === null || project === null || !(await mayRead(project))) throw notFound()
    const reported = await read(id)
    if (reported === null)
      return { report: reportId, models: [], ...notCompared(project, [], newerTry, addresses) }

    const isDone = ({ verdict }: ReportStatus) => verdict !== null
    return pollUntil(() => judge(reportId, id, project, reported), { isDone, isGone, waitMs })
  }

  async function readOfToken(
    report: string,
    projectId: string,
    mayRead: WaitOptions['mayRead'],
  ): Promise<ReportStatus> {
    const project = await projects.findAny(projectId)
    if (project === null || !(await mayRead(project))) throw notFound()
    const reported = await models.listOfTokenReport(projectId, report)
    if (reported.length === 0) throw notFound()
    const shown = reported.map((model) => ({ id: model.id, url: urlOf(project, model) }))
    return { report, models: shown, ...notCompared(project, reported, ofPerson, addresses) }
  }

  function urlOf({ path }: AnyProject, model: StoredModel): string {
    return addresses.model(path, model.pipeline === null ? trainingAddress(model) : model)
  }

  /** Null where a newer try of the job had reported before it. */
  async function read({ projectId, commit, pipelineId, jobId }: ReportId): Promise<Model[] | null> {
    const found = await models.listOfReport(projectId, commit, pipelineId, jobId)
    if (found.length > 0) return found
    if ((await pipelines.findSilentJob(projectId, pipelineId, jobId)) !== null) return []
    if (await pipelines.isSupersededJob(projectId, pipelineId, jobId)) return null
    throw notFound()
  }

  async function judge(
    report: string,
    id: ReportId,
    project: Project,
    reported: Model[],
  ): Promise<ReportStatus> {
    const pipeline = await pipelines.find(project.id, id.pipelineId)
    const comparison = pipeline === null ? null : await comparisonWith(pipeline, id.jobId)
    const base = {
      report,
      models: reported.map((model) => ({ id: model.id, url: addresses.model(project.path, model) })),
    }
    if (comparison !== null) return { ...base, ...compared(comparison) }
    if (pipeline === null || !isCheckedAfter(pipeline, reported))
      return { ...base, ...pending(project, addresses) }
    if (pipeline.mrIids.length === 0)
      return { ...base, ...notCompared(project, reported, noMergeRequest, addresses) }
    if (await isUnderWay(pipeline)) return { ...base, ...pending(project, addresses) }
    // It may have come while the queue was asked.
    const late = await comparisonWith(pipeline, id.jobId)
    if (late !== null) return { ...base, ...compared(late) }
    return { ...base, ...notCompared(project, reported, await reasonOf(pipeline), addresses) }
  }

  /** Whether the worker may still have something to say of what was reported before this call. */
  function isUnderWay({ projectId, pipelineId, mrIids }: Pipeline): Promise<boolean> {
    return jobs.isUnderWay({
      keys: mrIids.map((mrIid) => jobKey.note(projectId, mrIid)),
      looks: jobKey.pipeline(projectId, pipelineId),
      withinMs: burstMs,
    })
  }

  async function reasonOf(pipeline: Pipeline): Promise<string> {
    const [mrIid = 0] = pipeline.mrIids
    const facts = await comparisons.findFacts(pipeline.projectId, mrIid)
    return facts === null ? 'the merge request is closed or has a newer commit' : whyNot(facts, pipeline)
  }

  async function comparisonWith(pipeline: Pipeline, jobId: number): Promise<Compared | null> {
    for (const mrIid of pipeline.mrIids) {
      const comparison = await comparisons.findLines(pipeline.projectId, mrIid, jobId)
      if (comparison !== null) return comparison
    }
    return null
  }

  return { wait }
}

function isCheckedAfter(pipeline: Pipeline, reported: Model[]): boolean {
  return reported.every((model) => model.uploadedAt <= pipeline.checkedAt)
}

function compared(comparison: Compared): Omit<ReportStatus, 'report' | 'models'> {
  return {
    mergeRequestUrl: comparison.mrUrl,
    verdict: { state: 'compared', summary: comparison.summary },
    lines: [...comparison.lines, `Note: ${comparison.mrUrl}`],
  }
}

function whyNot(facts: ComparisonFacts, pipeline: Pipeline): string {
  if (facts.mrState !== 'opened' && facts.mrState !== 'locked')
    return 'the merge request is not open any more'
  if (facts.headSha !== pipeline.headSha) return 'the merge request has a newer commit'
  return newerTry
}

function notCompared(
  project: AnyProject,
  reported: StoredModel[],
  summary: string,
  addresses: Addresses,
): Omit<ReportStatus, 'report' | 'models'> {
  const lines = reported.map(
    (model) =>
      `${plainLine(model.name)} on ${plainLine(model.dataset)}: ${addresses.model(project.path, model)}`,
  )
  return {
    mergeRequestUrl: null,
    verdict: { state: 'not_compared', summary },
    lines: [`Stored; ${summary}.`, ...lines],
  }
}

function pending(project: Project, addresses: Addresses): Omit<ReportStatus, 'report' | 'models'> {
  return {
    mergeRequestUrl: null,
    verdict: null,
    lines: [
      'Stored; the comparison is not ready yet and will stand on the merge request.',
      addresses.project(project.path),
    ],
  }
}

function notFound(): Problem {
  return new Problem('NOT_FOUND', { message: 'There is no such report, or you may not see it.' })
}
