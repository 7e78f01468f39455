import type { Collection, Db, Filter } from 'mongodb'
import type { ComparedPipeline, ComparedTable } from '../domain/compared-table.js'
import type { StoredRules, StoredVerdict } from '../domain/stored-verdict.js'

export type { StoredVerdict }

/** What was last said about a merge request: behind its note, its page and the lines in a job's log. */
export interface StoredComparison {
  projectId: string
  mrIid: number
  mrState: string
  mrUrl: string
  sourceBranch: string
  /** GitLab's number of the project that the branch is in, null where that is gone; absent in older rows. */
  sourceProjectId?: number | null
  targetBranch: string
  /** Where the merge request left the target branch, and how far that is behind it now, as GitLab last said. */
  baseSha: string
  commitsBehind: number | null
  headSha: string
  /** The head before this one that had results; null where there was none. */
  previousHeadSha: string | null
  /** Jobs whose report is in it. */
  jobIds: number[]
  summary: string
  /** For a job's log, as plain text. */
  lines: string[]
  /** For its page. */
  table: ComparedTable
  pipeline: ComparedPipeline
  /** What the rules of the target branch said; absent where none was asked. */
  verdict?: StoredVerdict
  /** For its page; absent in rows of older versions. */
  rules?: StoredRules
  judgedAt: Date
}

export type ComparisonSummary = Pick<
  StoredComparison,
  'mrIid' | 'mrUrl' | 'targetBranch' | 'headSha' | 'summary' | 'judgedAt'
>

/** All but what grows with the number of models. */
export type ComparisonFacts = Omit<StoredComparison, 'jobIds' | 'lines' | 'table' | 'rules'>

/** What a job's log is told. */
export type ComparisonWords = Omit<StoredComparison, 'jobIds' | 'table' | 'rules'>

interface ComparisonDoc extends StoredComparison {
  _id: string
  schema: 1
}

const mostTouched = 200

/** What grows with the number of models, and only pages show. */
const forPages = { table: 0, rules: 0, 'verdict.broken.shown': 0 } as const

export function comparisonCollection(db: Db): Collection<ComparisonDoc> {
  return db.collection<ComparisonDoc>('comparisons')
}

export function createComparisonStore(db: Db) {
  const comparisons = comparisonCollection(db)

  async function find(projectId: string, mrIid: number): Promise<StoredComparison | null> {
    const doc = await comparisons.findOne({ _id: `${projectId}:${mrIid}` })
    if (doc === null) return null
    const { _id, schema: _, ...comparison } = doc
    return comparison
  }

  /** Without the parts that may take megabytes. */
  async function findFacts(projectId: string, mrIid: number): Promise<ComparisonFacts | null> {
    return comparisons.findOne<ComparisonFacts>(
      { _id: `${projectId}:${mrIid}` },
      { projection: { _id: 0, schema: 0, ...forPages, jobIds: 0, lines: 0 } },
    )
  }

  async function findWords(projectId: string, mrIid: number): Promise<ComparisonWords | null> {
    return comparisons.findOne<ComparisonWords>(
      { _id: `${projectId}:${mrIid}` },
      { projection: { _id: 0, schema: 0, ...forPages, jobIds: 0 } },
    )
  }

  /** The lines for a job's log, if this job's report is in the comparison. */
  async function findLines(
    projectId: string,
    mrIid: number,
    jobId: number,
  ): Promise<Pick<StoredComparison, 'mrUrl' | 'summary' | 'lines'> | null> {
    return comparisons.findOne<Pick<StoredComparison, 'mrUrl' | 'summary' | 'lines'>>(
      { _id: `${projectId}:${mrIid}`, jobIds: jobId },
      { projection: { _id: 0, mrUrl: 1, summary: 1, lines: 1 } },
    )
  }

  async function save(comparison: StoredComparison): Promise<void> {
    const id = `${comparison.projectId}:${comparison.mrIid}`
    await comparisons.replaceOne({ _id: id }, { schema: 1, ...comparison }, { upsert: true })
  }

  async function setState(projectId: string, mrIid: number, mrState: string): Promise<void> {
    await comparisons.updateOne({ _id: `${projectId}:${mrIid}` }, { $set: { mrState } })
  }

  /** Open merge requests that were compared, the newest first. */
  async function listOpen(projectId: string, limit: number): Promise<ComparisonSummary[]> {
    return comparisons
      .find({ projectId, mrState: 'opened' })
      .project<ComparisonSummary>({
        _id: 0,
        mrIid: 1,
        mrUrl: 1,
        targetBranch: 1,
        headSha: 1,
        summary: 1,
        judgedAt: 1,
      })
      .sort({ judgedAt: -1 })
      .limit(limit)
      .toArray()
  }

  async function listProjectsWithOpen(): Promise<string[]> {
    return comparisons.distinct('projectId', { mrState: 'opened' })
  }

  /** Open merge requests that were compared with this branch. */
  async function listOpenAgainst(projectId: string, branch: string): Promise<number[]> {
    const docs = await comparisons
      .find({ projectId, targetBranch: branch, mrState: 'opened' })
      .project<{ mrIid: number }>({ mrIid: 1 })
      .sort({ judgedAt: -1 })
      .limit(mostTouched)
      .toArray()
    return docs.map((doc) => doc.mrIid)
  }

  /** Open merge requests that show a model: it was trained from their head or the one before, or of their target branch. */
  async function listOpenShowing(
    projectId: string,
    { headSha, branches }: { headSha: string; branches: string[] },
  ): Promise<number[]> {
    const shows = [{ targetBranch: { $in: branches } }, { headSha }, { previousHeadSha: headSha }]
    const docs = await comparisons
      .find({ projectId, mrState: 'opened', $or: shows })
      .project<{ mrIid: number }>({ mrIid: 1 })
      .sort({ judgedAt: -1 })
      .limit(mostTouched)
      .toArray()
    return docs.map((doc) => doc.mrIid)
  }

  async function remove(projectId: string, mrIid: number): Promise<void> {
    await comparisons.deleteOne({ _id: `${projectId}:${mrIid}` })
  }

  return {
    /** Merge requests, open or not, whose stored comparison names the model. */
    listNaming: (projectId: string, model: NamedModel) => listNaming(comparisons, projectId, model),
    remove,
    find,
    findFacts,
    findWords,
    findLines,
    save,
    setState,
    listOpen,
    listProjectsWithOpen,
    listOpenAgainst,
    listOpenShowing,
  }
}

/** A model as candidate: by its job, or trained at a head before; or as baseline: by its commit, or carried over from
 * one of `mrIids`. */
export interface NamedModel {
  dataset: string
  name: string
  commit: string
  headSha: string
  jobId: number
  mrIids: readonly number[]
}

async function listNaming(
  comparisons: Collection<ComparisonDoc>,
  projectId: string,
  model: NamedModel,
): Promise<number[]> {
  const docs = await comparisons
    .find({ projectId, ...naming(model) })
    .project<{ mrIid: number }>({ mrIid: 1 })
    .toArray()
  return docs.map((doc) => doc.mrIid)
}

function naming({ dataset, name, commit, headSha, jobId, mrIids }: NamedModel): Filter<ComparisonDoc> {
  const base = { dataset, name }
  return {
    $or: [
      { jobIds: jobId },
      { previousHeadSha: headSha },
      { 'table.rows': { $elemMatch: { ...base, 'baseline.commit': commit } } },
      { 'table.rows': { $elemMatch: { ...base, 'baseline.carriedFrom.mrIid': { $in: [...mrIids] } } } },
    ],
  }
}

export type ComparisonStore = ReturnType<typeof createComparisonStore>
