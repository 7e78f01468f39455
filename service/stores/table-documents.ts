import type { Document } from 'mongodb'
import { type ColumnKey, parseNamedKey, type TableModel } from '../domain/table/cells.js'
import type { ModelDoc } from './model-documents.js'

/** What of a model's document the table reads. */
export type TableDoc = Pick<
  ModelDoc,
  | '_id'
  | 'uploadedAt'
  | 'name'
  | 'dataset'
  | 'repeat'
  | 'trial'
  | 'version'
  | 'userId'
  | 'results'
  | 'parameters'
  | 'hyperparameters'
> &
  Partial<Pick<ModelDoc, 'ref' | 'refType' | 'block'>> & {
    commit: string | null
    branch?: string | null
    pipelineId: number | null
  }

const plainFields = {
  uploadedAt: 1,
  name: 1,
  dataset: 1,
  commit: 1,
  ref: 1,
  refType: 1,
  branch: 1,
  pipelineId: 1,
  userId: 1,
  repeat: 1,
  trial: 1,
  version: 1,
  block: 1,
  upload: 1,
} as const

export const tableFields = { ...plainFields, results: 1, parameters: 1, hyperparameters: 1 } as const

/** The same with only those named values that these columns need. */
export function tableFieldsFor(keys: readonly ColumnKey[]): Document {
  const names = {
    results: new Set<string>(),
    parameters: new Set<string>(),
    hyperparameters: new Set<string>(),
  }
  for (const key of keys) {
    const named = parseNamedKey(key)
    if (named !== null) names[named.list].add(named.name)
  }
  const lists = Object.entries(names).map(([list, wanted]) => [list, onlyNamed(list, [...wanted])])
  return { ...plainFields, ...Object.fromEntries(lists) }
}

/** Names are values here, never part of an expression. */
function onlyNamed(list: string, names: string[]): Document {
  if (names.length === 0) return { $literal: [] }
  return { $filter: { input: `$${list}`, cond: { $in: ['$$this.k', { $literal: names }] } } }
}

export function fromTableDoc(doc: TableDoc): TableModel {
  const { _id: id, uploadedAt, name, dataset, commit, ref, refType, branch, pipelineId, userId } = doc
  const { repeat, trial, version, results, parameters, hyperparameters } = doc
  const fields = { id, uploadedAt, name, dataset, commit, ref, refType, branch, pipelineId, userId }
  return { ...fields, repeat, trial, version, results, parameters, hyperparameters }
}
