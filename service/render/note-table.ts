import type { ComparedModel, ModelState, ResultColumn } from '../domain/comparison.js'
import { bestCells } from './best.js'
import type { Budget } from './budget.js'
import { columnHead, modelCell, otherResults, otherResultsCell, resultCell } from './cells.js'
import type { NoteView } from './columns.js'
import {
  type Column,
  code,
  gfm,
  join,
  left,
  link,
  type Markdown,
  nothing,
  own,
  right,
  table,
} from './markdown.js'
import type { NoteLinks } from './note-input.js'
import { isFirstReport, MARKS, STATE_WORDS } from './verdict.js'

const MAX_ROWS = 40
/** Up to so many models the unchanged ones stand in the table too. */
const SMALL_COMPARISON = 8

interface Form {
  links: NoteLinks
  columns: ResultColumn[]
  isFirst: boolean
  withDataset: boolean
  withOthers: boolean
}

/** The rows that a reviewer has to see, worst first, as many as there is room for. */
export function renderTable(input: NoteView, budget: Budget): Markdown | null {
  const rows = rowsToSee(input)
  if (rows.length === 0) return null
  const form = formOf(input, rows)
  const best = form.isFirst ? bestCells(rows, form.columns) : new Map<ComparedModel, Set<string>>()
  const head = tableHead(form)
  budget.always(table(head, []))
  const lines: Markdown[][] = []
  for (const row of rows.slice(0, MAX_ROWS)) {
    const cells = tableCells(row, form, best.get(row) ?? new Set())
    if (!budget.takes(join(cells, gfm` | `))) break
    lines.push(cells)
  }
  return gfm`${table(head, lines)}${leftOut(rows.length - lines.length, input)}`
}

function rowsToSee({ comparison }: NoteView): ComparedModel[] {
  const rows = comparison.rows.filter(({ state }) => state !== 'not_run')
  return rows.length <= SMALL_COMPARISON ? rows : rows.filter(({ state }) => state !== 'same')
}

function formOf(view: NoteView, rows: readonly ComparedModel[]): Form {
  const { comparison, links, mainColumns: columns } = view
  return {
    links,
    columns,
    isFirst: isFirstReport(comparison),
    withDataset: view.soleDataset === null,
    withOthers: rows.some((row) => otherResults(row, columns).length > 0),
  }
}

function tableHead({ columns, isFirst, withDataset, withOthers }: Form): Column[] {
  return [
    ...(isFirst ? [] : [left(nothing)]),
    left(gfm`Model`),
    ...(withDataset ? [left(gfm`Dataset`)] : []),
    ...columns.map((column) => right(columnHead(column))),
    ...(withOthers ? [left(gfm`Other results`)] : []),
  ]
}

function tableCells(row: ComparedModel, form: Form, best: ReadonlySet<string>): Markdown[] {
  const results = new Map(row.results.map((result) => [result.name, result]))
  const values = form.columns.map(({ name }) => {
    const text = resultCell(results.get(name), row)
    return best.has(name) ? gfm`**${text}** best` : text
  })
  return [
    ...(form.isFirst ? [] : [stateCell(row.state)]),
    modelCell(row, form.links),
    ...(form.withDataset ? [code(row.dataset)] : []),
    ...values,
    ...(form.withOthers ? [otherResultsCell(row, form.columns)] : []),
  ]
}

function stateCell(state: ModelState): Markdown {
  return gfm`${own(MARKS[state])}&nbsp;${own(STATE_WORDS[state])}`
}

function leftOut(rows: number, { links }: NoteView): Markdown {
  if (rows === 0) return nothing
  const more = rows === 1 ? gfm`1 more row is` : gfm`${rows} more rows are`
  return gfm`\n\nThe first rows only, worst first: ${more} in the ${link(gfm`full comparison`, links.comparison)}.`
}
