import type { Collection, Db } from 'mongodb'

/** A merged merge request: what was trained of its head counts as the target branch's at the commit that it became. */
export interface CarryOver {
  projectId: string
  mrIid: number
  sourceBranch: string
  targetBranch: string
  headSha: string
  /** On the target branch: the merge, the squashed commit or, after a fast-forward, the head itself. */
  commit: string
  /** The jobs whose models can be carried over, in ascending order; none as long as nothing was trained. */
  jobIds: number[]
  /** When this service heard of the merge. */
  mergedAt: Date
}

interface CarryOverDoc extends CarryOver {
  _id: string
  schema: 1
}

export function carryOverCollection(db: Db): Collection<CarryOverDoc> {
  return db.collection<CarryOverDoc>('carryOvers')
}

/** Those of one head are found by its commit, as few merge requests share one. */
export const carryOverIndexes = [
  { key: { projectId: 1, targetBranch: 1, commit: 1 } },
  { key: { projectId: 1, targetBranch: 1, mergedAt: -1 } },
  { key: { projectId: 1, headSha: 1 } },
] as const

/** One row per merged merge request. */
export function createCarryOverStore(db: Db) {
  const rows = carryOverCollection(db)

  /** Whether that changed what is carried over, and where to. */
  async function save({ mergedAt, ...facts }: CarryOver): Promise<boolean> {
    const before = await rows.findOneAndUpdate(
      { _id: `${facts.projectId}:${facts.mrIid}` },
      { $set: { ...facts, schema: 1 }, $setOnInsert: { mergedAt } },
      { upsert: true, returnDocument: 'before' },
    )
    if (before === null) return facts.jobIds.length > 0
    return before.commit !== facts.commit || String(before.jobIds) !== String(facts.jobIds)
  }

  /** Of these commits of the target branch, the newest merge request first. */
  async function listOfCommits(
    projectId: string,
    targetBranches: string[],
    commits: string[],
  ): Promise<CarryOver[]> {
    if (commits.length === 0) return []
    const docs = await rows
      .find({ projectId, targetBranch: { $in: targetBranches }, commit: { $in: commits } })
      .sort({ mrIid: -1 })
      .limit(500)
      .toArray()
    return docs.map(fromDoc)
  }

  /** Those that carry something over to the branch, the newest first. */
  async function listNewest(
    projectId: string,
    targetBranches: string[],
    limit: number,
  ): Promise<CarryOver[]> {
    const docs = await rows
      .find({ projectId, targetBranch: { $in: targetBranches }, 'jobIds.0': { $exists: true } })
      .sort({ mergedAt: -1 })
      .limit(limit)
      .toArray()
    return docs.map(fromDoc)
  }

  /** Merge requests that were merged from this head. */
  async function listMergedFrom(projectId: string, headSha: string): Promise<number[]> {
    const docs = await rows.find({ projectId, headSha }).limit(50).toArray()
    return docs.map((doc) => doc.mrIid)
  }

  return { save, listOfCommits, listNewest, listMergedFrom }
}

export type CarryOverStore = ReturnType<typeof createCarryOverStore>

function fromDoc({ _id: _, schema: __, ...row }: CarryOverDoc): CarryOver {
  return row
}
