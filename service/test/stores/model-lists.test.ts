import { ObjectId } from 'mongodb'
import t from 'tap'
import { openTestDatabase } from '../../../embedded/test-database.js'
import { ensureIndexes } from '../../stores/indexes.js'
import { createModelLists, listedResults } from '../../stores/model-lists.js'
import { type ModelDoc, modelCollection } from '../../stores/model-documents.js'

const { db } = await openTestDatabase(t)
await ensureIndexes(db)
const lists = createModelLists(db)
const models = modelCollection(db)

const tree = { name: 'tree', dataset: 'iris' }

function findOfCommit(commitPrefix: string) {
  return lists.listOfCommit('p1', { ...tree, commitPrefix })
}

function findOfBranch(branch: string) {
  return lists.findNewestCommit('p1', { ...tree, branch })
}

let made = 0

function doc(changes: Partial<ModelDoc> = {}): ModelDoc {
  made += 1
  return {
    _id: `m${made}`.padStart(24, '0'),
    schema: 1,
    projectId: 'p1',
    origin: 'branch:main',
    commit: 'a'.repeat(40),
    sourceCommit: null,
    pipelineId: made,
    pipelineSource: 'push',
    ref: 'main',
    refType: 'branch',
    refProtected: true,
    jobId: made,
    jobName: 'train',
    jobStatus: 'success',
    jobUrl: null,
    userId: 7,
    dataset: 'iris',
    name: 'tree',
    repeat: null,
    trial: null,
    version: null,
    parameters: [{ k: 'rows', v: 150 }],
    hyperparameters: [],
    results: [{ k: 'accuracy', v: 0.9 }],
    curves: [],
    datasetDigest: null,
    testSize: null,
    artifacts: [],
    uploadedAt: new Date(made * 1000),
    upload: new ObjectId(),
    ...changes,
  }
}

async function fill(...docs: ModelDoc[]): Promise<void> {
  await models.deleteMany({})
  await models.insertMany(docs)
}

t.test('a list goes from page to page by key, also through one millisecond', async (t) => {
  const at = new Date('2026-01-01')
  await fill(...Array.from({ length: 7 }, () => doc({ uploadedAt: at })), doc({ projectId: 'p2' }))

  const seen: string[] = []
  let before = null
  do {
    const page: Awaited<ReturnType<typeof lists.listNewest>> = await lists.listNewest('p1', null, {
      limit: 3,
      before,
    })
    seen.push(...page.models.map(({ id }) => id))
    before = page.next
  } while (before !== null)

  t.equal(seen.length, 7)
  t.same(seen, [...new Set(seen)].sort().toReversed())
})

t.test('a list holds one model and dataset if asked, and no other project', async (t) => {
  await fill(doc(), doc({ name: 'knn' }), doc({ dataset: 'wine' }), doc({ projectId: 'p2' }))

  const all = await lists.listNewest('p1', null, { limit: 10, before: null })
  const one = await lists.listNewest('p1', { name: 'tree', dataset: 'iris' }, { limit: 10, before: null })

  t.equal(all.models.length, 3)
  t.same(
    one.models.map(({ name, dataset }) => [name, dataset]),
    [['tree', 'iris']],
  )
})

t.test('a list reads no settings and so many results at most', async (t) => {
  const results = Array.from({ length: listedResults + 5 }, (_, index) => ({ k: `r${index}`, v: index }))
  await fill(doc({ results }))

  const { models, isResultsCut } = await lists.listNewest('p1', null, { limit: 10, before: null })

  t.equal(models[0]?.results.length, listedResults)
  t.equal(isResultsCut, true)
  t.notOk('parameters' in (models[0] ?? {}))
})

t.test('a list reads no more of a large project than it shows', async (t) => {
  await fill(...Array.from({ length: 500 }, (_, index) => doc({ name: `model ${index % 100}` })))
  const before = { uploadedAt: new Date(made * 1000), id: 'm' }
  const read = async (filter: { name: string; dataset: string } | null) => {
    await db.command({ profile: 2 })
    await lists.listNewest('p1', filter, { limit: 4, before })
    await db.command({ profile: 0 })
    const [operation] = await db
      .collection('system.profile')
      .find({ ns: models.namespace, op: 'query' })
      .sort({ ts: -1 })
      .limit(1)
      .toArray()
    return {
      keys: operation?.keysExamined,
      docs: operation?.docsExamined,
      sorts: operation?.hasSortStage ?? false,
    }
  }

  const all = await read(null)
  const one = await read({ name: 'model 7', dataset: 'iris' })

  t.ok(all.keys < 20, `${all.keys} keys`)
  t.ok(one.keys < 20, `${one.keys} keys`)
  t.match(
    [all, one],
    [
      { docs: 5, sorts: false },
      { docs: 5, sorts: false },
    ],
  )
})

t.test('models of a commit are found by its first digits', async (t) => {
  const commit = '4f2a91c0'.padEnd(40, 'e')
  await fill(
    doc({ commit, repeat: '1' }),
    doc({ commit, repeat: '2' }),
    doc({ commit, name: 'knn' }),
    doc({ commit, projectId: 'p2' }),
    doc({ commit: '4f2a91d0'.padEnd(40, 'e') }),
  )

  t.equal((await findOfCommit('4f2a91c')).length, 2)
  t.equal((await findOfCommit(commit)).length, 2)
  t.equal((await findOfCommit('4f2a91c1')).length, 0)
})

t.test("a branch's newest commit comes of its own pipelines", async (t) => {
  await fill(
    doc({ commit: '1'.repeat(40) }),
    doc({ commit: '2'.repeat(40) }),
    doc({ commit: '3'.repeat(40), pipelineSource: 'merge_request_event' }),
    doc({ commit: '4'.repeat(40), ref: 'other' }),
    doc({ commit: '5'.repeat(40), refType: 'tag' }),
    doc({ commit: '6'.repeat(40), projectId: 'p2' }),
  )

  t.equal(await findOfBranch('main'), '2'.repeat(40))
  t.equal(await findOfBranch('none'), null)
})

t.test('one model comes with the key of its curves, of its own project only', async (t) => {
  const one = doc()
  await fill(one)

  const found = await lists.find('p1', one._id)

  t.same(found?.model.parameters, [{ k: 'rows', v: 150 }])
  t.same(found?.upload, one.upload)
  t.equal(await lists.find('p2', one._id), null)
})

t.test('the newest report of many projects is found by one query', async (t) => {
  await fill(doc(), doc({ projectId: 'p2' }), doc(), doc({ projectId: 'p3' }))
  const newest = async (id: string) =>
    (await lists.listNewest(id, null, { limit: 1, before: null })).models[0]?.uploadedAt

  const times = await lists.listNewestTimes(['p1', 'p2', 'p9'])

  t.same(
    times,
    new Map([
      ['p1', await newest('p1')],
      ['p2', await newest('p2')],
    ]),
  )
  t.equal((await lists.listNewestTimes([])).size, 0)
})
