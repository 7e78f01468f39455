import type { ComparedModel, ComparedResult, ResultColumn, Search } from '../domain/comparison.js'
import type { CurveSummary, Model } from '../domain/model.js'
import type { SettingChange } from '../domain/settings.js'
import type { Budget } from './budget.js'
import { absent, columnHead, modelLink, SHORT_NAME, unitOf, valueOf } from './cells.js'
import type { NoteView } from './columns.js'
import {
  type Column,
  code,
  figure,
  gfm,
  join,
  left,
  type Markdown,
  nothing,
  own,
  right,
  table,
} from './markdown.js'
import { renderChart } from './note-chart.js'
import { pValue } from './note-noise.js'
import { renderReproduce } from './note-reproduce.js'
import { listed, nameOf } from './note-words.js'
import { bareFiguresApart, figureOf } from './numbers.js'
import { settingChange } from './setting-values.js'
import { STATE_WORDS } from './verdict.js'

const MAX_LINES = 120
const MAX_SEARCHES = 20

/** Everything else, folded, as far as the budget goes: all results, settings, repeats, curves, what did not run. */
export function renderDetails(input: NoteView, budget: Budget): Markdown | null {
  const opening = gfm`<details><summary>${summaryOf(input)}</summary>`
  if (!budget.takes(gfm`${opening}\n\n\n\n</details>`)) return null
  const sections = [
    renderSection(allResults(input), budget),
    budget.optional(renderChart(input)),
    budget.optional(renderSearches(input)),
    renderSection(changedSettings(input), budget),
    renderSection(repeats(input), budget),
    renderSection(curves(input), budget),
    renderNotRun(input, budget),
    input.preview === undefined ? renderReproduce(input, budget) : null,
  ].filter((section) => section !== null)
  if (sections.length === 0) return null
  return gfm`${opening}\n\n${join(sections, gfm`\n\n`)}\n\n</details>`
}

/** Own words and numbers only: a `<summary>` is HTML, not Markdown. */
function summaryOf({ comparison: { rows, counts }, pipeline, preview }: NoteView): Markdown {
  const results = rows.reduce((sum, row) => sum + (row.state === 'not_run' ? 0 : row.results.length), 0)
  const parts = [
    resultWords(results),
    counts.same > 0 ? gfm`${counts.same} unchanged` : null,
    rows.some(({ search }) => search !== null) ? gfm`search` : null,
    rows.some(({ models }) => models.length > 1) ? gfm`repeats` : null,
    rows.some(({ models }) => models.some((model) => model.curves.length > 0)) ? gfm`curves` : null,
    counts.not_run > 0 ? gfm`${counts.not_run} ${notRunWords(pipeline)}` : null,
    preview === undefined && rows.some(({ models }) => models.length > 0) ? gfm`how to reproduce` : null,
  ]
  return join(parts, gfm` · `)
}

function resultWords(results: number): Markdown | null {
  if (results === 0) return null
  return results === 1 ? gfm`1 result` : gfm`All ${results} results`
}

/** As long as the pipeline runs, nobody knows which of them will. */
function notRunWords({ state }: NoteView['pipeline']): Markdown {
  return state === 'running' ? gfm`not reported yet` : gfm`not run here`
}

interface Section<T> {
  title: Markdown
  head: Column[]
  total: number
  /** Asked for only as long as there is room, as hundreds of models have thousands of them. */
  items: Iterable<T>
  lineOf(item: T): Markdown[]
}

/** The title and as many lines as fit; what was cut is counted. */
function renderSection<T>(section: Section<T>, budget: Budget): Markdown | null {
  const { title, head, total, items, lineOf } = section
  if (total === 0 || !budget.takes(gfm`**${title}**${table(head, [])}and 99999 more`)) return null
  const shown: Markdown[][] = []
  for (const item of items) {
    const line = lineOf(item)
    if (shown.length >= MAX_LINES || !budget.takes(join(line, gfm` | `))) break
    shown.push(line)
  }
  const cut = total - shown.length
  return gfm`**${title}**\n\n${table(head, shown)}${cut > 0 ? gfm`\n\nand ${cut} more` : nothing}`
}

interface ResultItem {
  row: ComparedModel
  /** Null for a model that sent none. */
  result: ComparedResult | null
  isFirst: boolean
}

function allResults(view: NoteView): Section<ResultItem> {
  const { comparison } = view
  const whose = whoseColumns(view)
  const rows = comparison.rows.filter(({ state }) => state !== 'not_run')
  return {
    title: gfm`All results`,
    head: [
      ...whose.head,
      left(gfm`Result`),
      right(gfm`Before`),
      right(gfm`Here`),
      right(gfm`Difference`),
      right(gfm`Relative`),
      left(gfm`State`),
    ],
    total: rows.reduce((sum, row) => sum + Math.max(1, row.results.length), 0),
    items: resultItems(rows),
    lineOf({ row, result, isFirst }) {
      const name = isFirst ? modelLink(row, view) : code(row.name)
      return [...whose.cells(row, name), ...resultCells(result)]
    },
  }
}

function* resultItems(rows: readonly ComparedModel[]): Generator<ResultItem> {
  for (const row of rows) {
    if (row.results.length === 0) yield { row, result: null, isFirst: true }
    for (const [index, result] of row.results.entries()) yield { row, result, isFirst: index === 0 }
  }
}

function resultCells(result: ComparedResult | null): Markdown[] {
  if (result === null) return [gfm`none`, absent, absent, nothing, nothing, nothing]
  const text = bareFiguresApart(result)
  const unit = unitOf(result)
  const name = code(result.name)
  return [
    unit === nothing ? name : gfm`${name},${unit}`,
    text.old === null ? absent : figure(text.old),
    text.new === null ? absent : figure(text.new),
    figure(text.difference ?? ''),
    figure(text.relative ?? ''),
    stateWords(result),
  ]
}

/** With how likely chance makes such a difference, where that was tested. */
function stateWords({ state, noise }: ComparedResult): Markdown {
  const word = state === 'changed' ? gfm`not judged` : own(STATE_WORDS[state])
  return noise === null || state === 'same' ? word : gfm`${word}, ${pValue(noise.p)}`
}

interface WhoseColumns {
  head: Column[]
  cells(of: { name: string; dataset: string }, name?: Markdown): Markdown[]
}

/** Model and dataset, the latter only where there is more than one. */
function whoseColumns(view: NoteView): WhoseColumns {
  if (view.soleDataset !== null) {
    return { head: [left(gfm`Model`)], cells: (of, name = code(of.name)) => [name] }
  }
  const head = [left(gfm`Model`), left(gfm`Dataset`)]
  return { head, cells: (of, name = code(of.name)) => [name, code(of.dataset)] }
}

interface SettingItem {
  row: ComparedModel
  change: SettingChange
}

function changedSettings(view: NoteView): Section<SettingItem> {
  const { comparison } = view
  const whose = whoseColumns(view)
  return {
    title: gfm`Settings changed`,
    head: [...whose.head, left(gfm`Setting`), left(gfm`Change`)],
    total: comparison.rows.reduce((sum, row) => sum + row.settings.length, 0),
    items: settingItems(comparison.rows),
    lineOf: ({ row, change }) => [...whose.cells(row), code(change.path, 60), settingChange(change)],
  }
}

function* settingItems(rows: readonly ComparedModel[]): Generator<SettingItem> {
  for (const row of rows) for (const change of row.settings) yield { row, change }
}

function repeats(view: NoteView): Section<Model> {
  const { comparison } = view
  const whose = whoseColumns(view)
  const { mainColumns: columns } = view
  const models = comparison.rows.flatMap((row) => (row.models.length > 1 ? row.models : []))
  return {
    title: gfm`Repeats`,
    head: [...whose.head, left(gfm`Repeat`), ...columns.map((column) => right(columnHead(column)))],
    total: models.length,
    items: models,
    lineOf: (model) => [
      ...whose.cells(model),
      model.repeat === null ? absent : code(model.repeat, SHORT_NAME),
      ...columns.map((column) => repeatValue(model, column)),
    ],
  }
}

function repeatValue(model: Model, { name, percent, digits }: ResultColumn): Markdown {
  const found = model.results.findLast(({ k }) => k === name)
  return found === undefined ? absent : figure(figureOf(found.v, { percent, digits }))
}

interface CurveItem {
  model: Model
  curve: CurveSummary
}

function curves(view: NoteView): Section<CurveItem> {
  const { comparison } = view
  const whose = whoseColumns(view)
  const { rows } = comparison
  return {
    title: gfm`Curves`,
    head: [
      ...whose.head,
      left(gfm`Curve`),
      right(gfm`Points`),
      right(gfm`Lowest`),
      right(gfm`Highest`),
      right(gfm`Last`),
    ],
    total: rows.reduce((sum, { models }) => sum + curvesOf(models), 0),
    items: curveItems(rows),
    lineOf({ model, curve: { name, count, min, max, last } }) {
      const values = [min, max, last].map((value) => figure(figureOf(value)))
      return [...whose.cells(model), code(name), gfm`${count}`, ...values]
    },
  }
}

function curvesOf(models: readonly Model[]): number {
  return models.reduce((sum, { curves }) => sum + curves.length, 0)
}

function* curveItems(rows: readonly ComparedModel[]): Generator<CurveItem> {
  for (const { models } of rows) {
    for (const model of models) for (const curve of model.curves) yield { model, curve }
  }
}

/** One line for each: what was tried, what was chosen and why. */
function renderSearches(view: NoteView): Markdown | null {
  const searched = view.comparison.rows.flatMap((row) =>
    row.search === null ? [] : [{ row, search: row.search }],
  )
  if (searched.length === 0) return null
  return listed(
    searched,
    ({ row, search }) => gfm`**Search** ${nameOf(row, view)}: ${searchWords(search, view)}`,
    {
      most: MAX_SEARCHES,
      separator: gfm`\n\n`,
    },
  )
}

function searchWords(search: Search, { comparison }: NoteView): Markdown {
  const { trials, chosen, by, result, best, median, failed } = search
  const column = comparison.columns.find(({ name }) => name === result)
  const value = (number: number) => valueOf(number, column ?? { percent: false })
  const name = result === null ? nothing : gfm`${code(result, SHORT_NAME)} `
  const bestWords = best === null ? null : gfm`best ${name}${value(best)}`
  const isBest = by === 'result' && chosen !== null && bestWords !== null
  const parts = [
    gfm`${trials} trials`,
    chosen === null
      ? gfm`none chosen`
      : gfm`${code(chosen, SHORT_NAME)} chosen${isBest ? gfm` (${bestWords})` : CHOSEN_BY[by]}`,
    isBest ? null : bestWords,
    median === null ? null : gfm`median ${value(median)}`,
    failed > 0 ? gfm`${failed} without a value` : null,
  ]
  return join(parts, gfm`, `)
}

const CHOSEN_BY: Record<Search['by'], Markdown> = {
  report: gfm` by its report`,
  job: gfm` by its job`,
  result: gfm` as the best`,
  none: nothing,
}

function renderNotRun(view: NoteView, budget: Budget): Markdown | null {
  const { comparison, pipeline } = view
  const rows: ComparedModel[] = comparison.rows.filter(({ state }) => state === 'not_run')
  if (rows.length === 0 || !budget.takes(gfm`**Models of the baseline not reported yet:**  and 99999 more`))
    return null
  const names: Markdown[] = []
  for (const { name, dataset } of rows.slice(0, MAX_LINES)) {
    const part = nameOf({ name, dataset }, view)
    if (!budget.takes(part)) break
    names.push(part)
  }
  const cut = rows.length - names.length
  return gfm`**Models of the baseline ${notRunWords(pipeline)}:** ${join(names, gfm` · `)}${cut > 0 ? gfm` and ${cut} more` : nothing}`
}
