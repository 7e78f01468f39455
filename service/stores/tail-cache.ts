import type { TableModel } from '../domain/table/cells.js'

const mostValues = 2_000_000

interface Kept {
  state: string
  model: TableModel
  values: number
}

/** Models that are not sealed, as they were read, so that only those that are new or changed have to be read. The longest
 * unused ones go first. */
export function createTailCache() {
  const kept = new Map<string, Kept>()
  let values = 0

  /** The model's values as it was read in this state. */
  function find(id: string, state: string): TableModel | null {
    const found = kept.get(id)
    if (found?.state !== state) return null
    kept.delete(id)
    kept.set(id, found)
    return found.model
  }

  function keep(state: string, model: TableModel): void {
    drop(model.id)
    const count = model.results.length + model.parameters.length + model.hyperparameters.length
    kept.set(model.id, { state, model, values: count })
    values += count
    for (const id of kept.keys()) {
      if (values <= mostValues) return
      drop(id)
    }
  }

  function drop(id: string): void {
    values -= kept.get(id)?.values ?? 0
    kept.delete(id)
  }

  return { find, keep }
}
