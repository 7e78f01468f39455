import type { ComparedModel, Comparison, ResultColumn } from '../domain/comparison.js'
import type { NoteInput } from './note-input.js'

const MAX_COLUMNS = 3

/**
 * The results that the table shows: of those that are judged and stand in at least half of its rows the best known,
 * then what changed, then the rest; one of a kind before a second (`test_loss`, `val_loss`), measured on training data
 * last. Only where nothing is judged, whatever there is.
 */
export function mainColumns({ columns, rows }: Comparison): ResultColumn[] {
  const present = rows.filter(({ state }) => state !== 'not_run')
  const uses = countUses(present)
  const used = columns.filter(({ name }) => uses.has(name))
  const judged = used.filter(({ direction }) => direction !== 'unknown')
  const wanted = judged.length > 0 ? judged : changedFirst(used, uses)
  const common = wanted.filter(({ name }) => (uses.get(name)?.rows ?? 0) * 2 >= present.length)
  const candidates = common.length > 0 ? common : wanted
  const [best, ...others] = candidates.filter((one) => !one.training && isFirstOfKind(one, candidates))
  const ordered = [...(best === undefined ? [] : [best]), ...changedFirst(others, uses), ...candidates]
  const chosen = [...new Set(ordered)].slice(0, MAX_COLUMNS)
  return chosen.sort((a, b) => a.place - b.place)
}

interface Uses {
  rows: number
  changes: number
}

function countUses(rows: readonly ComparedModel[]): Map<string, Uses> {
  const uses = new Map<string, Uses>()
  for (const { results } of rows) {
    for (const { name, state } of results) {
      const known = uses.get(name)
      const change = state === 'worse' || state === 'better' || state === 'changed' ? 1 : 0
      if (known === undefined) uses.set(name, { rows: 1, changes: change })
      else {
        known.rows++
        known.changes += change
      }
    }
  }
  return uses
}

function changedFirst(columns: readonly ResultColumn[], uses: Map<string, Uses>): ResultColumn[] {
  const changed = ({ name }: ResultColumn) => (uses.get(name)?.changes ?? 0) > 0
  return [...columns.filter(changed), ...columns.filter((column) => !changed(column))]
}

function isFirstOfKind(column: ResultColumn, columns: readonly ResultColumn[]): boolean {
  return column.known === null || columns.find(({ known }) => known === column.known) === column
}

/** The input of a note, with what all its parts ask for. */
export interface NoteView extends NoteInput {
  mainColumns: ResultColumn[]
  /** The dataset of all rows, which then needs no column of its own; null where there are several. */
  soleDataset: string | null
}

export function viewOf(input: NoteInput): NoteView {
  const { comparison } = input
  return { ...input, mainColumns: mainColumns(comparison), soleDataset: soleDataset(comparison) }
}

function soleDataset({ rows }: Comparison): string | null {
  const datasets = new Set(rows.map(({ dataset }) => dataset))
  const [dataset] = datasets
  return datasets.size === 1 && dataset !== undefined ? dataset : null
}
