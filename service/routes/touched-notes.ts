import { jobKey } from '../jobs/keys.js'
import type { Model } from '../domain/model.js'
import type { ComparisonStore } from '../stores/comparison-store.js'
import type { PipelineStore } from '../stores/pipeline-store.js'

export interface TouchedNotesOptions {
  pipelines: Pick<PipelineStore, 'find'>
  comparisons: Pick<ComparisonStore, 'findFacts' | 'listOpenShowing' | 'listNaming'>
}

/** Merge requests whose notes may say something of the model, as candidate or baseline. */
export interface TouchedNotes {
  /** Keys of the jobs that bring the notes of open ones up to date. */
  listOpen(model: Model): Promise<string[]>
  /** Those of closed ones, too: keys of the jobs that take the model out. */
  listAll(model: Model): Promise<string[]>
}

export function createTouchedNotes({ pipelines, comparisons }: TouchedNotesOptions): TouchedNotes {
  async function gather(model: Model) {
    const { projectId } = model
    const pipeline = await pipelines.find(projectId, model.pipeline.id)
    const own = pipeline?.mrIids ?? []
    const headSha = pipeline?.headSha ?? model.sourceCommit ?? model.commit
    const branches = await Promise.all(own.map((mrIid) => branchMergedInto(projectId, mrIid)))
    if (model.pipeline.refType === 'branch') branches.push(model.pipeline.ref)
    const showing = await comparisons.listOpenShowing(projectId, {
      headSha,
      branches: branches.filter((branch) => branch !== null),
    })
    return { own, headSha, open: [...new Set([...own, ...showing])] }
  }

  /** What was merged is carried over to its target branch. */
  async function branchMergedInto(projectId: string, mrIid: number): Promise<string | null> {
    const facts = await comparisons.findFacts(projectId, mrIid)
    return facts?.mrState === 'merged' ? facts.targetBranch : null
  }

  return {
    async listOpen(model) {
      const { open } = await gather(model)
      return open.map((mrIid) => jobKey.note(model.projectId, mrIid))
    },
    async listAll(model) {
      const { projectId, dataset, name, commit, job } = model
      const { own: mrIids, headSha, open } = await gather(model)
      const named = { dataset, name, commit, headSha, jobId: job.id, mrIids }
      const all = new Set([...open, ...(await comparisons.listNaming(projectId, named))])
      return [...all].map((mrIid) => jobKey.cleanNote(projectId, mrIid))
    },
  }
}
