import { identityOf } from './baseline.js'
import { differenceOf, stateOfResult } from './compare-results.js'
import type { ComparedModel, ComparedResult, Comparison } from './comparison.js'
import { isOtherData } from './dataset-change.js'

/** One result of one model that differs from what the last push had. */
export interface PushChange {
  dataset: string
  name: string
  result: ComparedResult
}

/** What changed since the last push, worst first. Models that only one of the two has are not in it. */
export function compareWithLastPush(previous: Comparison, current: Comparison): PushChange[] {
  const before = new Map(previous.rows.map((row) => [identityOf(row), row]))
  const changes = current.rows.flatMap((row) => {
    const old = before.get(identityOf(row))
    return old === undefined ? [] : changesBetween(old, row)
  })
  return changes.sort((a, b) => pushOrder(a) - pushOrder(b))
}

function changesBetween(old: ComparedModel, row: ComparedModel): PushChange[] {
  const comparable = !isOtherData(old.models, row.models)
  const before = new Map(old.results.map((result) => [result.name, result]))
  return row.results.flatMap((result) => {
    const value = before.get(result.name)?.new ?? null
    if (value === null || result.new === null) return []
    const { tolerance } = result
    const direction = comparable ? result.direction : 'unknown'
    const state = stateOfResult({ old: value, current: result.new, direction, tolerance, noise: null })
    if (state === 'same') return []
    const earlier = before.get(result.name)
    const compared: ComparedResult = {
      ...result,
      old: value,
      oldRepeats: earlier?.newRepeats ?? 0,
      oldError: earlier?.newError ?? null,
      ...differenceOf(value, result.new),
      noise: null,
      state,
    }
    return [{ dataset: row.dataset, name: row.name, result: compared }]
  })
}

function pushOrder({ result }: PushChange): number {
  return ['worse', 'better', 'changed'].indexOf(result.state)
}
