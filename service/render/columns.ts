import type { Comparison, ResultColumn } from '../domain/compare.js'

const MAX_COLUMNS = 3

/**
 * The results that the table shows: those that are judged and stand in at least half of the rows, best known first, one
 * of a kind before a second (`test_loss`, `val_loss`), measured on training data last. Only where nothing is judged,
 * whatever there is.
 */
export function mainColumns({ columns, rows }: Comparison): ResultColumn[] {
  const judged = columns.filter(({ direction }) => direction !== 'unknown')
  const wanted = judged.length > 0 ? judged : columns
  const common = wanted.filter((column) => column.rows * 2 >= rows.length)
  const candidates = common.length > 0 ? common : wanted
  const firsts = candidates.filter((column) => !column.training && isFirstOfKind(column, candidates))
  const chosen = [...new Set([...firsts, ...candidates])].slice(0, MAX_COLUMNS)
  return chosen.sort((a, b) => a.place - b.place)
}

function isFirstOfKind(column: ResultColumn, columns: readonly ResultColumn[]): boolean {
  return column.known === null || columns.find(({ known }) => known === column.known) === column
}

/** The dataset of all rows, which then needs no column of its own. */
export function soleDataset({ rows }: Comparison): string | null {
  const datasets = new Set(rows.map(({ dataset }) => dataset))
  const [dataset] = datasets
  return datasets.size === 1 && dataset !== undefined ? dataset : null
}
