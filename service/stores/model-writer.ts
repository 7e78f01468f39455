import { type Db, MongoBulkWriteError, type MongoClient } from 'mongodb'
import type { CurveStore } from './curve-store.js'
import { duplicateKey, durable } from './database.js'
import { createGroupCommit, type Waiting } from './group-commit.js'
import { findHolders, type Holder, type SaveOutcome, standing } from './model-holders.js'
import { type ModelDoc, modelCollection } from './model-store.js'
import { createModelTransaction } from './model-transaction.js'

type WaitingModel = Waiting<ModelDoc, SaveOutcome>

const mostRounds = 20

/** Writes models so that acknowledged means durable. Single models share one insert among concurrent callers; several
 * models of one report are stored in a transaction, all or none. Why: docs/decisions/0001-ingest.md. */
export function createModelWriter(client: MongoClient, db: Db, curves: CurveStore) {
  const models = modelCollection(db)
  const inTurn = createTurns()
  const saveTogether = createModelTransaction(client, db)
  const saveSingle = createGroupCommit<ModelDoc, SaveOutcome>({
    writesInFlight: 2,
    mostPerWrite: 500,
    prepare: newestOfEach,
    write: insertOrReplace,
  })

  /** `reportId` keeps copies of one report that come at the same time in a row.
   * @throws the driver's errors; nothing of the report is visible then */
  async function save(reportId: string, docs: ModelDoc[]): Promise<SaveOutcome> {
    const [only] = docs
    if (docs.length === 1 && only !== undefined) return saveSingle(only)
    return inTurn(reportId, () => saveAll(docs))
  }

  async function insertOrReplace(batch: WaitingModel[]): Promise<void> {
    const refused = await insert(batch)
    for (const waiting of batch) if (!refused.has(waiting)) waiting.settle({ kind: 'stored' })
    const held = [...refused].filter(([, code]) => code === duplicateKey).map(([waiting]) => waiting)
    for (const [waiting, code] of refused) {
      if (code !== duplicateKey) waiting.fail(new Error(`MongoDB refused the model with code ${code}`))
    }
    await replaceOlder(held)
  }

  async function insert(batch: WaitingModel[]): Promise<Map<WaitingModel, number>> {
    try {
      const docs = batch.map((waiting) => waiting.item)
      await models.insertMany(docs, { ordered: false, writeConcern: durable })
      return new Map()
    } catch (error) {
      if (!(error instanceof MongoBulkWriteError)) throw error
      return refusedOf(batch, error)
    }
  }

  /** Rounds of compare-and-set: see who holds the model, replace exactly that, look again. */
  async function replaceOlder(held: WaitingModel[]): Promise<void> {
    let open = held
    for (let round = 0; open.length > 0; round += 1) {
      if (round === mostRounds) throw new Error('the same models are being written too often to settle')
      open = await replaceRound(open)
    }
  }

  async function replaceRound(open: WaitingModel[]): Promise<WaitingModel[]> {
    const found = await findHolders(
      models,
      open.map((waiting) => waiting.item._id),
    )
    const gone: WaitingModel[] = []
    const replacing: { waiting: WaitingModel; holder: Holder }[] = []
    for (const waiting of open) {
      const holder = found.get(waiting.item._id)
      const outcome = holder === undefined ? null : standing(waiting.item, holder)
      if (holder === undefined) gone.push(waiting)
      else if (outcome === null) replacing.push({ waiting, holder })
      else waiting.settle(outcome)
    }
    if (gone.length > 0) await insert(gone)
    if (replacing.length > 0) await replaceExactly(replacing)
    return [...gone, ...replacing.map(({ waiting }) => waiting)]
  }

  async function replaceExactly(pairs: { waiting: WaitingModel; holder: Holder }[]): Promise<void> {
    await models.bulkWrite(
      pairs.map(({ waiting, holder }) => ({
        replaceOne: { filter: { _id: waiting.item._id, upload: holder.upload }, replacement: waiting.item },
      })),
      { ordered: false, writeConcern: durable },
    )
    await dropCurves(pairs.map(({ holder }) => holder))
  }

  async function saveAll(docs: ModelDoc[]): Promise<SaveOutcome> {
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

function refusedOf(batch: WaitingModel[], error: MongoBulkWriteError): Map<WaitingModel, number> {
  const refused = new Map<WaitingModel, number>()
  for (const problem of [error.writeErrors].flat()) {
    const waiting = batch[problem.index]
    if (waiting !== undefined) refused.set(waiting, Number(problem.code))
  }
  if (refused.size === 0) throw error
  return refused
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
