import { BSON, type Db, MongoBulkWriteError, type MongoClient } from 'mongodb'
import { suspect } from './block-store.js'
import type { CurveStore } from './curve-store.js'
import { duplicateKey, durable } from './database.js'
import { createGroupCommit, type Waiting } from './group-commit.js'
import { findHolders, type Holder, type SaveOutcome, standing } from './model-holders.js'
import { type AnyModelDoc, anyModelCollection } from './model-documents.js'
import { createModelTransaction } from './model-transaction.js'

type WaitingModel = Waiting<AnyModelDoc, SaveOutcome>

const mostRounds = 20
/** MongoDB's limit. */
const mostDocumentBytes = 16 * 1024 * 1024
/** Above this share of models that are there already, who holds them is looked up before anything is written. */
const mostRepeatShare = 0.1
/** Of one batch in the running share. */
const repeatWeight = 0.05

/** Writes models so that acknowledged means durable. Single models share one insert among concurrent callers; several
 * models of one report are stored in a transaction, all or none. Why: docs/decisions/0001-ingest.md. */
export function createModelWriter(client: MongoClient, db: Db, curves: CurveStore) {
  const models = anyModelCollection(db)
  const inTurn = createTurns()
  const saveTogether = createModelTransaction(client, db)
  let repeatShare = 0
  const saveSingle = createGroupCommit<AnyModelDoc, SaveOutcome>({
    writesInFlight: 2,
    mostPerWrite: 500,
    prepare: newestOfEach,
    write: insertOrReplace,
  })

  /** `reportId` keeps copies of one report that come at the same time in a row.
   * @throws the driver's errors; nothing of the report is visible then */
  async function save(reportId: string, docs: AnyModelDoc[]): Promise<SaveOutcome> {
    const [only] = docs
    try {
      if (docs.length === 1 && only !== undefined) return await saveSingle(only)
      return await inTurn(reportId, () => saveAll(docs))
    } catch (error) {
      // Measured only now: it takes as long as to write them.
      const doc = docs.find((one) => BSON.calculateObjectSize(one) > mostDocumentBytes)
      if (doc === undefined) throw error
      return { kind: 'too_large', doc }
    }
  }

  /** New models take one write this way; where many are sent again, looking first is cheaper. */
  async function insertOrReplace(batch: WaitingModel[]): Promise<void> {
    const isInsertedFirst = repeatShare < mostRepeatShare
    const held = isInsertedFirst ? await insert(batch) : batch
    const replaced = await replaceOlder(held)
    repeatShare += ((isInsertedFirst ? held.length : replaced) / batch.length - repeatShare) * repeatWeight
  }

  /** Answers with those whose identity is taken. */
  async function insert(batch: WaitingModel[]): Promise<WaitingModel[]> {
    const refused = await refusals(batch, () =>
      models.insertMany(
        batch.map((waiting) => waiting.item),
        { ordered: false, writeConcern: durable },
      ),
    )
    for (const waiting of batch) if (!refused.has(waiting)) waiting.settle({ kind: 'stored' })
    return heldOf(refused)
  }

  /** Rounds of compare-and-set: see who holds the model, replace exactly that, look again. Answers how many were held. */
  async function replaceOlder(batch: WaitingModel[]): Promise<number> {
    let open = batch
    let count = 0
    for (let round = 0; open.length > 0; round += 1) {
      if (round === mostRounds) throw new Error('the same models are being written too often to settle')
      const ids = open.map((waiting) => waiting.item._id)
      const holders = await findHolders(models, ids)
      if (round === 0) count = holders.size
      open = await replaceExactly(open, holders)
    }
    return count
  }

  /** Answers with those that have to be looked at again, because others wrote in between. */
  async function replaceExactly(open: WaitingModel[], holders: Map<string, Holder>): Promise<WaitingModel[]> {
    const batch = open.filter((waiting) => {
      const holder = holders.get(waiting.item._id)
      const outcome = holder === undefined ? null : standing(waiting.item, holder)
      if (outcome !== null) waiting.settle(outcome)
      return outcome === null
    })
    if (batch.length === 0) return []
    await suspect(
      db,
      batch.flatMap(({ item }) => holders.get(item._id) ?? []),
    )
    let written = 0
    const refused = await refusals(batch, async () => {
      const result = await models.bulkWrite(
        batch.map(({ item }) => replacement(item, holders.get(item._id))),
        { ordered: false, writeConcern: durable },
      )
      written = result.matchedCount + result.upsertedCount
    })
    await dropCurves(batch.flatMap(({ item }) => holders.get(item._id) ?? []))
    if (written < batch.length) return [...batch.filter((one) => !refused.has(one)), ...heldOf(refused)]
    for (const waiting of batch) waiting.settle({ kind: 'stored' })
    return []
  }

  async function saveAll(docs: AnyModelDoc[]): Promise<SaveOutcome> {
    const { outcome, replaced } = await saveTogether(docs)
    await dropCurves(replaced)
    return outcome
  }

  async function dropCurves(replaced: Holder[]): Promise<void> {
    const withCurves = replaced.filter((holder) => holder.curves.length > 0)
    await curves.dropCurves(withCurves.map((holder) => holder.upload))
  }

  return { save }
}

export type ModelWriter = ReturnType<typeof createModelWriter>

/** Of several uploads of one model the newest, which answers for the others too. */
function newestOfEach(taken: WaitingModel[], repeat: (waiting: WaitingModel) => void): WaitingModel[] {
  const leaders = new Map<string, WaitingModel>()
  for (const waiting of taken) {
    const other = leaders.get(waiting.item._id)
    leaders.set(waiting.item._id, other === undefined ? waiting : joined(waiting, other, repeat))
  }
  return [...leaders.values()]
}

function joined(
  later: WaitingModel,
  earlier: WaitingModel,
  repeat: (waiting: WaitingModel) => void,
): WaitingModel {
  const outcome = standing(later.item, earlier.item)
  const [lead, follow] = outcome === null || outcome.kind === 'stored' ? [later, earlier] : [earlier, later]
  return {
    item: lead.item,
    settle: (settled) => {
      lead.settle(settled)
      if (settled.kind === 'duplicate') repeat(follow)
      else follow.settle(standing(follow.item, lead.item) ?? { kind: 'superseded' })
    },
    fail: (error) => {
      lead.fail(error)
      follow.fail(error)
    },
  }
}

/** Exactly this holder, in the block that readers were told of, or nothing where there was none: then somebody else may
 * have been quicker. */
function replacement(doc: AnyModelDoc, holder: Holder | undefined) {
  const filter =
    holder === undefined
      ? { _id: doc._id, upload: doc.upload }
      : { _id: doc._id, upload: holder.upload, block: holder.block ?? null }
  return { replaceOne: { filter, replacement: doc, upsert: holder === undefined } }
}

/** Runs a write of `batch`, in its order, and tells what MongoDB refused and by which code.
 * @throws what says nothing of single documents */
async function refusals(
  batch: WaitingModel[],
  write: () => Promise<unknown>,
): Promise<Map<WaitingModel, number>> {
  try {
    await write()
    return new Map()
  } catch (error) {
    if (!(error instanceof MongoBulkWriteError)) throw error
    return refusedOf(batch, error)
  }
}

function refusedOf(batch: WaitingModel[], error: MongoBulkWriteError): Map<WaitingModel, number> {
  const refused = new Map<WaitingModel, number>()
  for (const problem of [error.writeErrors].flat()) {
    const waiting = batch[problem.index]
    if (waiting !== undefined) refused.set(waiting, Number(problem.code))
  }
  if (refused.size === 0) throw error
  return refused
}

/** Those whose identity is taken; the others fail. */
function heldOf(refused: Map<WaitingModel, number>): WaitingModel[] {
  const held: WaitingModel[] = []
  for (const [waiting, code] of refused) {
    if (code === duplicateKey) held.push(waiting)
    else waiting.fail(new Error(`MongoDB refused the model with code ${code}`))
  }
  return held
}

/** Runs what has the same key one after the other. */
function createTurns() {
  const last = new Map<string, Promise<unknown>>()

  return async <T>(key: string, run: () => Promise<T>): Promise<T> => {
    const before = last.get(key) ?? Promise.resolve()
    const mine = before.then(run, run)
    last.set(key, mine)
    try {
      return await mine
    } finally {
      if (last.get(key) === mine) last.delete(key)
    }
  }
}
