import { Binary, type Db } from 'mongodb'
import type { ColumnKey } from '../domain/table/cells.js'
import type { Column } from '../domain/table/columns.js'
import { bytesOf, rangeOf } from './block-store.js'
import { durable } from './database.js'

/** One column of a block, or its ids; `_id` is `<project>/<block>/<column>`. It never changes. */
interface ColumnDoc {
  _id: string
  /** Little-endian doubles. */
  n?: Binary
  /** One byte a row where not every model has a value. */
  p?: Binary
  words?: (number | string)[]
  /** Of `width` bytes each. */
  codes?: Binary
  width?: 1 | 2
  /** Ids of models, one after the other. */
  ids?: Binary
  /** The names of the block's columns, beside the ids. */
  keys?: ColumnKey[]
}

/** What a block says of itself. */
export interface BlockHead {
  rows: number
  idAt(row: number): string
  keys: readonly ColumnKey[]
}

const headKey = '#'
const idLength = 24
const mostCachedBytes = 48 * 1024 * 1024
const columnsPerInsert = 200

interface Cached {
  value: BlockHead | Column | null
  bytes: number
}

/** Columns of sealed blocks, with a cache that needs no invalidation, as none of them ever changes. */
export function createColumnStore(db: Db) {
  const columns = db.collection<ColumnDoc>('columns')
  const cache = new Map<string, Cached>()
  let cachedBytes = 0

  async function write(
    projectId: string,
    block: string,
    content: { ids: readonly string[]; columns: ReadonlyMap<ColumnKey, Column> },
  ): Promise<void> {
    const prefix = `${projectId}/${block}`
    const docs = [...content.columns].map(([key, column]) => toDoc(columnId(prefix, key), column))
    const head: ColumnDoc = {
      _id: columnId(prefix, headKey),
      ids: new Binary(Buffer.from(content.ids.join(''), 'latin1')),
      keys: [...content.columns.keys()],
    }
    for (let from = 0; from < docs.length; from += columnsPerInsert) {
      await columns.insertMany(docs.slice(from, from + columnsPerInsert), {
        ordered: false,
        writeConcern: durable,
      })
    }
    await columns.insertOne(head, { writeConcern: durable })
  }

  /** What the blocks say of themselves, in their order; null for one that is gone. */
  async function readHeads(projectId: string, blocks: readonly string[]): Promise<(BlockHead | null)[]> {
    const found = await read(blocks.map((block) => columnId(`${projectId}/${block}`, headKey)))
    return found.map((value) => (value !== null && 'keys' in value ? value : null))
  }

  /** For each block its column; null where none of its models has a value. */
  async function readColumn(
    projectId: string,
    blocks: readonly string[],
    key: ColumnKey,
  ): Promise<(Column | null)[]> {
    const found = await read(blocks.map((block) => columnId(`${projectId}/${block}`, key)))
    return found.map((value) => (value !== null && 'kind' in value ? value : null))
  }

  /** Those of the columns that the block has, for whoever reads each only once. */
  async function readOfBlock(
    projectId: string,
    block: string,
    keys: readonly ColumnKey[],
  ): Promise<Map<ColumnKey, Column>> {
    const prefix = `${projectId}/${block}`
    const wanted = new Map(keys.map((key) => [columnId(prefix, key), key]))
    const found = new Map<ColumnKey, Column>()
    for await (const doc of columns.find({ _id: { $in: [...wanted.keys()] } })) {
      const { value } = fromDoc(doc)
      const key = wanted.get(doc._id)
      if (key !== undefined && value !== null && 'kind' in value) found.set(key, value)
    }
    return found
  }

  async function read(ids: readonly string[]): Promise<(BlockHead | Column | null)[]> {
    const missing = ids.filter((id) => !cache.has(id))
    const fresh = new Map<string, Cached>()
    if (missing.length > 0) {
      for await (const doc of columns.find({ _id: { $in: missing } })) fresh.set(doc._id, fromDoc(doc))
      for (const id of missing) if (!fresh.has(id)) fresh.set(id, { value: null, bytes: 100 })
    }
    const values = ids.map((id) => (fresh.get(id) ?? cache.get(id))?.value ?? null)
    for (const id of ids) keep(id, fresh.get(id) ?? cache.get(id))
    return values
  }

  function keep(id: string, cached: Cached | undefined): void {
    if (cached === undefined) return
    if (!cache.delete(id)) cachedBytes += cached.bytes
    cache.set(id, cached)
    for (const [oldest, { bytes }] of cache) {
      if (cachedBytes <= mostCachedBytes) return
      cache.delete(oldest)
      cachedBytes -= bytes
    }
  }

  async function remove(projectId: string, block: string): Promise<void> {
    await columns.deleteMany({ _id: rangeOf(`${projectId}/${block}`) }, { writeConcern: durable })
  }

  return { write, readHeads, readColumn, readOfBlock, remove }
}

export type ColumnStore = ReturnType<typeof createColumnStore>

/** Names of any length and kind in a key of the database. */
function columnId(prefix: string, key: ColumnKey): string {
  return `${prefix}/${key}`
}

function toDoc(_id: string, column: Column): ColumnDoc {
  if (column.kind === 'words') {
    const { words, codes } = column
    return { _id, words: [...words], codes: binaryOf(codes), width: codes instanceof Uint8Array ? 1 : 2 }
  }
  const { values, present } = column
  return { _id, n: binaryOf(values), ...(present === null ? {} : { p: binaryOf(present) }) }
}

function binaryOf({ buffer, byteOffset, byteLength }: Uint8Array | Uint16Array | Float64Array): Binary {
  return new Binary(new Uint8Array(buffer, byteOffset, byteLength))
}

function fromDoc(doc: ColumnDoc): Cached {
  if (doc.ids !== undefined) return headOf(doc.ids, doc.keys ?? [])
  if (doc.codes !== undefined) return wordsOf(doc.codes, doc.words ?? [], doc.width ?? 1)
  const bytes = bytesOf(doc.n ?? new Binary())
  const values = new Float64Array(bytes.buffer)
  const present = doc.p === undefined ? null : bytesOf(doc.p)
  return { value: { kind: 'numbers', values, present }, bytes: bytes.length + (present?.length ?? 0) + 200 }
}

function wordsOf(codes: Binary, words: (number | string)[], width: 1 | 2): Cached {
  const bytes = bytesOf(codes)
  const value: Column = { kind: 'words', words, codes: width === 1 ? bytes : new Uint16Array(bytes.buffer) }
  const wordBytes = words.reduce<number>((sum, word) => sum + 24 + 2 * String(word).length, 0)
  return { value, bytes: bytes.length + wordBytes + 200 }
}

function headOf(ids: Binary, keys: ColumnKey[]): Cached {
  const text = Buffer.from(bytesOf(ids)).toString('latin1')
  const value: BlockHead = {
    rows: text.length / idLength,
    idAt: (row) => text.slice(row * idLength, (row + 1) * idLength),
    keys,
  }
  const keyBytes = keys.reduce((sum, key) => sum + 24 + 2 * key.length, 0)
  return { value, bytes: text.length + keyBytes + 200 }
}
