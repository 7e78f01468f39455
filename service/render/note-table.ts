import type { ComparedModel, ResultColumn } from '../domain/comparison.js'
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
import { countWords, isFirstReport, MARKS, wordOf } from './verdict.js'

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
  budget.always(gfm`${table(head, [])}${leftOut(rows, rows, view)}`)
  const lines: Markdown[][] = []
  const shown = new Set<ComparedModel>()
  for (const [folder, group] of foldersOf(rows, view)) {
    const room = group.slice(0, Math.max(0, MAX_ROWS - shown.size))
    if (room.length === 0) break
    const title = folder === null ? [] : [folderCells(folder, group, head.length)]
    const cells = room.map((row) => tableCells(row, form, best.get(row) ?? new Set()))
    const fitting = takeLines([...title, ...cells], budget)
    lines.push(...fitting)
    for (const row of room.slice(0, Math.max(0, fitting.length - title.length))) shown.add(row)
    if (fitting.length < title.length + cells.length) break
  }
  const hidden = rows.filter((row) => !shown.has(row))
  return gfm`${table(head, lines)}${leftOut(hidden, rows, view)}`
}

function takeLines(lines: readonly Markdown[][], budget: Budget): Markdown[][] {
  const end = lines.findIndex((cells) => !budget.takes(join(cells, gfm` | `)))
  return end === -1 ? [...lines] : lines.slice(0, end)
}

function rowsToSee({ comparison }: NoteView): ComparedModel[] {
  const rows = comparison.rows.filter(({ state }) => state !== 'not_run')
  return rows.length <= SMALL_COMPARISON ? rows : rows.filter(({ state }) => state !== 'same')
}

/** The folder of the worst row first, what is in none last; one group of all where nobody asked for folders. */
function foldersOf(rows: readonly ComparedModel[], view: NoteView): [string | null, ComparedModel[]][] {
  if (view.groupBy === null) return [[null, [...rows]]]
  const folders = [...groupBy(rows, ({ name }) => folderOf(name))]
  return folders.sort(([a], [b]) => Number(a === '') - Number(b === ''))
}

function folderCells(folder: string, rows: readonly ComparedModel[], width: number): Markdown[] {
  const name = folder === '' ? gfm`**in no folder:**` : gfm`**${folder}:**`
  const words = figure(countWords(rows).join(', '))
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
    ...(form.isFirst && view.groupBy === null ? [] : [stateCell(row)]),
    modelCell(row, view, name),
    ...values,
    ...(form.withOthers ? [otherResultsCell(row, form.columns)] : []),
    ...(trends === null ? [] : [trend === undefined ? absent : sparkline(trend)]),
  ]
}

function stateCell(row: ComparedModel): Markdown {
  return gfm`${own(MARKS[row.state])}&nbsp;${figure(wordOf(row))}`
}

function leftOut(
  hidden: readonly ComparedModel[],
  rows: readonly ComparedModel[],
  { links }: NoteView,
): Markdown {
  if (hidden.length === 0) return nothing
  const shown = gfm`The first ${rows.length - hidden.length} of ${rows.length} rows, worst first.`
  const counts = figure(countWords(hidden).join(', '))
  return gfm`\n\n${shown} Not shown: ${counts} (${link(gfm`full comparison`, links.comparison)}).`
}
