import type { Model } from './model.js'
import { groupBy } from './group.js'
import { meansOf, valuesByResult } from './repeats.js'

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
      : [{ model, repeats: others.length + 1, results: meansOf(valuesByResult([model, ...others])) }],
  )
}
