import type { Model } from './model.js'

type WithResults = Pick<Model, 'results'>

/** Of each result that any of them has, the values of those that have it. A name that is sent twice counts with its last
 * value. */
export function valuesByResult(models: readonly WithResults[]): Map<string, number[]> {
  const values = new Map<string, number[]>()
  for (const model of models) {
    for (const [name, value] of resultsOf(model)) {
      const all = values.get(name)
      if (all === undefined) values.set(name, [value])
      else all.push(value)
    }
  }
  return values
}

export function meansOf(values: ReadonlyMap<string, number[]>): Map<string, number> {
  return new Map([...values].map(([name, all]) => [name, mean(all)]))
}

export function resultsOf({ results }: WithResults): Map<string, number> {
  const values = new Map<string, number>()
  for (const { k, v } of results) values.set(k, v)
  return values
}

/** Divides first where the sum would overflow, so that the mean of finite numbers is finite. */
export function mean(values: readonly number[]): number {
  const sum = values.reduce((total, value) => total + value, 0)
  if (Number.isFinite(sum) || !values.every(Number.isFinite)) return sum / values.length
  return values.reduce((total, value) => total + value / values.length, 0)
}
