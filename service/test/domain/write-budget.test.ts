import t from 'tap'
import { nextWriteAllowedAt } from '../../domain/write-budget.js'

const start = Date.parse('2026-11-23T12:00:00Z')

function at(second: number): Date {
  return new Date(start + second * 1000)
}

function allowed(writes: number[], now: number, newestUpload = 0): number {
  const burst = { writes: writes.map(at), newestUpload: at(newestUpload), now: at(now) }
  return (nextWriteAllowedAt(burst).getTime() - start) / 1000
}

t.test('the first write is free', async (t) => {
  t.equal(allowed([], 5), 5)
})

t.test('the second write waits to gather what a matrix sends', async (t) => {
  t.equal(allowed([0], 1), 1.5)
  t.equal(allowed([0], 20), 20)
})

t.test(
  'the second write waits for a moment without an upload, but no longer than those after it',
  async (t) => {
    t.equal(allowed([0], 2, 1.9), 3.1)
    t.equal(allowed([0], 4, 1.9), 4)
    t.equal(allowed([0], 29.5, 29.4), 30)
  },
)

t.test('after two writes one per 30 s', async (t) => {
  t.equal(allowed([0, 3], 4), 33)
  t.equal(allowed([0, 3, 33], 34), 63)
  t.equal(allowed([33, 0, 3], 34), 63, 'in any order')
  t.equal(allowed([0, 3, 33], 80), 80)
})

t.test('a minute without a write ends the burst', async (t) => {
  t.equal(allowed([0, 3, 33], 93), 93)
  t.equal(allowed([0, 3, 33, 93], 94), 94.5, 'the next one begins')
})
