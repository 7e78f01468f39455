import type { Cell } from './cells.js'

/** One column of up to 65,535 models, packed so that a loop over it is fast. */
export type Column = NumberColumn | WordColumn

/** `values[row]` counts where `present` is null or `present[row]` is 1. */
export interface NumberColumn {
  kind: 'numbers'
  values: Float64Array
  present: Uint8Array | null
}

/** `words[codes[row] - 1]`; code 0 is for models that have no value. */
export interface WordColumn {
  kind: 'words'
  words: readonly (number | string)[]
  codes: Uint8Array | Uint16Array
}

export function cellAt(column: Column | null, row: number): Cell {
  if (column === null) return null
  if (column.kind === 'words') return column.words[(column.codes[row] ?? 0) - 1] ?? null
  return column.present === null || column.present[row] === 1 ? (column.values[row] ?? null) : null
}

/** Packs cells; null where no model has a value. */
export function packColumn(cells: readonly Cell[]): Column | null {
  let filled = 0
  let numbers = 0
  for (const cell of cells) {
    if (cell === null) continue
    filled += 1
    if (typeof cell === 'number') numbers += 1
  }
  if (filled === 0) return null
  return numbers === filled ? packNumbers(cells, filled) : packWords(cells)
}

function packNumbers(cells: readonly Cell[], filled: number): NumberColumn {
  const values = new Float64Array(cells.length)
  const present = filled === cells.length ? null : new Uint8Array(cells.length)
  for (const [row, cell] of cells.entries()) {
    if (typeof cell !== 'number') continue
    values[row] = cell
    if (present !== null) present[row] = 1
  }
  return { kind: 'numbers', values, present }
}

function packWords(cells: readonly Cell[]): WordColumn {
  const codes = new Map<number | string, number>()
  const packed = new Uint16Array(cells.length)
  for (const [row, cell] of cells.entries()) {
    if (cell === null) continue
    const code = codes.get(cell) ?? codes.size + 1
    codes.set(cell, code)
    packed[row] = code
  }
  return {
    kind: 'words',
    words: [...codes.keys()],
    codes: codes.size < 256 ? Uint8Array.from(packed) : packed,
  }
}
