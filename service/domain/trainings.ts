import type { Model } from './model.js'
import { groupBy } from './group.js'

/** A model without what lists never show. */
export type ListedModel = Pick<
  Model,
  | 'id'
  | 'origin'
  | 'commit'
  | 'sourceCommit'
  | 'pipeline'
  | 'dataset'
  | 'name'
  | 'repeat'
  | 'trial'
  | 'results'
  | 'uploadedAt'
> & { job: Pick<Model['job'], 'id' | 'name'> }

/** What one origin trained of one commit: the mean over its repeats. */
export interface Training {
  /** The newest of the repeats. */
  model: ListedModel
  repeats: number
  results: ReadonlyMap<string, number>
}

/** Trainings in the order of their models. Trials of a search are left out: they are stored under their model. */
export function listTrainings(models: readonly ListedModel[]): Training[] {
  const counted = models.filter((model) => model.trial === null)
  const groups = groupBy(counted, ({ dataset, name, origin, commit }) =>
    JSON.stringify([dataset, name, origin, commit]),
  )
  return [...groups.values()].flatMap(([model, ...others]) =>
    model === undefined
      ? []
      : [{ model, repeats: others.length + 1, results: meanResults([model, ...others]) }],
  )
}

/** Of each result that any of them has. */
export function meanResults(models: readonly Pick<Model, 'results'>[]): Map<string, number> {
  const values = new Map<string, number[]>()
  for (const { results } of models) {
    for (const [name, value] of new Map(results.map(({ k, v }) => [k, v]))) {
      values.set(name, [...(values.get(name) ?? []), value])
    }
  }
  // Divided first, so that the mean of finite numbers is finite.
  return new Map(
    [...values].map(([name, all]) => [name, all.reduce((sum, value) => sum + value / all.length, 0)]),
  )
}
