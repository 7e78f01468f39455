import { ObjectId } from 'mongodb'
import { formatReportId, modelId, modelOrigin } from '../domain/identity.js'
import { Problem } from '../errors.js'
import type { Report, ReportedModel } from '../ingest/report.js'
import { jobKey } from '../jobs/keys.js'
import type { Queue } from '../jobs/queue.js'
import type { CiIdentity } from '../schemas/id-token.js'
import type { AnyModelDoc, ModelDoc } from '../stores/model-documents.js'
import type { PipelineStore } from '../stores/pipeline-store.js'
import type { Project, ProjectStore } from '../stores/project-store.js'
import { measured, type SaveReport } from './report-saving.js'

/** The pause before a merge request is written to: what arrives in it shares one note. */
export const burstMs = 1_000

export interface ReportIntakeOptions {
  saveReport: SaveReport
  pipelines: PipelineStore
  projects: Pick<ProjectStore, 'doubt'>
  queue: Queue
  clock: () => Date
}

export interface StoredReport {
  id: string
  models: Pick<
    AnyModelDoc,
    '_id' | 'pipelineId' | 'name' | 'dataset' | 'commit' | 'version' | 'repeat' | 'trial'
  >[]
}

export type ReportIntake = ReturnType<typeof createReportIntake>

/** Stores what a job reports, durably and whole or not at all, and has the worker look at its pipeline. */
export function createReportIntake(options: ReportIntakeOptions) {
  const { saveReport, pipelines, projects, queue, clock } = options

  /** @throws Problem NO_MODEL, DUPLICATE_MODEL, LIMIT_EXCEEDED */
  async function store(project: Project, identity: CiIdentity, report: Report): Promise<StoredReport> {
    const id = formatReportId({
      projectId: project.id,
      commit: identity.sha,
      pipelineId: identity.pipelineId,
      jobId: identity.jobId,
    })
    const docs = report.models.length === 0 ? [] : await storeModels(id, project, identity, report)
    if (docs.length === 0) await storeSilence(project, identity, report)
    if (identity.projectPath !== project.path) await projects.doubt(project.id)
    await queue.enqueueCovered(jobKey.pipeline(project.id, identity.pipelineId), { delayMs: burstMs })
    return { id, models: docs }
  }

  async function storeModels(id: string, project: Project, identity: CiIdentity, report: Report) {
    const now = clock()
    const docs = report.models.map((model) => toDoc(project, identity, report, model, now))
    const outcome = await saveReport(id, docs, report)
    if (outcome === 'superseded')
      await pipelines.addSupersededJob(project.id, identity.pipelineId, identity.jobId)
    return docs
  }

  async function storeSilence(project: Project, identity: CiIdentity, report: Report): Promise<void> {
    const status = report.job.status ?? 'unknown'
    if (status !== 'failed' && status !== 'canceled') {
      throw new Problem('NO_MODEL', { message: 'The report holds no model.', field: 'models' })
    }
    await pipelines.addSilentJob(project.id, identity.pipelineId, {
      id: identity.jobId,
      name: report.job.name ?? String(identity.jobId),
      status,
      at: clock(),
    })
  }

  return { store }
}

function toDoc(
  project: Project,
  identity: CiIdentity,
  report: Report,
  model: ReportedModel,
  now: Date,
): ModelDoc {
  const origin = modelOrigin({ ...identity, forkProjectId: identity.isFork ? identity.tokenProjectId : null })
  const { dataset, name, repeat, trial } = model
  return {
    _id: modelId({
      projectId: project.id,
      origin,
      commit: identity.sha,
      pipelineId: identity.pipelineId,
      dataset,
      name,
      repeat,
      trial,
    }),
    schema: 1,
    projectId: project.id,
    origin,
    commit: identity.sha,
    sourceCommit: null,
    pipelineId: identity.pipelineId,
    pipelineSource: identity.pipelineSource,
    ref: identity.ref,
    refType: identity.refType,
    refProtected: identity.refProtected,
    jobId: identity.jobId,
    // Without a name the number stands in, so that two nameless jobs never pass for tries of one.
    jobName: report.job.name ?? String(identity.jobId),
    jobStatus: report.job.status ?? 'unknown',
    jobUrl: report.job.url,
    userId: identity.userId,
    dataset,
    name,
    repeat,
    trial,
    ...measured(model),
    uploadedAt: now,
    upload: new ObjectId(),
  }
}
