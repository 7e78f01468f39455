import type { ComparedModel, ComparedResult, Comparison, ResultColumn } from '../domain/comparison.js'
import { repeatCounts } from './cells.js'
import type { NoteInput } from './note-input.js'

const MAX_COLUMNS = 3
/** Up to so many models the unchanged ones stand in the table too. */
export const SMALL_COMPARISON = 8
/** What the rules name is somebody's wish, but a table has to fit on a page. */
const MAX_NAMED_COLUMNS = 5

/**
 * The results that the table shows: those that the rules name; where they name none, of those that are judged and stand in at least half of its rows the best known,
 * then what changed, then the rest; one of a kind before a second (`test_loss`, `val_loss`), measured on training data
 * last. Only where nothing is judged, whatever there is.
 */
export function mainColumns({ columns, rows }: Comparison): ResultColumn[] {
  const present = rows.filter(({ state }) => state !== 'not_run')
  const uses = countUses(present)
  const used = columns.filter(({ name }) => uses.has(name))
  const named = used.filter(({ isNamed }) => isNamed)
  if (named.length > 0) return named.slice(0, MAX_NAMED_COLUMNS)
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
  /** The columns of the table. */
  mainColumns: ResultColumn[]
  /** The result that people look at first, whether it is a column or not. */
  firstColumn: ResultColumn | null
  /** What would be a column, but has one value in all rows and did not change. */
  uniform: { column: ResultColumn; value: number }[]
  /** What would be a column of a long table, but changed in no row. */
  unchanged: ResultColumn[]
  /** The dataset of all rows, which then needs no column of its own; null where there are several. */
  soleDataset: string | null
  /** How many trainings each value is the mean of, where that is the same in all rows and worth a word. */
  repeats: { here: number; before: number } | null
}

export function viewOf(input: NoteInput): NoteView {
  const { comparison } = input
  const rows = comparison.rows.filter(({ state }) => state !== 'not_run')
  const columns = mainColumns(comparison)
  const uniform = uniformColumns(rows, columns)
  const unchanged = unchangedColumns(rows, columns.slice(1)).filter(
    (column) => !uniform.some((one) => one.column === column),
  )
  const moved = new Set([...uniform.map(({ column }) => column), ...unchanged])
  return {
    ...input,
    mainColumns: columns.filter((column) => !moved.has(column)),
    firstColumn: columns[0] ?? null,
    uniform,
    unchanged,
    soleDataset: soleDataset(comparison),
    repeats: commonRepeats(rows),
  }
}

/** At least one column stays, and one row alone has nothing in common with others. */
function uniformColumns(
  rows: readonly ComparedModel[],
  columns: readonly ResultColumn[],
): NoteView['uniform'] {
  if (rows.length < 2) return []
  const uniform = columns.flatMap((column) => {
    const value = commonValue(rows, column)
    return value === null ? [] : [{ column, value }]
  })
  return uniform.length < columns.length ? uniform : uniform.slice(1)
}

/** In a few rows they are soon read, and what the rules name stays. */
function unchangedColumns(rows: readonly ComparedModel[], columns: readonly ResultColumn[]): ResultColumn[] {
  if (rows.length <= SMALL_COMPARISON) return []
  return columns.filter(
    ({ name, isNamed }) =>
      !isNamed && rows.every(({ results }) => isUnchanged(results.find((one) => one.name === name))),
  )
}

function isUnchanged(result: ComparedResult | undefined): boolean {
  return result === undefined || result.state === 'same'
}

function commonValue(rows: readonly ComparedModel[], { name }: ResultColumn): number | null {
  let common: number | null = null
  for (const { results } of rows) {
    const result = results.find((one) => one.name === name)
    if (result === undefined || result.new === null || result.difference !== 0) return null
    if (common !== null && !Object.is(common, result.new)) return null
    common = result.new
  }
  return common
}

function commonRepeats(rows: readonly ComparedModel[]): NoteView['repeats'] {
  const [row] = rows
  const first = row === undefined ? null : repeatCounts(row)
  if (first === null) return null
  const isCommon = rows.every((other) => {
    const counts = repeatCounts(other)
    return counts?.here === first.here && counts.before === first.before
  })
  return isCommon ? first : null
}

function soleDataset({ rows }: Comparison): string | null {
  const datasets = new Set(rows.map(({ dataset }) => dataset))
  const [dataset] = datasets
  return datasets.size === 1 && dataset !== undefined ? dataset : null
}
