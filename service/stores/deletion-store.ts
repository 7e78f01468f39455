import type { Db } from 'mongodb'
import type { StoredModel } from '../domain/model.js'
import { rangeOf, suspect } from './block-store.js'
import { comparisonCollection } from './comparison-store.js'
import { carryOverCollection } from './carry-over-store.js'
import type { CurveStore } from './curve-store.js'
import { decisionCollection } from './decision-store.js'
import { jobCollection } from './job-store.js'
import { type AnyModelDoc, anyModelCollection } from './model-documents.js'

const modelsAtOnce = 500

type Owned = Pick<AnyModelDoc, '_id' | 'projectId' | 'block'>

/** Kept: what was deleted by whom. The others are dealt with by their own keys. */
const withoutProjectId = ['audit', 'projects', 'models', 'curves', 'columns', 'jobs']
const formerUser = { gitlabUserId: 0, username: 'a former user' }

/** Deletes for good, in whatever collection it is. Everything may be done again after a crash. */
export function createDeletionStore(db: Db, curves: CurveStore) {
  const models = anyModelCollection(db)

  /** The model, its curves and its decisions, and what was stored of it for merge requests that are closed. */
  async function deleteModel(model: StoredModel): Promise<void> {
    const { id: modelId, projectId } = model
    await deleteModels({ _id: modelId, projectId })
    await decisionCollection(db).deleteMany({ projectId, kind: 'exclusion', modelId })
    if (model.pipeline === null) return
    const jobId = model.job.id
    const closed = { projectId, jobIds: jobId, mrState: { $nin: ['opened', 'locked'] } }
    await comparisonCollection(db).deleteMany(closed)
    if ((await models.findOne({ projectId, commit: model.commit, jobId })) !== null) return
    await carryOverCollection(db).updateMany({ projectId, jobIds: jobId }, { $pull: { jobIds: jobId } })
  }

  async function deleteModels(
    filter: Pick<AnyModelDoc, 'projectId'> & Partial<Pick<AnyModelDoc, '_id'>>,
  ): Promise<void> {
    for (;;) {
      const docs = await models
        .find(filter)
        .project<Pick<AnyModelDoc, '_id' | 'projectId' | 'upload' | 'block'>>({
          projectId: 1,
          upload: 1,
          block: 1,
        })
        .limit(modelsAtOnce)
        .toArray()
      if (docs.length === 0) return
      // Points first: without their model nobody would find them again.
      await curves.dropCurves(docs.map(({ upload }) => upload))
      await suspect(db, docs)
      // Only as they were found: one that was sealed meanwhile is told of in the next round.
      await models.bulkWrite(
        docs.map(({ _id, block }) => ({
          deleteOne: { filter: { $and: [{ _id, block: block ?? null }, filter] } },
        })),
        { ordered: false },
      )
    }
  }

  /** All that a project has, but its own row and the job that deletes it. */
  async function deleteProject(projectId: string, ownJob: string): Promise<void> {
    await deleteModels({ projectId })
    await db.collection<{ _id: string }>('columns').deleteMany({ _id: rangeOf(projectId) })
    for (const { name } of await db.listCollections({}, { nameOnly: true }).toArray()) {
      if (!withoutProjectId.includes(name)) await db.collection(name).deleteMany({ projectId })
    }
    // Ids hold letters and digits alone.
    await jobCollection(db).deleteMany({ _id: { $regex: `^[a-z-]+:${projectId}(:|$)`, $ne: ownJob } })
  }

  /** All that is kept of a person but `forgetReporter`; what they decided stays, as of nobody. */
  async function deletePerson(gitlabUserId: number): Promise<void> {
    for (const name of ['sessions', 'apiTokens', 'memberships', 'grants']) {
      await db.collection(name).deleteMany({ gitlabUserId })
    }
    const decisions = decisionCollection(db)
    await decisions.updateMany({ gitlabUserId }, { $set: formerUser })
    await decisions.updateMany(
      { 'revokedBy.gitlabUserId': gitlabUserId },
      { $set: { revokedBy: formerUser } },
    )
  }

  /** What the person reported stays, as of nobody. Reads all models, some at a time, until none is theirs. */
  async function forgetReporter(gitlabUserId: number): Promise<void> {
    for (let found = 1; found > 0;) {
      found = 0
      let batch: Owned[] = []
      const cursor = models.find({ userId: gitlabUserId }).project<Owned>({ projectId: 1, block: 1 })
      for await (const doc of cursor) {
        found += 1
        if (batch.push(doc) < modelsAtOnce) continue
        await forgetIn(batch, gitlabUserId)
        batch = []
      }
      if (batch.length > 0) await forgetIn(batch, gitlabUserId)
    }
  }

  /** Each leaves its block, whose columns still name the person. */
  async function forgetIn(docs: readonly Owned[], gitlabUserId: number): Promise<void> {
    const own = `token:${gitlabUserId}`
    const origin = { $cond: [{ $eq: ['$origin', own] }, 'token:0', '$origin'] }
    await suspect(db, docs)
    await models.bulkWrite(
      docs.map(({ _id, block = null }) => ({
        updateOne: { filter: { _id, block }, update: [{ $set: { userId: 0, origin } }, { $unset: 'block' }] },
      })),
      { ordered: false },
    )
  }

  return { deleteModel, deleteProject, deletePerson, forgetReporter }
}

export type DeletionStore = ReturnType<typeof createDeletionStore>
