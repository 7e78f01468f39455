import t, { type Test } from 'tap'
import type { Db } from 'mongodb'
import { openTestDatabase } from '../../../embedded/test-database.js'
import type { Cell, ColumnKey } from '../../domain/table/cells.js'
import type { Condition, Selection } from '../../domain/table/selection.js'
import { createBlockSealing, modelsPerBlock } from '../../stores/block-sealing.js'
import { createBlockStore } from '../../stores/block-store.js'
import { createColumnStore } from '../../stores/column-store.js'
import { createCurveStore } from '../../stores/curve-store.js'
import { createDeletionStore } from '../../stores/deletion-store.js'
import { ensureIndexes } from '../../stores/indexes.js'
import { type ModelDoc, modelCollection } from '../../stores/model-documents.js'
import { createModelTable } from '../../stores/model-table.js'
import { createModelWriter } from '../../stores/model-writer.js'
import { createTableReader } from '../../stores/table-reader.js'
import { seeded, tableModel } from '../support/table-models.js'

const { client, db } = await openTestDatabase(t)
await ensureIndexes(db)
const models = modelCollection(db)

/** As one process has it, with caches of its own. */
function openProcess(database: Db = db) {
  const sealed = { blocks: createBlockStore(database), columns: createColumnStore(database) }
  return {
    table: createModelTable(database, createTableReader(database, sealed)),
    sealing: createBlockSealing(database, sealed),
    blocks: sealed.blocks,
  }
}

async function store(projectId: string, count: number, seed = 1): Promise<() => number> {
  const random = seeded(seed)
  await models.insertMany(Array.from({ length: count }, (_, index) => tableModel(projectId, index, random)))
  return random
}

/** What the table says of a model, read the plain way. */
function plainCell(doc: ModelDoc, key: ColumnKey): Cell {
  const named = { r: doc.results, h: doc.hyperparameters, p: doc.parameters }[key.split(':', 1)[0] ?? '']
  if (named !== undefined && key.includes(':')) {
    const value = named.find(({ k }) => k === key.slice(2))?.v
    if (value === undefined) return null
    if (typeof value === 'number') return value
    return (typeof value === 'string' ? value : JSON.stringify(value)).slice(0, 200)
  }
  const { uploadedAt, name, dataset, commit, ref, refType, pipelineId, userId, repeat } = doc
  const fields: Record<string, Cell> = {
    time: uploadedAt.getTime(),
    model: name,
    dataset,
    commit,
    branch: refType === 'branch' ? ref : null,
    tag: refType === 'tag' ? ref : null,
    pipeline: pipelineId,
    person: userId,
    repeat,
  }
  return fields[key] ?? null
}

function plainTest(cell: Cell, { operator, value }: Condition): boolean {
  const number = /^-?[\d.]+$/.test(value) ? Number(value) : value === 'NaN' ? Number.NaN : null
  const isEqual =
    typeof cell === 'number' ? number !== null && Object.is(cell + 0, number + 0) : cell === value
  const side = typeof cell === 'number' && number !== null ? Math.sign(cell - number) : Number.NaN
  switch (operator) {
    case '=':
      return isEqual
    case '!=':
      return !isEqual
    case '~':
      return cell !== null && String(cell).toLowerCase().includes(value.toLowerCase())
    case '^':
      return cell !== null && String(cell).startsWith(value)
    case 'has':
      return cell !== null
    case 'lacks':
      return cell === null
    default:
      return { '>=': side >= 0, '<=': side <= 0, '>': side > 0, '<': side < 0 }[operator]
  }
}

async function plainScan(projectId: string, selection: Selection): Promise<string[]> {
  return scan(await models.find({ projectId }).toArray(), selection)
}

function rank(cell: Cell): number {
  return cell === null ? 3 : typeof cell === 'string' ? 1 : Number.isNaN(cell) ? 2 : 0
}

function scan(docs: readonly ModelDoc[], { conditions, oneOf, sort }: Selection): string[] {
  const way = sort.descending ? -1 : 1
  return docs
    .filter((doc) => conditions.every((one) => plainTest(plainCell(doc, one.key), one)))
    .filter((doc) => oneOf.every(({ key, values }) => values.some((value) => value === plainCell(doc, key))))
    .map((doc) => ({ id: doc._id, cell: plainCell(doc, sort.key) }))
    .sort((a, b) => {
      const [left, right] = [rank(a.cell), rank(b.cell)]
      if (left !== right) return left > 1 || right > 1 ? left - right : (left - right) * way
      const [x, y] = [a.cell ?? 0, b.cell ?? 0]
      if (left < 2 && x !== y) return (x < y ? -1 : 1) * way
      return a.id < b.id ? -1 : 1
    })
    .map(({ id }) => id)
}

function selection(changes: Partial<Selection> = {}): Selection {
  return { conditions: [], oneOf: [], sort: { key: 'time', descending: true }, ...changes }
}

function where(key: ColumnKey, operator: Condition['operator'], value = ''): Condition {
  return { key, operator, value }
}

const conditions: Condition[][] = [
  [],
  [where('dataset', '=', 'iris')],
  [where('dataset', '=', 'iris'), where('model', '!=', 'tree')],
  [where('r:accuracy', '>=', '0.5'), where('r:accuracy', '<', '0.75')],
  [where('r:loss', '=', 'NaN')],
  [where('r:loss', 'has')],
  [where('r:loss', 'lacks')],
  [where('r:rare.$name', '>', '0.5')],
  [where('h:mixed', '=', '0.1')],
  [where('h:mixed', '~', 'ADAM')],
  [where('h:mixed', '!=', 'adam')],
  [where('commit', '^', 'a')],
  [where('h:lr', '<=', '0.01'), where('person', '=', '2'), where('branch', '=', 'main')],
  [where('tag', 'has')],
  [where('h:nowhere', '=', 'x')],
  [where('h:nowhere', 'lacks')],
]
const sorts: Selection['sort'][] = [
  'time',
  'r:accuracy',
  'r:loss',
  'h:mixed',
  'model',
  'r:rare.$name',
].flatMap((key) => [
  { key, descending: true },
  { key, descending: false },
])

/** Reads all pages. */
async function readAll(table: ReturnType<typeof openProcess>['table'], projectId: string, wanted: Selection) {
  const ids: string[] = []
  let total = -1
  for (let start: Parameters<typeof table.select>[2]['start'] = null; ;) {
    const page = await table.select(projectId, wanted, { start, limit: 700 })
    t.equal(page.before, ids.length)
    total = page.total
    ids.push(...page.rows.map(({ key }) => key.id))
    const last = page.rows.at(-1)
    if (last === undefined || ids.length >= total) return { ids, total }
    start = { after: last.key }
  }
}

async function same(t: Test, projectId: string, { table }: ReturnType<typeof openProcess>): Promise<void> {
  const docs = await models.find({ projectId }).toArray()
  for (const [index, some] of conditions.entries()) {
    const wanted = selection({ conditions: some, sort: sorts[index % sorts.length] ?? selection().sort })
    const plain = scan(docs, wanted)
    const { ids, total } = await readAll(table, projectId, wanted)
    t.same({ total, ids }, { total: plain.length, ids: plain }, JSON.stringify(wanted))
  }
}

t.test('sealed or not, answers are those of a plain scan', async (t) => {
  await store('p1', 3_400)
  const one = openProcess()
  await same(t, 'p1', one)

  while (await one.sealing.isDue('p1')) await one.sealing.seal('p1')

  t.equal((await one.blocks.list('p1')).length, 3)
  t.equal(await models.countDocuments({ projectId: 'p1', block: null }), 3_400 - 3 * modelsPerBlock)
  await same(t, 'p1', one)
  const docs = await models.find({ projectId: 'p1' }).toArray()
  for (const sort of sorts) {
    const wanted = selection({ sort, oneOf: [{ key: 'pipeline', values: [10, 11, 99] }] })
    t.same((await readAll(one.table, 'p1', wanted)).ids, scan(docs, wanted), JSON.stringify(sort))
    const exported: string[] = []
    for await (const rows of one.table.read('p1', selection({ sort }), ['r:loss'])) {
      exported.push(...rows.map(({ id }) => id))
    }
    t.same(exported, scan(docs, selection({ sort })), `exported ${JSON.stringify(sort)}`)
  }
})

t.test('pages go back as they came', async (t) => {
  const { table } = openProcess()
  const wanted = selection({ sort: { key: 'h:mixed', descending: true } })
  const plain = await plainScan('p1', wanted)

  const third = await table.select('p1', wanted, { start: null, limit: 150 })
  const edge = third.rows.at(100)
  t.ok(edge)
  if (edge === undefined) return
  const back = await table.select('p1', wanted, { start: { before: edge.key }, limit: 50 })

  t.same(
    back.rows.map(({ key }) => key.id),
    plain.slice(50, 100),
  )
  t.equal(back.before, 50)
})

t.test('models that were replaced and deleted after they were sealed', async (t) => {
  const random = await store('p2', 2_100, 7)
  const curves = createCurveStore(db)
  const writer = createModelWriter(client, db, curves)
  const one = openProcess()
  await one.sealing.seal('p2')
  await one.sealing.seal('p2')
  await same(t, 'p2', one)

  const again = Array.from({ length: 60 }, (_, at) => ({ ...tableModel('p2', at * 17, random), jobId: 101 }))
  await Promise.all(again.slice(0, 40).map((doc) => writer.save('single', [doc])))
  await writer.save('together', again.slice(40))
  const gone = await models.find({ projectId: 'p2' }).skip(300).limit(25).toArray()
  const deletions = createDeletionStore(db, curves)
  for (const doc of gone)
    await deletions.deleteModel({ id: doc._id, projectId: 'p2', pipeline: null } as never)
  await deletions.forgetReporter(3)

  await same(t, 'p2', one)
  await same(t, 'p2', openProcess())
  t.equal((await readAll(one.table, 'p2', selection({ conditions: [where('person', '=', '3')] }))).total, 0)

  await one.sealing.tidy('p2')
  await same(t, 'p2', one)
  while (await one.sealing.isDue('p2')) await one.sealing.seal('p2')
  await same(t, 'p2', one)
})

t.test(
  'while models are replaced and sealed by two processes, each counts once at every moment',
  async (t) => {
    const count = 2_600
    const random = await store('p3', count, 3)
    const writer = createModelWriter(client, db, createCurveStore(db))
    const processes = [openProcess(), openProcess()]
    const writing = { isOver: false }
    let reads = 0
    const read = async () => {
      const { table } = openProcess()
      while (!writing.isOver) {
        const page = await table.select('p3', selection(), { start: null, limit: 3_000 })
        const ids = page.rows.map(({ key }) => key.id)
        if (page.total !== count || new Set(ids).size !== count) {
          t.same({ total: page.total, different: new Set(ids).size }, { total: count, different: count })
          return
        }
        reads += 1
      }
    }
    const write = async () => {
      for (let job = 101; job < 130; job += 1) {
        const docs = Array.from({ length: 40 }, () => {
          return { ...tableModel('p3', Math.floor(random() * count), random), jobId: job }
        })
        await Promise.all(docs.slice(0, 30).map((doc) => writer.save('single', [doc])))
        const together = new Map(docs.slice(30).map((doc) => [doc._id, doc]))
        await writer.save(`together ${job}`, [...together.values()])
      }
      writing.isOver = true
    }
    const seal = async ({ sealing }: (typeof processes)[number]) => {
      while (!writing.isOver) {
        await sealing.seal('p3')
        await sealing.tidy('p3')
      }
    }

    await Promise.all([write(), read(), read(), ...processes.map(seal)])

    t.ok(reads > 5, `${reads} reads`)
    await same(t, 'p3', openProcess())
  },
)

t.test('a crash at any step of sealing loses nothing and is tidied up', async (t) => {
  const count = 1_300
  await store('p4', count, 9)
  const whole = openProcess()
  for (let step = 1; step <= 8; step += 1) {
    const crashing = openProcess(crashingAfter(db, step))
    await crashing.sealing.seal('p4').catch((error: unknown) => t.match(error, { message: 'crashed' }))

    const { total } = await whole.table.select('p4', selection(), { start: null, limit: 1 })
    t.equal(total, count, `after step ${step}`)
    // As a minute later.
    await db.collection('blocks').updateMany({ projectId: 'p4' }, { $set: { at: new Date(0) } })
    await whole.sealing.tidy('p4')
    t.equal((await whole.table.select('p4', selection(), { start: null, limit: 1 })).total, count)
  }
  for (const { block } of await whole.blocks.list('p4')) await whole.blocks.abandon('p4', block)
  await db.collection('blocks').updateMany({ projectId: 'p4' }, { $set: { at: new Date(0) } })
  await whole.sealing.tidy('p4')

  t.equal(await db.collection<{ _id: string }>('columns').countDocuments({ _id: /^p4\// }), 0)
  await whole.sealing.seal('p4')
  await same(t, 'p4', openProcess())
})

/** The database for a process that ends at its n-th write. */
function crashingAfter(real: Db, writes: number): Db {
  let left = writes
  const writing = /^(insert|update|delete|bulk)/
  return new Proxy(real, {
    get(target, name) {
      if (name !== 'collection') return Reflect.get(target, name)
      return (collection: string) =>
        new Proxy(target.collection(collection), {
          get(own, method) {
            const value: unknown = Reflect.get(own, method)
            if (typeof value !== 'function') return value
            return (...args: unknown[]) => {
              if (writing.test(String(method))) {
                left -= 1
                if (left < 0) throw new Error('crashed')
              }
              return value.apply(own, args)
            }
          },
        })
    },
  })
}
