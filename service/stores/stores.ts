import { createApiTokenStore } from './api-token-store.js'
import { createAuditStore } from './audit-store.js'
import { createBlockSealing } from './block-sealing.js'
import { createBlockStore } from './block-store.js'
import { createCarryOverStore } from './carry-over-store.js'
import { createColumnStore } from './column-store.js'
import { createComparisonStore } from './comparison-store.js'
import { createConnectionStore } from './connection-store.js'
import { createCurveStore } from './curve-store.js'
import type { Database } from './database.js'
import { createDecisionStore } from './decision-store.js'
import { createDeletionStore } from './deletion-store.js'
import { createDeliveryStore } from './delivery-store.js'
import { createGrantStore } from './grant-store.js'
import { createHistoryStore } from './history-store.js'
import { createJobStore } from './job-store.js'
import { createMembershipStore } from './membership-store.js'
import { createModelLists } from './model-lists.js'
import { createModelStore } from './model-store.js'
import { createModelTable } from './model-table.js'
import { createModelWriter } from './model-writer.js'
import { createNoteStore } from './note-store.js'
import { createPipelineStore } from './pipeline-store.js'
import { createProjectStore } from './project-store.js'
import { createSealedFieldStore } from './sealed-fields.js'
import { createSessionStore } from './session-store.js'
import { createSettingsStore } from './settings-store.js'
import { createTableReader } from './table-reader.js'
import { createUserStore } from './user-store.js'

/** Every store on one database. */
export function createStores({ client, db }: Database) {
  const curves = createCurveStore(db)
  const sealed = { blocks: createBlockStore(db), columns: createColumnStore(db) }
  return {
    projects: createProjectStore(db),
    connections: createConnectionStore(db),
    models: createModelStore(db),
    modelLists: createModelLists(db),
    modelWriter: createModelWriter(client, db, curves),
    modelTable: createModelTable(db, createTableReader(db, sealed)),
    blockSealing: createBlockSealing(db, sealed),
    curves,
    pipelines: createPipelineStore(db),
    apiTokens: createApiTokenStore(db),
    decisions: createDecisionStore(db),
    carryOvers: createCarryOverStore(db),
    comparisons: createComparisonStore(db),
    histories: createHistoryStore(db),
    notes: createNoteStore(db),
    users: createUserStore(db),
    grants: createGrantStore(db),
    sealed: createSealedFieldStore(db),
    jobs: createJobStore(db),
    deliveries: createDeliveryStore(db),
    sessions: createSessionStore(db),
    settings: createSettingsStore(db),
    audit: createAuditStore(db),
    deletions: createDeletionStore(db, curves),
    memberships: createMembershipStore(db),
    ping: () => db.command({ ping: 1 }),
  }
}

export type Stores = ReturnType<typeof createStores>
