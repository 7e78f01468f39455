import { type ClientSession, type Db, MongoBulkWriteError, type MongoClient } from 'mongodb'
import type { CurveStore } from './curve-store.js'
import { duplicateKey, durable } from './database.js'
import { type ModelDoc, modelCollection } from './model-store.js'

/** `stored`: this upload is what readers see. `superseded`: a newer try or pipeline has stored the model already.
 * `duplicate`: another job of the same pipeline holds the identity; nothing was written. */
export type SaveOutcome =
  { kind: 'stored' } | { kind: 'superseded' } | { kind: 'duplicate'; doc: ModelDoc; jobName: string }

/** One upload and those that came for the same model while it waited. */
interface Waiting {
  doc: ModelDoc
  settle: (outcome: SaveOutcome) => void
  fail: (error: unknown) => void
}

type Holder = Pick<ModelDoc, '_id' | 'pipelineId' | 'jobId' | 'jobName' | 'upload' | 'curves'>

const holderFields = { pipelineId: 1, jobId: 1, jobName: 1, upload: 1, curves: 1 } as const
const writesInFlight = 2
const mostPerWrite = 500
const mostRounds = 20

/** Writes models so that acknowledged means durable. Single models share one insert among concurrent callers (group
 * commit); several models of one report are stored in a transaction, all or none. Why: docs/decisions/ingest.md. */
export function createModelWriter(client: MongoClient, db: Db, curves: CurveStore) {
  const models = modelCollection(db)
  const reports = new Map<string, Promise<unknown>>()
  let waiting: Waiting[] = []
  let running = 0
  let scheduled = false

  /** `reportId` keeps copies of one report that come at the same time in a row.
   * @throws the driver's errors; nothing of the report is visible then */
  async function save(reportId: string, docs: ModelDoc[]): Promise<SaveOutcome> {
    const [only] = docs
    if (docs.length === 1 && only !== undefined) return saveSingle(only)
    return inTurn(reportId, () => saveTogether(docs))
  }

  function saveSingle(doc: ModelDoc): Promise<SaveOutcome> {
    return new Promise((settle, fail) => {
      waiting.push({ doc, settle, fail })
      schedule()
    })
  }

  function schedule(): void {
    if (scheduled || running >= writesInFlight || waiting.length === 0) return
    scheduled = true
    setImmediate(() => {
      scheduled = false
      running += 1
      void writeBatch(takeBatch()).finally(() => {
        running -= 1
        schedule()
      })
      schedule()
    })
  }

  /** The next uploads; of several for one model the newest goes, the others share its answer. */
  function takeBatch(): Waiting[] {
    const taken = waiting.slice(0, mostPerWrite)
    waiting = waiting.slice(mostPerWrite)
    const leaders = new Map<string, Waiting>()
    for (const item of taken) {
      const other = leaders.get(item.doc._id)
      leaders.set(
        item.doc._id,
        other === undefined ? item : joined(item, other, (again) => waiting.push(again)),
      )
    }
    return [...leaders.values()]
  }

  async function writeBatch(batch: Waiting[]): Promise<void> {
    try {
      const refused = await insert(batch)
      for (const item of batch) if (!refused.has(item)) item.settle({ kind: 'stored' })
      const held = [...refused].filter(([, code]) => code === duplicateKey).map(([item]) => item)
      for (const [item, code] of refused) {
        if (code !== duplicateKey) item.fail(new Error(`MongoDB refused the model with code ${code}`))
      }
      await replaceOlder(held)
    } catch (error) {
      for (const item of batch) item.fail(error)
    }
  }

  async function insert(batch: Waiting[]): Promise<Map<Waiting, number>> {
    try {
      const docs = batch.map((item) => item.doc)
      await models.insertMany(docs, { ordered: false, writeConcern: durable })
      return new Map()
    } catch (error) {
      if (!(error instanceof MongoBulkWriteError)) throw error
      return refusedOf(batch, error)
    }
  }

  /** Rounds of compare-and-set: see who holds the model, replace exactly that, look again. */
  async function replaceOlder(items: Waiting[]): Promise<void> {
    let open = items
    for (let round = 0; open.length > 0; round += 1) {
      if (round === mostRounds) throw new Error('the same models are being written too often to settle')
      open = await replaceRound(open)
    }
  }

  async function replaceRound(items: Waiting[]): Promise<Waiting[]> {
    const found = await holders(items.map((item) => item.doc._id))
    const gone: Waiting[] = []
    const replacing: { item: Waiting; holder: Holder }[] = []
    for (const item of items) {
      const holder = found.get(item.doc._id)
      const outcome = holder === undefined ? null : standing(item.doc, holder)
      if (holder === undefined) gone.push(item)
      else if (outcome === null) replacing.push({ item, holder })
      else item.settle(outcome)
    }
    if (gone.length > 0) await insert(gone)
    if (replacing.length > 0) await replaceExactly(replacing)
    return [...gone, ...replacing.map(({ item }) => item)]
  }

  async function replaceExactly(pairs: { item: Waiting; holder: Holder }[]): Promise<void> {
    await models.bulkWrite(
      pairs.map(({ item, holder }) => ({
        replaceOne: { filter: { _id: item.doc._id, upload: holder.upload }, replacement: item.doc },
      })),
      { ordered: false, writeConcern: durable },
    )
    await dropCurves(pairs.map(({ holder }) => holder))
  }

  async function saveTogether(docs: ModelDoc[]): Promise<SaveOutcome> {
    const session = client.startSession()
    try {
      const { outcome, replaced } = await session.withTransaction(() => writeAll(docs, session), {
        readConcern: { level: 'snapshot' },
        writeConcern: durable,
      })
      await dropCurves(replaced)
      return outcome
    } finally {
      await session.endSession()
    }
  }

  async function writeAll(docs: ModelDoc[], session: ClientSession) {
    const ids = docs.map((doc) => doc._id)
    const found = await holders(ids, session)
    const replaced: Holder[] = []
    const writes = []
    for (const doc of docs) {
      const holder = found.get(doc._id)
      const outcome = holder === undefined ? null : standing(doc, holder)
      if (outcome?.kind === 'duplicate') return { outcome, replaced: [] }
      if (outcome !== null) continue
      if (holder !== undefined) replaced.push(holder)
      writes.push(writeOf(doc, holder))
    }
    if (writes.length === 0) return { outcome: { kind: 'superseded' } as const, replaced }
    await models.bulkWrite(writes, { ordered: true, session })
    return { outcome: { kind: 'stored' } as const, replaced }
  }

  async function holders(ids: string[], session?: ClientSession): Promise<Map<string, Holder>> {
    const found = await models
      .find<Holder>({ _id: { $in: ids } }, { session, projection: holderFields })
      .toArray()
    return new Map(found.map((holder) => [holder._id, holder]))
  }

  async function dropCurves(replaced: Holder[]): Promise<void> {
    await curves.dropCurves(
      replaced.filter((holder) => holder.curves.length > 0).map((holder) => holder.upload),
    )
  }

  async function inTurn<T>(key: string, run: () => Promise<T>): Promise<T> {
    const before = reports.get(key) ?? Promise.resolve()
    const mine = before.then(run, run)
    reports.set(key, mine)
    try {
      return await mine
    } finally {
      if (reports.get(key) === mine) reports.delete(key)
    }
  }

  return { save }
}

export type ModelWriter = ReturnType<typeof createModelWriter>

function writeOf(doc: ModelDoc, holder: Holder | undefined) {
  if (holder === undefined) return { insertOne: { document: doc } }
  return { replaceOne: { filter: { _id: doc._id }, replacement: doc } }
}

/** What becomes of `doc` beside the one that stands there; null where it may replace it. */
function standing(doc: ModelDoc, holder: Omit<Holder, '_id' | 'curves'>): SaveOutcome | null {
  if (holder.upload.equals(doc.upload)) return { kind: 'stored' }
  if (holder.pipelineId > doc.pipelineId) return { kind: 'superseded' }
  if (holder.pipelineId < doc.pipelineId) return null
  if (holder.jobName !== doc.jobName) return { kind: 'duplicate', doc, jobName: holder.jobName }
  return holder.jobId > doc.jobId ? { kind: 'superseded' } : null
}

/** The newer of two uploads of one model, which answers for the older too. */
function joined(later: Waiting, earlier: Waiting, repeat: (item: Waiting) => void): Waiting {
  const outcome = standing(later.doc, earlier.doc)
  const [lead, follow] = outcome === null || outcome.kind === 'stored' ? [later, earlier] : [earlier, later]
  return {
    doc: lead.doc,
    settle: (settled) => {
      lead.settle(settled)
      if (settled.kind === 'duplicate') repeat(follow)
      else follow.settle(standing(follow.doc, lead.doc) ?? { kind: 'superseded' })
    },
    fail: (error) => {
      lead.fail(error)
      follow.fail(error)
    },
  }
}

function refusedOf(batch: Waiting[], error: MongoBulkWriteError): Map<Waiting, number> {
  const refused = new Map<Waiting, number>()
  for (const problem of [error.writeErrors].flat()) {
    const item = batch[problem.index]
    if (item !== undefined) refused.set(item, Number(problem.code))
  }
  if (refused.size === 0) throw error
  return refused
}
