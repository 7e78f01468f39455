import { Binary, type Db, type ObjectId } from 'mongodb'
import type { Curve } from '../domain/model.js'
import { durable } from './database.js'
import { createGroupCommit } from './group-commit.js'
import { type ModelDoc, modelCollection } from './model-documents.js'

/** One chunk of a curve; `_id` is `<upload>/<curve>/<chunk>`, so that a model's points are one range of keys. */
interface CurveDoc {
  _id: string
  steps: Binary | EvenSteps
  values: Binary
}

/** Steps that are exactly `from + i * by`, as most are. */
interface EvenSteps {
  from: number
  by: number
  count: number
}

/** `steps[i]` and `values[i]` belong together. */
export interface CurvePoints {
  steps: Float64Array
  values: Float64Array
}

const pointsPerChunk = 65_536
/** 8 MB, so that a shared write stays below what MongoDB takes at once. */
const chunksPerPart = 8
const partsPerWrite = 4

/** Points of curves as packed little-endian doubles, never read for lists. */
export function createCurveStore(db: Db) {
  const chunks = db.collection<CurveDoc>('curves')
  const insert = createGroupCommit<CurveDoc[], void>({
    writesInFlight: 2,
    mostPerWrite: partsPerWrite,
    prepare: (taken) => taken,
    write: async (parts) => {
      const docs = parts.flatMap((part) => part.item)
      await chunks.insertMany(docs, { ordered: false, writeConcern: durable })
      for (const part of parts) part.settle()
    },
  })

  /** Stores the points of one upload. The model that makes them visible is written afterwards. */
  async function saveCurves(upload: ObjectId, curves: Curve[]): Promise<void> {
    const docs = curves.flatMap((curve, index) => chunksOf(`${upload.toHexString()}/${index}`, curve))
    for (let from = 0; from < docs.length; from += chunksPerPart) {
      await insert(docs.slice(from, from + chunksPerPart))
    }
  }

  /** The points of the upload's curves of these numbers, in the order asked for, in one query. */
  async function readCurves(upload: ObjectId, indexes: number[]): Promise<CurvePoints[]> {
    if (indexes.length === 0) return []
    const prefixes = indexes.map((index) => `${upload.toHexString()}/${index}`)
    const docs = await chunks.find({ $or: prefixes.map(rangeOf) }).toArray()
    docs.sort((a, b) => chunkNumber(a._id) - chunkNumber(b._id))
    return prefixes.map((prefix) => {
      const own = docs.filter((doc) => doc._id.startsWith(`${prefix}/`))
      return {
        steps: joined(own.map((doc) => readSteps(doc.steps))),
        values: joined(own.map((doc) => unpacked(doc.values))),
      }
    })
  }

  async function dropCurves(uploads: ObjectId[]): Promise<void> {
    if (uploads.length === 0) return
    await chunks.deleteMany({ $or: uploads.map((upload) => rangeOf(upload.toHexString())) })
  }

  /** Drops the points of those uploads that no model shows: where a write failed, it may still have been done. */
  async function dropUnused(docs: Pick<ModelDoc, '_id' | 'upload'>[]): Promise<void> {
    const filter = {
      _id: { $in: docs.map((doc) => doc._id) },
      upload: { $in: docs.map((doc) => doc.upload) },
    }
    const shown = await modelCollection(db)
      .find(filter)
      .project<Pick<ModelDoc, 'upload'>>({ upload: 1 })
      .toArray()
    const used = new Set(shown.map(({ upload }) => upload.toHexString()))
    await dropCurves(docs.map(({ upload }) => upload).filter((upload) => !used.has(upload.toHexString())))
  }

  return { saveCurves, readCurves, dropCurves, dropUnused }
}

export type CurveStore = ReturnType<typeof createCurveStore>

function rangeOf(prefix: string) {
  return { _id: { $gte: `${prefix}/`, $lt: `${prefix}0` } }
}

function chunkNumber(id: string): number {
  return Number(id.slice(id.lastIndexOf('/') + 1))
}

function chunksOf(prefix: string, curve: Curve): CurveDoc[] {
  const docs: CurveDoc[] = []
  for (let from = 0; from < curve.steps.length; from += pointsPerChunk) {
    const to = Math.min(from + pointsPerChunk, curve.steps.length)
    const steps = curve.steps.subarray(from, to)
    docs.push({
      _id: `${prefix}/${from / pointsPerChunk}`,
      steps: evenSteps(steps) ?? packed(steps),
      values: packed(curve.values.subarray(from, to)),
    })
  }
  return docs
}

function packed(floats: Float64Array): Binary {
  return new Binary(Buffer.from(floats.buffer, floats.byteOffset, floats.byteLength))
}

function evenSteps(steps: Float64Array): EvenSteps | null {
  const [from = 0, second = from] = steps
  const by = second - from
  for (let i = 0; i < steps.length; i += 1) if (steps[i] !== from + i * by) return null
  return { from, by, count: steps.length }
}

function readSteps(steps: CurveDoc['steps']): Float64Array {
  if (steps instanceof Binary) return unpacked(steps)
  const { from, by, count } = steps
  return Float64Array.from({ length: count }, (_, i) => from + i * by)
}

function unpacked(part: Binary): Float64Array {
  // Copied, because what the driver gives may lie anywhere in its buffer, and doubles want multiples of 8.
  return new Float64Array(new Uint8Array(part.value()).buffer)
}

function joined(parts: Float64Array[]): Float64Array {
  const all = new Float64Array(parts.reduce((count, part) => count + part.length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}
