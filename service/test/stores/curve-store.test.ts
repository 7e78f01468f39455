import { ObjectId } from 'mongodb'
import t from 'tap'
import { openTestDatabase } from '../../../embedded/test-database.js'
import { createCurveStore } from '../../stores/curve-store.js'

const { db } = await openTestDatabase(t)
const curves = createCurveStore(db)

async function throughTheStore(steps: number[]): Promise<number[]> {
  const upload = new ObjectId()
  const values = Float64Array.from(steps, (_, index) => index / 3)
  await curves.saveCurves(upload, [{ name: 'loss', steps: Float64Array.from(steps), values }])
  const [read] = await curves.readCurves(upload, [0])
  if (read === undefined) throw new Error('No curve')
  if (read.values.some((value, index) => value !== values[index])) throw new Error('Other values')
  return [...read.steps]
}

function range(count: number, step: (index: number) => number): number[] {
  return Array.from({ length: count }, (_, index) => step(index))
}

t.test('steps come back exactly, even or not', async (t) => {
  const cases = {
    'every one': range(1000, (index) => index),
    'every tenth, from somewhere, over several chunks': range(150_000, (index) => 7 + 10 * index),
    downwards: range(20, (index) => -0.5 * index),
    'sums of a tenth, which are not even': range(50, (index) => index * 0.1).map(
      (step, i) => step + (i % 2) * 1e-12,
    ),
    'one step missing': [0, 1, 2, 4],
    'always the same': [3, 3, 3],
    'a single one': [42],
    none: [],
    'the ends of the doubles': [-Number.MAX_VALUE, Number.MAX_VALUE, 0],
  }

  for (const [name, steps] of Object.entries(cases)) t.same(await throughTheStore(steps), steps, name)
})

t.test('even steps take no room', async (t) => {
  await curves.saveCurves(new ObjectId(), [
    { name: 'even', steps: Float64Array.from(range(5000, (i) => i)), values: new Float64Array(5000) },
  ])

  const largest = await db.collection('curves').find({ 'steps.count': 5000 }).toArray()

  t.equal(largest.length, 1)
})

t.test('curves of uploads that come at once are kept apart', async (t) => {
  const uploads = range(40, () => 0).map(() => new ObjectId())

  await Promise.all(
    uploads.map((upload, index) =>
      curves.saveCurves(upload, [
        { name: 'loss', steps: Float64Array.of(1, 2), values: Float64Array.of(index, -index) },
      ]),
    ),
  )

  const read = await Promise.all(uploads.map((upload) => curves.readCurves(upload, [0])))
  t.same(
    read.map(([points]) => points?.values[0]),
    range(40, (index) => index),
  )
})
