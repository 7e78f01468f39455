import { hash } from 'node:crypto'
import { ObjectId } from 'mongodb'
import { modelId, tokenOrigin, tokenTraining } from '../domain/identity.js'
import { Problem } from '../errors.js'
import type { ReportedModel, TokenReport } from '../ingest/report.js'
import type { TokenModelDoc } from '../stores/model-documents.js'
import type { AnyProject } from '../stores/project-store.js'
import type { StoredReport } from './report-intake.js'
import { measured, type SaveReport } from './report-saving.js'

/** Stores what a person reports with an API token; nothing is compared and no note is written for it. */
export type TokenIntake = (
  project: AnyProject,
  gitlabUserId: number,
  report: TokenReport,
) => Promise<StoredReport>

export interface TokenIntakeOptions {
  saveReport: SaveReport
  clock: () => Date
}

export function createTokenIntake({ saveReport, clock }: TokenIntakeOptions): TokenIntake {
  /** @throws Problem NO_MODEL, COMMIT_MISSING, DUPLICATE_MODEL, LIMIT_EXCEEDED */
  return async (project, gitlabUserId, report) => {
    if (report.models.length === 0) {
      throw new Problem('NO_MODEL', { message: 'The report holds no model.', field: 'models' })
    }
    if (project.gitlabProjectId !== null && report.commit === null) {
      throw new Problem('COMMIT_MISSING', {
        message: `${project.path} is connected to a repository, where every model belongs to a commit.`,
        field: 'commit',
      })
    }
    const now = clock()
    const docs = report.models.map((model) => toDoc(project.id, gitlabUserId, report, model, now))
    refuseTwins(docs)
    const ids = docs.map(({ _id }) => _id)
    const id = `${project.id}.${hash('sha256', JSON.stringify(ids), 'base64url').slice(0, 24)}`
    for (const doc of docs) doc.reportId = id
    await saveReport(id, docs, report)
    return { id, models: docs }
  }
}

function toDoc(
  projectId: string,
  gitlabUserId: number,
  { commit, branch }: TokenReport,
  model: ReportedModel,
  now: Date,
): TokenModelDoc {
  const { dataset, name, repeat, trial } = model
  const origin = tokenOrigin(gitlabUserId)
  const version = model.version ?? (commit === null ? generatedVersion(model) : null)
  const training = tokenTraining(commit, version)
  return {
    _id: modelId({ projectId, origin, commit: training, pipelineId: null, dataset, name, repeat, trial }),
    schema: 1,
    projectId,
    origin,
    commit,
    branch,
    pipelineId: null,
    jobId: null,
    jobName: null,
    userId: gitlabUserId,
    dataset,
    name,
    repeat,
    trial,
    ...measured(model),
    version,
    uploadedAt: now,
    upload: new ObjectId(),
    reportId: '',
  }
}

/** Made of what was measured, so that the same report sent again is the same model. */
function generatedVersion(model: ReportedModel): string {
  const text = JSON.stringify(measured(model), (_key, value: unknown) =>
    typeof value === 'number' && !Number.isFinite(value) ? String(value) : value,
  )
  return hash('sha256', text, 'hex').slice(0, 12)
}

/** Two of one report that would be stored as one: of the same commit and version, or without both and all alike. */
function refuseTwins(docs: readonly TokenModelDoc[]): void {
  const seen = new Set<string>()
  for (const [index, { _id, name }] of docs.entries()) {
    if (!seen.has(_id)) seen.add(_id)
    else {
      throw new Problem('DUPLICATE_MODEL', {
        message: `models[${index}] is the same model as an earlier one of the report.`,
        field: `models[${index}]`,
        value: name,
      })
    }
  }
}
