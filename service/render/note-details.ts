import type { ComparedModel, ComparedResult } from '../domain/compare.js'
import type { Model } from '../domain/model.js'
import type { Budget } from './budget.js'
import { absent, modelLink, SHORT_NAME } from './cells.js'
import { mainColumns, soleDataset } from './columns.js'
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
import type { NoteInput } from './note-input.js'
import { nameOf } from './note-sentences.js'
import { figureOf, figures } from './numbers.js'
import { settingChange, settingValue } from './setting-values.js'
import { STATE_WORDS } from './verdict.js'

const MAX_LINES = 200

/** Everything else, folded, as far as the budget goes: all results, settings, repeats, curves, what did not run. */
export function renderDetails(input: NoteInput, budget: Budget): Markdown | null {
  const opening = gfm`<details><summary>${summaryOf(input)}</summary>`
  if (!budget.takes(gfm`${opening}\n\n\n\n</details>`)) return null
  const sections = [allResults, changedSettings, repeats, curves, allSettings]
    .map((listSection) => renderSection(listSection(input), budget))
    .concat(renderNotRun(input, budget))
    .filter((section) => section !== null)
  if (sections.length === 0) return null
  return gfm`${opening}\n\n${join(sections, gfm`\n\n`)}\n\n</details>`
}

/** Own words and numbers only: a `<summary>` is HTML, not Markdown. */
function summaryOf({ comparison: { rows, counts }, pipeline }: NoteInput): Markdown {
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
function notRunWords({ state }: NoteInput['pipeline']): Markdown {
  return state === 'running' ? gfm`not reported yet` : gfm`not run here`
}

interface Section {
  title: Markdown
  head: Column[]
  lines: Markdown[][]
}

/** The title and as many lines as fit; what was cut is counted. */
function renderSection({ title, head, lines }: Section, budget: Budget): Markdown | null {
  if (lines.length === 0 || !budget.takes(gfm`**${title}**${table(head, [])}and 99999 more`)) return null
  const shown: Markdown[][] = []
  for (const line of lines.slice(0, MAX_LINES)) {
    if (!budget.takes(join(line, gfm` | `))) break
    shown.push(line)
  }
  const cut = lines.length - shown.length
  return gfm`**${title}**\n\n${table(head, shown)}${cut > 0 ? gfm`\n\nand ${cut} more` : nothing}`
}

function allResults({ comparison, links }: NoteInput): Section {
  const whose = whoseColumns(comparison)
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
    lines: rows.flatMap((row) => {
      const lines = row.results.map((result) => [code(result.name), ...resultCells(result)])
      return (lines.length > 0 ? lines : [NO_RESULTS]).map((line, index) => {
        const name = index === 0 ? modelLink(row, links) : code(row.name)
        return [...whose.cells(row, name), ...line]
      })
    }),
  }
}

const NO_RESULTS = [gfm`none`, absent, absent, nothing, nothing, nothing]

function resultCells(result: ComparedResult): Markdown[] {
  const text = figures(result)
  const sharesUnit =
    result.percent && text.old !== null && text.new?.endsWith('%') && Number.isFinite(result.old)
  const unit = sharesUnit && text.old?.endsWith('%') === false ? '%' : ''
  return [
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
function whoseColumns(comparison: NoteInput['comparison']): WhoseColumns {
  if (soleDataset(comparison) !== null) {
    return { head: [left(gfm`Model`)], cells: (of, name = code(of.name)) => [name] }
  }
  const head = [left(gfm`Model`), left(gfm`Dataset`)]
  return { head, cells: (of, name = code(of.name)) => [name, code(of.dataset)] }
}

function changedSettings({ comparison }: NoteInput): Section {
  const whose = whoseColumns(comparison)
  return {
    title: gfm`Settings changed`,
    head: [...whose.head, left(gfm`Setting`), left(gfm`Change`)],
    lines: comparison.rows.flatMap((row) =>
      row.settings.map((change) => [...whose.cells(row), code(change.path, 60), settingChange(change)]),
    ),
  }
}

function repeats({ comparison }: NoteInput): Section {
  const whose = whoseColumns(comparison)
  const columns = mainColumns(comparison)
  const rows = comparison.rows.filter(({ models }) => models.length > 1)
  return {
    title: gfm`Repeats`,
    head: [...whose.head, left(gfm`Repeat`), ...columns.map(({ name }) => right(code(name, SHORT_NAME)))],
    lines: rows.flatMap((row) =>
      row.models.map((model) => [
        ...whose.cells(row),
        model.repeat === null ? absent : code(model.repeat, SHORT_NAME),
        ...columns.map(({ name, percent }) => valueOf(model, name, percent)),
      ]),
    ),
  }
}

function valueOf(model: Model, name: string, percent: boolean): Markdown {
  const found = model.results.findLast(({ k }) => k === name)
  return found === undefined ? absent : figure(figureOf(found.v, percent))
}

function curves({ comparison }: NoteInput): Section {
  const whose = whoseColumns(comparison)
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
    lines: models.flatMap((model) =>
      model.curves.map(({ name, count, min, max, last }) => {
        const values = [min, max, last].map((value) => figure(figureOf(value)))
        return [...whose.cells(model), code(name), gfm`${count}`, ...values]
      }),
    ),
  }
}

function allSettings({ comparison }: NoteInput): Section {
  const whose = whoseColumns(comparison)
  const models = comparison.rows.flatMap(({ models: [model] }) => (model === undefined ? [] : [model]))
  return {
    title: gfm`All settings`,
    head: [...whose.head, left(gfm`Setting`), left(gfm`Value`)],
    lines: models.flatMap((model) =>
      [...model.hyperparameters, ...model.parameters].map(({ k, v }) => [
        ...whose.cells(model),
        code(k, 60),
        settingValue(v),
      ]),
    ),
  }
}

function renderNotRun({ comparison, pipeline }: NoteInput, budget: Budget): Markdown | null {
  const rows: ComparedModel[] = comparison.rows.filter(({ state }) => state === 'not_run')
  if (rows.length === 0 || !budget.takes(gfm`**Models of the baseline not reported yet:**  and 99999 more`))
    return null
  const names: Markdown[] = []
  for (const { name, dataset } of rows.slice(0, MAX_LINES)) {
    const part = nameOf({ name, dataset }, comparison)
    if (!budget.takes(part)) break
    names.push(part)
  }
  const cut = rows.length - names.length
  return gfm`**Models of the baseline ${notRunWords(pipeline)}:** ${join(names, gfm` · `)}${cut > 0 ? gfm` and ${cut} more` : nothing}`
}
