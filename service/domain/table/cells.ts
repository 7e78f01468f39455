import type { Json, Named } from '../model.js'

/** What of a model can be a column of the table. `time` is when it was reported, in ms since 1970. */
export const fieldNames = [
  'time',
  'model',
  'dataset',
  'commit',
  'branch',
  'tag',
  'pipeline',
  'person',
  'repeat',
  'trial',
  'version',
] as const

export type FieldName = (typeof fieldNames)[number]

/** A field, or `r:`, `p:`, `h:` and the name of a result, a parameter or a hyperparameter. */
export type ColumnKey = string

/** A value as the table sorts and filters it; null where the model has none. */
export type Cell = number | string | null

/** What the table reads of a model. */
export interface TableModel {
  id: string
  uploadedAt: Date
  name: string
  dataset: string
  commit: string | null
  ref?: string | undefined
  refType?: 'branch' | 'tag' | undefined
  /** The person's own word where no pipeline reported the model. */
  branch?: string | null | undefined
  pipelineId: number | null
  userId: number
  repeat: string | null
  trial: string | null
  version: string | null
  results: readonly Named<number>[]
  parameters: readonly Named<Json>[]
  hyperparameters: readonly Named<Json>[]
}

/** Longer settings are sorted and filtered by their beginning. */
const mostCellCharacters = 200

const kinds = { r: 'results', p: 'parameters', h: 'hyperparameters' } as const
export type NamedKind = keyof typeof kinds

export function isFieldName(text: string): text is FieldName {
  return fieldNames.some((name) => name === text)
}

export function namedKey(kind: NamedKind, name: string): ColumnKey {
  return `${kind}:${name}`
}

/** What a key names; null for a field. */
export function parseNamedKey(
  key: ColumnKey,
): { kind: NamedKind; list: (typeof kinds)[NamedKind]; name: string } | null {
  const [kind] = key
  if (key[1] !== ':' || (kind !== 'r' && kind !== 'p' && kind !== 'h')) return null
  return { kind, list: kinds[kind], name: key.slice(2) }
}

/** Every column that the model has a value in, results first. */
export function* cellsOf(model: TableModel): Generator<[ColumnKey, number | string]> {
  for (const name of fieldNames) {
    const cell = fieldCell(model, name)
    if (cell !== null) yield [name, cell]
  }
  for (const { k, v } of model.results) yield [namedKey('r', k), v]
  for (const { k, v } of model.hyperparameters) yield [namedKey('h', k), settingCell(v)]
  for (const { k, v } of model.parameters) yield [namedKey('p', k), settingCell(v)]
}

export function fieldCell(model: TableModel, field: FieldName): Cell {
  switch (field) {
    case 'time':
      return model.uploadedAt.getTime()
    case 'model':
      return model.name
    case 'branch':
      return (model.refType === 'branch' ? model.ref : model.branch) ?? null
    case 'tag':
      return (model.refType === 'tag' ? model.ref : null) ?? null
    case 'pipeline':
      return model.pipelineId
    case 'person':
      return model.userId
    default:
      return model[field]
  }
}

/** JSON is compared as its text. */
export function settingCell(value: Json): number | string {
  if (typeof value === 'number') return value
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return text.length > mostCellCharacters ? text.slice(0, mostCellCharacters).toWellFormed() : text
}
