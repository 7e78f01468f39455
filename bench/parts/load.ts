import type { LoadAnswer, LoadRequest } from '../children/load.js'
import { type Child, startChild } from './child.js'
import { sum } from './figures.js'
import type { World } from './world.js'

export type Load = Child<LoadRequest, LoadAnswer>

/** The process that sends reports as jobs do. */
export function startLoad({ build, onClose }: World): Load {
  const load: Load = startChild(build.path('bench/children/load'))
  onClose(load.stop)
  return load
}

/** Acknowledged uploads a second over all runs. */
export function rateOf(runs: LoadAnswer[]): number {
  return sum(runs.map((run) => run.latenciesMs.length)) / sum(runs.map((run) => run.seconds))
}

/** How many were refused, with the first refusal in full. */
export function refusals(runs: LoadAnswer[]): string {
  const first = runs.flatMap((run) => run.firstRefusal ?? [])[0]
  return `refused: ${sum(runs.map((run) => run.refused))}${first === undefined ? '' : `, first:\n${first}`}`
}
