import type { Db } from 'mongodb'
import { apiTokenCollection } from './api-token-store.js'
import { carryOverCollection, carryOverIndexes } from './carry-over-store.js'
import { comparisonCollection } from './comparison-store.js'
import { decisionCollection, decisionIndexes } from './decision-store.js'
import { deliveryLifeSeconds } from './delivery-store.js'
import { jobCollection, jobIndexes } from './job-store.js'
import { membershipCollection, membershipIndexes } from './membership-store.js'
import { modelCollection } from './model-documents.js'
import { pipelineCollection } from './pipeline-store.js'
import { caseless } from './project-documents.js'
import { projectCollection } from './project-store.js'
import { sessionCollection, sessionIndexes, spentStateCollection } from './session-store.js'
import { standaloneIndexes } from './standalone-projects.js'

/** It holds for all projects, also for those that have no repository. */
const formerProjectIndex = 'gitlabProjectId_1'

/** Makes every index; awaited before listening, because the unique ones are what keeps data single. */
export async function ensureIndexes(db: Db): Promise<void> {
  await projectCollection(db).dropIndex(formerProjectIndex).catch(ignoreMissing)
  await Promise.all([
    projectCollection(db).createIndexes([
      ...standaloneIndexes,
      { key: { path: 1 }, collation: caseless, name: 'path_caseless' },
      { key: { formerPaths: 1 }, collation: caseless, name: 'formerPaths_caseless' },
      { key: { 'hook.secretHash': 1 } },
      { key: { 'hook.previousSecretHash': 1 }, sparse: true },
      { key: { 'hook.state': 1, 'hook.health.checkedAt': 1 } },
      { key: { checkedAt: 1 } },
      { key: { 'ownBot.expiresAt': 1 }, sparse: true },
      { key: { visibility: 1, pipelinesOpen: 1, path: 1 } },
      { key: { path: 1 }, name: 'path_by_bytes' },
    ]),
    modelCollection(db).createIndexes([
      // With `_id`, by which pages tell apart what was stored in the same millisecond: without it every page would sort
      // all models of its project.
      { key: { projectId: 1, uploadedAt: -1, _id: -1 } },
      { key: { projectId: 1, name: 1, dataset: 1, uploadedAt: -1, _id: -1 } },
      { key: { projectId: 1, commit: 1 } },
      // What is not sealed yet, and what a block holds.
      { key: { projectId: 1, block: 1 } },
      { key: { reportId: 1 }, sparse: true },
      // The newest of a branch, of certain names only without a look at the others.
      { key: { projectId: 1, ref: 1, uploadedAt: -1, name: 1 } },
    ]),
    pipelineCollection(db).createIndexes([
      { key: { projectId: 1, headSha: 1 } },
      { key: { projectId: 1, mrIids: 1, pipelineId: -1 } },
      { key: { ended: 1, checkedAt: 1 } },
    ]),
    comparisonCollection(db).createIndexes([
      { key: { projectId: 1, targetBranch: 1, mrState: 1 } },
      { key: { projectId: 1, mrState: 1, judgedAt: -1 } },
      { key: { mrState: 1, projectId: 1 } },
    ]),
    db.collection('audit').createIndex({ projectId: 1, at: -1 }),
    db
      .collection('deliveries')
      .createIndexes([
        { key: { at: 1 }, expireAfterSeconds: deliveryLifeSeconds },
        { key: { projectId: 1, at: -1 } },
      ]),
    // The collections of single keys are made now, too, so that no transaction has to.
    db.createCollection('curves').catch(ignoreExisting),
    jobCollection(db).createIndexes(jobIndexes),
    apiTokenCollection(db).createIndexes([{ key: { hash: 1 }, unique: true }, { key: { gitlabUserId: 1 } }]),
    carryOverCollection(db).createIndexes([...carryOverIndexes]),
    decisionCollection(db).createIndexes([...decisionIndexes]),
    membershipCollection(db).createIndexes(membershipIndexes),
    sessionCollection(db).createIndexes(sessionIndexes),
    spentStateCollection(db).createIndex({ expiresAt: 1 }, { expireAfterSeconds: 0 }),
  ])
}

function ignoreExisting(error: unknown): void {
  if (codeOf(error) !== 48) throw error
}

/** The collection or its index. */
function ignoreMissing(error: unknown): void {
  const code = codeOf(error)
  if (code !== 26 && code !== 27) throw error
}

function codeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : null
}
