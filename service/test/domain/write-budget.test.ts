import t from 'tap'
import { nextWriteAllowedAt } from '../../domain/write-budget.js'

const start = Date.parse('2026-11-23T12:00:00Z')

function at(second: number): Date {
  return new Date(start + second * 1000)
}

function allowed(writes: number[], now: number): number {
  return (nextWriteAllowedAt(writes.map(at), at(now)).getTime() - start) / 1000
}

t.test('the first write is free', async (t) => {
  t.equal(allowed([], 5), 5)
})

t.test('the second write waits two seconds to gather what a matrix sends', async (t) => {
  t.equal(allowed([0], 1), 2)
  t.equal(allowed([0], 20), 20)
})

t.test('after two writes one per 30 s', async (t) => {
  t.equal(allowed([0, 3], 4), 33)
  t.equal(allowed([0, 3, 33], 34), 63)
  t.equal(allowed([33, 0, 3], 34), 63, 'in any order')
  t.equal(allowed([0, 3, 33], 80), 80)
})

t.test('a minute without a write ends the burst', async (t) => {
  t.equal(allowed([0, 3, 33], 93), 93)
  t.equal(allowed([0, 3, 33, 93], 94), 95, 'the next one begins')
})
