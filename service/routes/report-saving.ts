import { summariseCurve } from '../domain/curve-summary.js'
import { Problem } from '../errors.js'
import type { Report, ReportedModel } from '../ingest/report.js'
import type { CurveStore } from '../stores/curve-store.js'
import type { SaveOutcome } from '../stores/model-holders.js'
import type { AnyModelDoc } from '../stores/model-documents.js'
import type { ModelWriter } from '../stores/model-writer.js'

export interface ReportSavingOptions {
  modelWriter: ModelWriter
  curves: CurveStore
  /** Hears of every model that was stored; nobody waits for what it does. */
  onStored: (projectId: string, count: number) => void
}

/** Stores the models of a report with their curves, whole or not at all. `superseded`: a newer try has reported already.
 * @throws Problem DUPLICATE_MODEL, LIMIT_EXCEEDED */
export type SaveReport = (
  reportId: string,
  docs: AnyModelDoc[],
  report: Report,
) => Promise<'stored' | 'superseded'>

export function createReportSaving({ modelWriter, curves, onStored }: ReportSavingOptions): SaveReport {
  async function saveWithCurves(id: string, docs: AnyModelDoc[], report: Report): Promise<SaveOutcome> {
    const withCurves = docs.filter((doc) => doc.curves.length > 0)
    try {
      const saved = await Promise.allSettled(
        docs.map((doc, index) => curves.saveCurves(doc.upload, report.models[index]?.curves ?? [])),
      )
      for (const result of saved) if (result.status === 'rejected') throw result.reason
      const outcome = await modelWriter.save(id, docs)
      if (outcome.kind !== 'stored') await curves.dropCurves(withCurves.map((doc) => doc.upload))
      return outcome
    } catch (error) {
      await curves.dropUnused(withCurves).catch(() => {}) // The first error says more.
      throw error
    }
  }

  return async (id, docs, report) => {
    const outcome = await saveWithCurves(id, docs, report)
    if (outcome.kind === 'too_large') throw tooLarge(outcome.doc)
    if (outcome.kind === 'duplicate') throw duplicate(outcome.doc, outcome.jobName)
    const [first] = docs
    if (outcome.kind === 'stored' && first !== undefined) onStored(first.projectId, docs.length)
    return outcome.kind
  }
}

/** What a document of a model holds of the report itself, whoever sent it. */
export function measured(model: ReportedModel) {
  return {
    chosen: model.chosen,
    version: model.version,
    parameters: model.parameters,
    hyperparameters: model.hyperparameters,
    results: model.results,
    curves: model.curves.map(summariseCurve),
    datasetDigest: model.datasetDigest,
    testSize: model.testSize,
    artifacts: model.artifacts,
  }
}

function duplicate(doc: AnyModelDoc, jobName: string): Problem {
  return new Problem('DUPLICATE_MODEL', {
    message: `The job "${jobName}" of this pipeline has reported the model "${doc.name}" on "${doc.dataset}" already.`,
    field: 'models.name',
    value: doc.name,
  })
}

function tooLarge(doc: AnyModelDoc): Problem {
  return new Problem('LIMIT_EXCEEDED', {
    message: `The model "${doc.name}" on "${doc.dataset}" takes more than 16 MB with all its settings and results.`,
    field: 'models.name',
    value: doc.name,
  })
}
