import type { Db, Document } from 'mongodb'

const perInsert = 1_000
const modelsPerCommit = 500
const othersPerProject = 1_000
const dayMs = 24 * 3_600_000

/** Fills the database with copies of a model that is there: a third of `count` in its own project, the others in many,
 * all uploaded days ago. */
export async function storeModels(db: Db, count: number): Promise<void> {
  const models = db.collection<Document & { _id: string }>('models')
  const one = await models.findOne()
  if (one === null) throw new Error('No model is there to copy')
  for (let from = 0; from < count; from += perInsert) {
    const copies = Array.from({ length: Math.min(perInsert, count - from) }, (_, at) => copy(one, from + at))
    await models.insertMany(copies, { ordered: false, writeConcern: { w: 1 } })
  }
}

function copy(one: Document, index: number): Document & { _id: string } {
  const commit = Math.floor(index / modelsPerCommit)
    .toString(16)
    .padStart(40, 'c')
  const projectId = index % 3 === 0 ? one.projectId : `other${Math.floor(index / othersPerProject)}`
  return {
    ...one,
    _id: `stored ${index}`,
    name: `stored-${index}`,
    projectId,
    commit,
    pipelineId: 1_000_000 + Math.floor(index / modelsPerCommit),
    uploadedAt: new Date(Date.now() - dayMs * (1 + (index % 365))),
  }
}
