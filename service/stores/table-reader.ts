import type { Db } from 'mongodb'
import type { ColumnKey, TableModel } from '../domain/table/cells.js'
import { type Chunk, chunkOf } from '../domain/table/chunks.js'
import type { Column } from '../domain/table/columns.js'
import type { Block, BlockStore } from './block-store.js'
import type { BlockHead, ColumnStore } from './column-store.js'
import { createDeadRows } from './dead-rows.js'
import { anyModelCollection } from './model-documents.js'
import { fromTableDoc, type TableDoc, tableFieldsFor } from './table-documents.js'
import { createTailReader, type TailReading } from './table-tail.js'

/** All models of a project at one moment, in chunks. */
export interface TableContent {
  chunks: Chunk[]
  /** How many models are not sealed. */
  unsealed: number
  /** The names that any sealed or unsealed model has a value for, only where they were asked for. */
  keys: Set<ColumnKey>
}

const mostAttempts = 20

/** Reads the sealed blocks and what is not sealed as one. An answer holds each model once, as a plain scan's would:
 * docs/decisions/0017-column-blocks.md says why. */
export function createTableReader(db: Db, { blocks, columns }: { blocks: BlockStore; columns: ColumnStore }) {
  const models = anyModelCollection(db)
  const readTail = createTailReader(db)
  const findDead = createDeadRows(db)

  /** @throws Error where blocks are taken apart faster than they can be read */
  async function open(projectId: string, keys: readonly ColumnKey[]): Promise<TableContent> {
    for (let attempt = 0; attempt < mostAttempts; attempt += 1) {
      const content = await tryOpen(projectId, keys)
      if (content !== null) return content
    }
    throw new Error('the blocks of the project change too often to be read')
  }

  async function tryOpen(projectId: string, keys: readonly ColumnKey[]): Promise<TableContent | null> {
    const first = await blocks.list(projectId)
    const published = first.filter(({ state }) => state === 'published')
    const open = first.filter(({ state }) => state !== 'published')
    const tail = new Map<string, TableModel>()
    await readTail(projectId, [null, ...open.map(({ block }) => block)], { keys, tail })
    const seen = new Set(first.map(({ block }) => block))
    let latest = await readNewer(projectId, { keys, tail, seen })
    // Models that were given back while they were read may have been passed by.
    if (open.some((block) => isGivenUp(block, latest))) return null
    if (open.some(({ state }) => state === 'abandoned')) {
      const taken = new Set(published.map(({ block }) => block))
      const others = latest.map(({ block }) => block).filter((block) => !taken.has(block))
      await readTail(projectId, [null, ...others], { keys, tail })
      latest = await readNewer(projectId, { keys, tail, seen })
    }
    // As they were told of after the last look at what is not sealed: whoever moved a model there told of it before.
    const states = new Map(latest.map((one) => [one.block, one]))
    const used = published.flatMap(({ block }) => states.get(block) ?? [])
    if (used.length < published.length || used.some(({ state }) => state !== 'published')) return null
    const dead = await findDead(projectId, { latest, used }, { keys, tail })
    return readBlocks(projectId, used, { keys, tail, dead })
  }

  /** Blocks that were begun since: their models are still taken one by one. Answers with all blocks there are now. */
  async function readNewer(
    projectId: string,
    { seen, ...reading }: TailReading & { seen: Set<string> },
  ): Promise<Block[]> {
    for (;;) {
      const latest = await blocks.list(projectId)
      const newer = latest.map(({ block }) => block).filter((block) => !seen.has(block))
      if (newer.length === 0) return latest
      for (const block of newer) seen.add(block)
      await readTail(projectId, newer, reading)
    }
  }

  async function readBlocks(
    projectId: string,
    used: readonly Block[],
    { keys, tail, dead }: TailReading & { dead: Map<string, Set<string>> },
  ): Promise<TableContent | null> {
    const names = used.map(({ block }) => block)
    const heads = await columns.readHeads(projectId, names)
    const lists = new Map<ColumnKey, (Column | null)[]>()
    for (const key of keys) lists.set(key, await columns.readColumn(projectId, names, key))
    const chunks: Chunk[] = [chunkOf([...tail.values()])]
    for (const [index, block] of used.entries()) {
      const head = heads[index]
      if (head === null || head === undefined) return null
      const own = new Map(keys.map((key) => [key, lists.get(key)?.[index] ?? null]))
      if (block.isCut) await readCut(projectId, block.block, { head, own })
      chunks.push(chunkOfBlock(block.block, { head, own, dead: dead.get(block.block) ?? new Set() }))
    }
    return { chunks, unsealed: tail.size, keys: new Set(heads.flatMap((head) => head?.keys ?? [])) }
  }

  /** Columns that a block has no room for, from its documents. */
  async function readCut(
    projectId: string,
    block: string,
    { head, own }: { head: BlockHead; own: Map<ColumnKey, Column | null> },
  ): Promise<void> {
    const known = new Set(head.keys)
    const missing = [...own.keys()].filter((key) => !known.has(key))
    if (missing.length === 0) return
    const docs = await models
      .find({ projectId, block })
      .hint({ projectId: 1, block: 1 })
      .project<TableDoc>(tableFieldsFor(missing))
      .toArray()
    const byId = new Map(docs.map((doc) => [doc._id, fromTableDoc(doc)]))
    const rows = Array.from({ length: head.rows }, (_, row) => byId.get(head.idAt(row)) ?? null)
    const chunk = chunkOf(rows)
    for (const key of missing) own.set(key, chunk.column(key))
  }

  /** Columns of one block, kept nowhere; null where the block is gone or has no room for one of them. */
  async function readColumns(
    projectId: string,
    block: string,
    keys: readonly ColumnKey[],
  ): Promise<Map<ColumnKey, Column | null> | null> {
    const [head] = await columns.readHeads(projectId, [block])
    const state = await blocks.find(projectId, block)
    if (!head || state === null) return null
    const found = await columns.readOfBlock(projectId, block, keys)
    const known = new Set(head.keys)
    if (keys.some((key) => (known.has(key) ? !found.has(key) : state.isCut))) return null
    return found
  }

  return { open, readColumns }
}

export type TableReader = ReturnType<typeof createTableReader>

function isGivenUp({ block, state }: Block, latest: readonly Block[]): boolean {
  const now = latest.find((other) => other.block === block)
  return now === undefined || (now.state === 'abandoned' && state !== 'abandoned')
}

interface BlockParts {
  head: BlockHead
  own: Map<ColumnKey, Column | null>
  dead: ReadonlySet<string>
}

function chunkOfBlock(block: string, { head, own, dead }: BlockParts): Chunk {
  const isLive = (_: unknown, row: number) => Number(!dead.has(head.idAt(row)))
  return {
    block,
    rows: head.rows,
    idAt: head.idAt,
    live: dead.size === 0 ? null : Uint8Array.from({ length: head.rows }, isLive),
    column: (key) => own.get(key) ?? null,
  }
}
