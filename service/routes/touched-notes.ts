import { jobKey } from '../jobs/keys.js'
import type { Model } from '../domain/model.js'
import type { ComparisonStore } from '../stores/comparison-store.js'
import type { PipelineStore } from '../stores/pipeline-store.js'

export interface TouchedNotesOptions {
  pipelines: Pick<PipelineStore, 'find'>
  comparisons: Pick<ComparisonStore, 'findFacts' | 'listOpenShowing'>
}

/** Keys of the notes that may say something of the model, as candidate or baseline. */
export type TouchedNotes = (model: Model) => Promise<string[]>

export function createTouchedNotes({ pipelines, comparisons }: TouchedNotesOptions): TouchedNotes {
  return async (model) => {
    const { projectId } = model
    const pipeline = await pipelines.find(projectId, model.pipeline.id)
    const own = pipeline?.mrIids ?? []
    const branches = await Promise.all(own.map((mrIid) => branchMergedInto(projectId, mrIid)))
    if (model.pipeline.refType === 'branch') branches.push(model.pipeline.ref)
    const showing = await comparisons.listOpenShowing(projectId, {
      headSha: pipeline?.headSha ?? model.sourceCommit ?? model.commit,
      branches: branches.filter((branch) => branch !== null),
    })
    return [...new Set([...own, ...showing])].map((mrIid) => jobKey.note(projectId, mrIid))
  }

  /** What was merged is carried over to its target branch. */
  async function branchMergedInto(projectId: string, mrIid: number): Promise<string | null> {
    const facts = await comparisons.findFacts(projectId, mrIid)
    return facts?.mrState === 'merged' ? facts.targetBranch : null
  }
}
