import type { Db, Filter } from 'mongodb'
import type { StoredModel } from '../domain/model.js'
import { comparisonCollection } from './comparison-store.js'
import { carryOverCollection } from './carry-over-store.js'
import type { CurveStore } from './curve-store.js'
import { decisionCollection } from './decision-store.js'
import { jobCollection } from './job-store.js'
import { type AnyModelDoc, anyModelCollection } from './model-documents.js'

const modelsAtOnce = 500
/** Kept: what was deleted by whom. The others are dealt with by their own keys. */
const withoutProjectId = ['audit', 'projects', 'models', 'curves', 'jobs']
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

  async function deleteModels(filter: Filter<AnyModelDoc>): Promise<void> {
    for (;;) {
      const docs = await models
        .find(filter)
        .project<Pick<AnyModelDoc, '_id' | 'upload'>>({ upload: 1 })
        .limit(modelsAtOnce)
        .toArray()
      if (docs.length === 0) return
      // Points first: without their model nobody would find them again.
      await curves.dropCurves(docs.map(({ upload }) => upload))
      await models.deleteMany({ _id: { $in: docs.map(({ _id }) => _id) }, ...filter })
    }
  }

  /** All that a project has, but its own row and the job that deletes it. */
  async function deleteProject(projectId: string, ownJob: string): Promise<void> {
    await deleteModels({ projectId })
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

  /** What the person reported stays, as of nobody. Reads all models, some at a time. */
  async function forgetReporter(gitlabUserId: number): Promise<void> {
    const own = `token:${gitlabUserId}`
    const origin = { $cond: [{ $eq: ['$origin', own] }, 'token:0', '$origin'] }
    let ids: string[] = []
    const flush = async () => {
      await models.updateMany({ _id: { $in: ids } }, [{ $set: { userId: 0, origin } }])
      ids = []
    }
    for await (const { _id } of models.find({ userId: gitlabUserId }).project<{ _id: string }>({ _id: 1 })) {
      if (ids.push(_id) === modelsAtOnce) await flush()
    }
    await flush()
  }

  return { deleteModel, deleteProject, deletePerson, forgetReporter }
}

export type DeletionStore = ReturnType<typeof createDeletionStore>
