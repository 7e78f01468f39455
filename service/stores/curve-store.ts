import { Binary, type Db, type ObjectId } from 'mongodb'
import type { Curve } from '../domain/model.js'
import { durable } from './database.js'

/** One chunk of a curve; `_id` is `<upload>/<curve>/<chunk>`, so that a model's points are one range of keys. */
interface CurveDoc {
  _id: string
  steps: Binary
  values: Binary
}

/** `steps[i]` and `values[i]` belong together. */
export interface CurvePoints {
  steps: Float64Array
  values: Float64Array
}

const pointsPerChunk = 65_536
const chunksPerWrite = 32

/** Points of curves as packed little-endian doubles, never read for lists. */
export function createCurveStore(db: Db) {
  const chunks = db.collection<CurveDoc>('curves')

  /** Stores the points of one upload. The model that makes them visible is written afterwards. */
  async function saveCurves(upload: ObjectId, curves: Curve[]): Promise<void> {
    const docs = curves.flatMap((curve, index) => chunksOf(`${upload.toHexString()}/${index}`, curve))
    for (let from = 0; from < docs.length; from += chunksPerWrite) {
      await chunks.insertMany(docs.slice(from, from + chunksPerWrite), {
        ordered: false,
        writeConcern: durable,
      })
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
      return { steps: unpacked(own.map((doc) => doc.steps)), values: unpacked(own.map((doc) => doc.values)) }
    })
  }

  async function dropCurves(uploads: ObjectId[]): Promise<void> {
    if (uploads.length === 0) return
    await chunks.deleteMany({ $or: uploads.map((upload) => rangeOf(upload.toHexString())) })
  }

  return { saveCurves, readCurves, dropCurves }
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
    docs.push({
      _id: `${prefix}/${from / pointsPerChunk}`,
      steps: packed(curve.steps.subarray(from, to)),
      values: packed(curve.values.subarray(from, to)),
    })
  }
  return docs
}

function packed(floats: Float64Array): Binary {
  return new Binary(Buffer.from(floats.buffer, floats.byteOffset, floats.byteLength))
}

function unpacked(parts: Binary[]): Float64Array {
  const bytes = Buffer.concat(parts.map((part) => part.buffer.subarray(0, part.position)))
  const aligned = new Uint8Array(bytes).buffer
  return new Float64Array(aligned)
}
