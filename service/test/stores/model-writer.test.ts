import { ObjectId } from 'mongodb'
import t from 'tap'
import { openTestDatabase } from '../../../embedded/test-database.js'
import { createCurveStore } from '../../stores/curve-store.js'
import { type ModelDoc, modelCollection } from '../../stores/model-documents.js'
import { createModelWriter } from '../../stores/model-writer.js'

const { client, db } = await openTestDatabase(t)
const models = modelCollection(db)
await db.createCollection('curves')

function openWriter() {
  return createModelWriter(client, db, createCurveStore(db))
}

function doc(id: string, changes: Partial<ModelDoc> = {}): ModelDoc {
  return {
    _id: id,
    schema: 1,
    projectId: 'p1',
    origin: 'branch:main',
    commit: 'c0',
    sourceCommit: null,
    pipelineId: 10,
    pipelineSource: 'push',
    ref: 'main',
    refType: 'branch',
    refProtected: true,
    jobId: 100,
    jobName: 'train',
    jobStatus: 'success',
    jobUrl: null,
    userId: 1,
    dataset: 'iris',
    name: id,
    repeat: null,
    trial: null,
    version: null,
    parameters: [],
    hyperparameters: [],
    results: [{ k: 'accuracy', v: 0.9 }],
    curves: [],
    datasetDigest: null,
    testSize: null,
    artifacts: [],
    uploadedAt: new Date('2026-11-23T12:00:00Z'),
    upload: new ObjectId(),
    ...changes,
  }
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index)
}

t.test('models that are sent again are stored, whichever way they are written', async (t) => {
  const { save } = openWriter()
  const names = range(60).map((index) => `again ${index}`)
  // After a few rounds the writer expects repeats and looks first.
  for (const round of range(20)) {
    const fresh = range(10).map((index) => `new ${round} ${index}`)
    const docs = [...names, ...fresh].map((name) => doc(name, { jobId: 100 + round }))

    const outcomes = await Promise.all(docs.map((one) => save('r', [one])))

    t.same([...new Set(outcomes.map(({ kind }) => kind))], ['stored'], `round ${round}`)
    const found = await models.find({ _id: { $in: docs.map(({ _id }) => _id) } }).toArray()
    t.same(
      new Set(found.map(({ upload }) => upload.toHexString())),
      new Set(docs.map(({ upload }) => upload.toHexString())),
    )
  }
})

t.test('once repeats are expected, older tries and other jobs are still told apart', async (t) => {
  const { save } = openWriter()
  const names = range(40).map((index) => `known ${index}`)
  for (const _ of range(20)) await Promise.all(names.map((name) => save('r', [doc(name)])))
  const before = await models.find({ name: /^known/ }).toArray()

  const outcomes = await Promise.all([
    save('r', [doc('known 0', { jobId: 99 })]),
    save('r', [doc('known 1', { jobId: 1 })]),
    save('r', [doc('known 2', { jobName: 'other' })]),
    save('r', [doc('known 3', { jobId: 101 })]),
    save('r', [doc('unknown')]),
  ])

  t.same(
    outcomes.map(({ kind }) => kind),
    ['superseded', 'superseded', 'duplicate', 'stored', 'stored'],
  )
  const after = await models.find({ name: /^known/ }).toArray()
  t.equal(after.filter((one, index) => !one.upload.equals(before[index]?.upload ?? '')).length, 1)
})

t.test('writers that race for one model leave the newest', async (t) => {
  const writers = range(4).map(openWriter)
  const tries = range(60).map((index) => doc('raced', { jobId: 200 + index }))

  await Promise.all(tries.map((one, index) => writers[index % 4]?.save('r', [one])))

  t.equal((await models.findOne({ _id: 'raced' }))?.jobId, 259)
})

t.test('a model that MongoDB cannot take fails alone', async (t) => {
  const { save } = openWriter()
  const large = doc('large', { parameters: [{ k: 'text', v: 'x'.repeat(17 * 1024 * 1024) }] })

  const outcomes = await Promise.all([
    save('r', [doc('beside 1')]),
    save('r', [large]),
    save('r', [doc('beside 2')]),
  ])

  t.same(
    outcomes.map(({ kind }) => kind),
    ['stored', 'too_large', 'stored'],
  )
  t.equal((await save('r2', [doc('with it'), large])).kind, 'too_large')
  t.equal(await models.countDocuments({ _id: { $in: ['large', 'with it'] } }), 0)
  t.equal(await models.countDocuments({ name: /^beside/ }), 2)
})
