import { type Direction, describeResult } from './directions.js'
import type { Named } from './model.js'
import { byCodeUnits } from './order.js'

/** How the values of one result are written, in every row alike. */
export interface ShownResult {
  name: string
  direction: Direction
  percent: boolean
}

interface Fact {
  rows: number
  withinOne: boolean
}

/** Every result there is in `rows`: what most rows have before what few have, judged before not judged, measured on
 * training data later, then best known first. */
export function listShownResults(rows: readonly (readonly Named<number>[])[]): ShownResult[] {
  const columns = [...factsOf(rows)].map(([name, { rows: count, withinOne }]) => {
    const { direction, fraction, training, rank } = describeResult(name)
    const order = [count * 2 < rows.length, direction === 'unknown', training].map(Number)
    return { shown: { name, direction, percent: fraction && withinOne }, order: [...order, rank] }
  })
  columns.sort((a, b) => byOrder(a.order, b.order) || byCodeUnits(a.shown.name, b.shown.name))
  return columns.map(({ shown }) => shown)
}

function factsOf(rows: readonly (readonly Named<number>[])[]): Map<string, Fact> {
  const facts = new Map<string, Fact>()
  for (const row of rows) {
    for (const [name, value] of new Map(row.map(({ k, v }) => [k, v]))) {
      const fact = facts.get(name) ?? { rows: 0, withinOne: true }
      fact.rows++
      if (Number.isFinite(value) && (value < 0 || value > 1)) fact.withinOne = false
      facts.set(name, fact)
    }
  }
  return facts
}

function byOrder(a: readonly number[], b: readonly number[]): number {
  for (const [index, value] of a.entries()) {
    const difference = value - (b[index] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}
