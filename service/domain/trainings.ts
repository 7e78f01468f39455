import type { Model, ModelJob, ModelPipeline } from './model.js'
import { groupBy } from './group.js'
import { meansOf, valuesByResult } from './repeats.js'

/** A model without what lists never show. */
export type ListedModel = Pick<
  Model,
  | 'id'
  | 'origin'
  | 'sourceCommit'
  | 'dataset'
  | 'name'
  | 'repeat'
  | 'trial'
  | 'version'
  | 'results'
  | 'uploadedAt'
> & {
  /** Null where a person reported without one; then there is a version. */
  commit: string | null
  /** Both null for what a person reported. */
  pipeline: ModelPipeline | null
  job: Pick<ModelJob, 'id' | 'name'> | null
}

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
  const groups = groupBy(counted, ({ dataset, name, origin, commit, version }) =>
    JSON.stringify([dataset, name, origin, commit, commit === null ? version : null]),
  )
  return [...groups.values()].flatMap(([model, ...others]) =>
    model === undefined
      ? []
      : [{ model, repeats: others.length + 1, results: meansOf(valuesByResult([model, ...others])) }],
  )
}
