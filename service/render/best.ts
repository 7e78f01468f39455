import { groupBy } from '../domain/group.js'
import type { ComparedModel, ResultColumn } from '../domain/comparison.js'

/** Which columns of a row hold the best value among the models of its dataset; nothing where there is no contest. */
export function bestCells(
  rows: readonly ComparedModel[],
  columns: readonly ResultColumn[],
): Map<ComparedModel, Set<string>> {
  const best = new Map<ComparedModel, Set<string>>(rows.map((row) => [row, new Set()]))
  for (const sameData of groupBy(rows, ({ dataset }) => dataset).values()) {
    for (const { name, direction } of columns) {
      const values = sameData.map(
        (row) => row.results.find((result) => result.name === name)?.new ?? Number.NaN,
      )
      const known = values.filter((value) => !Number.isNaN(value))
      if (direction === 'unknown' || new Set(known).size < 2) continue
      const top = direction === 'higher' ? Math.max(...known) : Math.min(...known)
      for (const [index, row] of sameData.entries()) if (values[index] === top) best.get(row)?.add(name)
    }
  }
  return best
}
