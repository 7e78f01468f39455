import type { ComparedModel, ComparedResult } from '../domain/comparison.js'
import type { CurveSummary, Json, Model, Named } from '../domain/model.js'
import type { SettingChange } from '../domain/settings.js'
import type { Budget } from './budget.js'
import { absent, modelLink, SHORT_NAME } from './cells.js'
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
import { listed, nameOf } from './note-sentences.js'
import { figureOf, figures } from './numbers.js'
import { settingChange, settingValue } from './setting-values.js'
import { STATE_WORDS } from './verdict.js'

const MAX_LINES = 200

/** Everything else, folded, as far as the budget goes: all results, settings, repeats, curves, what did not run. */
export function renderDetails(input: NoteView, budget: Budget): Markdown | null {
  const opening = gfm`<details><summary>${summaryOf(input)}</summary>`
  if (!budget.takes(gfm`${opening}\n\n\n\n</details>`)) return null
  const sections = [
    renderSection(allResults(input), budget),
    renderSection(changedSettings(input), budget),
    renderSection(repeats(input), budget),
    renderSection(curves(input), budget),
    renderSection(allSettings(input), budget),
    renderNotRun(input, budget),
  ].filter((section) => section !== null)
  if (sections.length === 0) return null
  return gfm`${opening}\n\n${join(sections, gfm`\n\n`)}\n\n</details>`
}

/** Own words and numbers only: a `<summary>` is HTML, not Markdown. */
function summaryOf({ comparison: { rows, counts }, pipeline }: NoteView): Markdown {
  const results = rows.reduce((sum, row) => sum + (row.state === 'not_run' ? 0 : row.results.length), 0)
  const parts = [
    resultWords(results),
    counts.same > 0 ? gfm`${counts.same} unchanged` : null,
    rows.some(({ models }) => models.some(hasSettings)) ? gfm`settings` : null,
    rows.some(({ models }) => models.length > 1) ? gfm`repeats` : null,
    rows.some(({ models }) => models.some((model) => model.curves.length > 0)) ? gfm`curves` : null,
    counts.not_run > 0 ? gfm`${counts.not_run} ${notRunWords(pipeline)}` : null,
  ]
  return join(parts, gfm` · `)
}

function hasSettings({ hyperparameters, parameters }: Model): boolean {
  return hyperparameters.length + parameters.length > 0
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
  const { comparison, links } = view
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
      const name = isFirst ? modelLink(row, links) : code(row.name)
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
  const text = figures(result)
  const sharesUnit =
    result.percent && text.old !== null && text.new?.endsWith('%') && Number.isFinite(result.old)
  const unit = sharesUnit && text.old?.endsWith('%') === false ? '%' : ''
  return [
    code(result.name),
    text.old === null ? absent : figure(text.old + unit),
    text.new === null ? absent : figure(text.new),
    figure(text.difference ?? ''),
    figure(text.relative ?? ''),
    result.state === 'changed' ? gfm`not judged` : own(STATE_WORDS[result.state]),
  ]
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
    head: [...whose.head, left(gfm`Repeat`), ...columns.map(({ name }) => right(code(name, SHORT_NAME)))],
    total: models.length,
    items: models,
    lineOf: (model) => [
      ...whose.cells(model),
      model.repeat === null ? absent : code(model.repeat, SHORT_NAME),
      ...columns.map(({ name, percent }) => valueOf(model, name, percent)),
    ],
  }
}

function valueOf(model: Model, name: string, percent: boolean): Markdown {
  const found = model.results.findLast(({ k }) => k === name)
  return found === undefined ? absent : figure(figureOf(found.v, percent))
}

interface CurveItem {
  model: Model
  curve: CurveSummary
}

function curves(view: NoteView): Section<CurveItem> {
  const { comparison } = view
  const whose = whoseColumns(view)
  const models = comparison.rows.flatMap((row) => row.models)
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
    total: models.reduce((sum, model) => sum + model.curves.length, 0),
    items: curveItems(models),
    lineOf({ model, curve: { name, count, min, max, last } }) {
      const values = [min, max, last].map((value) => figure(figureOf(value)))
      return [...whose.cells(model), code(name), gfm`${count}`, ...values]
    },
  }
}

function* curveItems(models: readonly Model[]): Generator<CurveItem> {
  for (const model of models) for (const curve of model.curves) yield { model, curve }
}

function allSettings(view: NoteView): Section<Model> {
  const whose = whoseColumns(view)
  const models = view.comparison.rows.flatMap(({ models: [first] }) =>
    first !== undefined && hasSettings(first) ? [first] : [],
  )
  return {
    title: gfm`All settings`,
    head: [...whose.head, left(gfm`Settings`)],
    total: models.length,
    items: models,
    lineOf: (model) => [...whose.cells(model), settingsCell([...model.hyperparameters, ...model.parameters])],
  }
}

function settingsCell(settings: readonly Named<Json>[]): Markdown {
  return listed(settings, ({ k, v }) => gfm`${code(k, SHORT_NAME)} ${settingValue(v)}`, {
    most: 20,
    separator: gfm`, `,
  })
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
