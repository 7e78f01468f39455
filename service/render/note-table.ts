import type { ComparedModel, ModelState, ResultColumn } from '../domain/comparison.js'
import { groupBy } from '../domain/group.js'
import { bestCells } from './best.js'
import type { Budget } from './budget.js'
import { absent, columnHead, modelCell, otherResults, otherResultsCell, resultCell } from './cells.js'
import { type NoteView, SMALL_COMPARISON } from './columns.js'
import { folderOf, nameInFolder } from './folders.js'
import {
  type Column,
  code,
  figure,
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
import { sparkline, type Trend, trendOf } from './sparkline.js'
import { countWords, isFirstReport, MARKS, STATE_WORDS } from './verdict.js'

const MAX_ROWS = 40

interface Form {
  view: NoteView
  columns: ResultColumn[]
  isFirst: boolean
  withOthers: boolean
  /** Null where no row has a history to draw. */
  trends: Map<ComparedModel, Trend> | null
}

/** The rows that a reviewer has to see, worst first, as many as there is room for. */
export function renderTable(view: NoteView, budget: Budget): Markdown | null {
  const rows = rowsToSee(view)
  if (rows.length === 0) return null
  const form = formOf(view, rows)
  const best = form.isFirst ? bestCells(rows, form.columns) : new Map<ComparedModel, Set<string>>()
  const head = tableHead(form)
  budget.always(gfm`${table(head, [])}${leftOut(rows.length, view)}`)
  const lines: Markdown[][] = []
  let shown = 0
  for (const [folder, group] of foldersOf(rows, view)) {
    const room = group.slice(0, Math.max(0, MAX_ROWS - shown))
    if (room.length === 0) break
    const title = folder === null ? [] : [folderCells(folder, group, head.length)]
    const cells = room.map((row) => tableCells(row, form, best.get(row) ?? new Set()))
    const fitting = takeLines([...title, ...cells], budget)
    lines.push(...fitting)
    shown += Math.max(0, fitting.length - title.length)
    if (fitting.length < title.length + cells.length) break
  }
  return gfm`${table(head, lines)}${leftOut(rows.length - shown, view)}`
}

function takeLines(lines: readonly Markdown[][], budget: Budget): Markdown[][] {
  const end = lines.findIndex((cells) => !budget.takes(join(cells, gfm` | `)))
  return end === -1 ? [...lines] : lines.slice(0, end)
}

function rowsToSee({ comparison }: NoteView): ComparedModel[] {
  const rows = comparison.rows.filter(({ state }) => state !== 'not_run')
  return rows.length <= SMALL_COMPARISON ? rows : rows.filter(({ state }) => state !== 'same')
}

/** The folder of the worst row first; one group of all where nobody asked for folders. */
function foldersOf(rows: readonly ComparedModel[], view: NoteView): [string | null, ComparedModel[]][] {
  if (view.groupBy === null) return [[null, [...rows]]]
  return [...groupBy(rows, ({ name }) => folderOf(name))]
}

function folderCells(folder: string, rows: readonly ComparedModel[], width: number): Markdown[] {
  const counts = Object.fromEntries(
    [...groupBy(rows, ({ state }) => state)].map(([state, group]) => [state, group.length]),
  )
  const name = folder === '' ? gfm`**in no folder:**` : gfm`**${folder}:**`
  const words = figure(countWords(counts).join(', '))
  return [nothing, gfm`${name} ${words}`, ...Array.from({ length: width - 2 }, () => nothing)]
}

function formOf(view: NoteView, rows: readonly ComparedModel[]): Form {
  const { comparison, mainColumns: columns } = view
  return {
    view,
    columns,
    isFirst: isFirstReport(comparison),
    withOthers: rows.some((row) => otherResults(row, columns).length > 0),
    trends: trendsOf(rows.slice(0, MAX_ROWS), view.firstColumn),
  }
}

function trendsOf(rows: readonly ComparedModel[], column: ResultColumn | null): Form['trends'] {
  const trends = new Map<ComparedModel, Trend>()
  if (column === null) return null
  for (const row of rows) {
    const trend = trendOf(row, column)
    if (trend !== null) trends.set(row, trend)
  }
  return trends.size === 0 ? null : trends
}

function tableHead({ view, columns, isFirst, withOthers, trends }: Form): Column[] {
  const { firstColumn: first, targetBranch } = view
  return [
    ...(isFirst && view.groupBy === null ? [] : [left(nothing)]),
    left(gfm`Model`),
    ...columns.map((column) => right(columnHead(column))),
    ...(withOthers ? [left(gfm`Other results`)] : []),
    ...(trends === null || first === null
      ? []
      : [left(gfm`${code(first.name, 40)}, ${code(targetBranch, 20)}&nbsp;→&nbsp;here`)]),
  ]
}

function tableCells(row: ComparedModel, form: Form, best: ReadonlySet<string>): Markdown[] {
  const { view, trends } = form
  const results = new Map(row.results.map((result) => [result.name, result]))
  const values = form.columns.map(({ name }) => {
    const text = resultCell(results.get(name), row)
    return best.has(name) ? gfm`**${text}** best` : text
  })
  const name = view.groupBy === null ? code(row.name) : code(nameInFolder(row.name))
  const trend = trends?.get(row)
  return [
    ...(form.isFirst && view.groupBy === null ? [] : [stateCell(row.state)]),
    modelCell(row, view, name),
    ...values,
    ...(form.withOthers ? [otherResultsCell(row, form.columns)] : []),
    ...(trends === null ? [] : [trend === undefined ? absent : sparkline(trend)]),
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
