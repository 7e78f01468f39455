import type { ComparedModel, ComparedResult, ResultColumn } from '../domain/comparison.js'
import type { NoteView } from './columns.js'
import { code, figure, gfm, join, link, type Markdown, nothing } from './markdown.js'
import { bareFigures, type FigureForm, figures, unitText } from './numbers.js'

/** Result names stand in heads and sentences, where there is less room than in a list. */
export const SHORT_NAME = 40

/** Of both values together: longer ones may break before the arrow, so that a phone shows both. */
const MAX_UNBROKEN = 13

export const absent = gfm`–`

/** One result of one row: old → new where it changed, the value alone where it did not. */
export function resultCell(result: ComparedResult | undefined, row: ComparedModel): Markdown {
  if (result === undefined) return absent
  const text = bareFigures(result)
  if (row.state === 'not_run') return figure(text.old ?? '')
  if (row.baseline === null) return figure(text.new ?? '')
  const isOtherNoise = result.state === 'noise' && row.state !== 'noise'
  return change(result, { withWord: row.state === 'mixed' || isOtherNoise, unit: nothing })
}

/** `93.3 → **91.3%** (−2.0 pp)` with its unit, and with the state's word where asked for or where no difference can be
 * told; `measured` stands for the difference. */
export function changeOf(result: ComparedResult, withWord: boolean, measured?: Markdown): Markdown {
  return change(result, { withWord, unit: unitOf(result), measured })
}

interface ChangeForm {
  withWord: boolean
  /** With the blank before it. */
  unit: Markdown
  measured?: Markdown | undefined
}

function change(result: ComparedResult, { withWord, unit, measured }: ChangeForm): Markdown {
  const text = bareFigures(result)
  const [old, now] = [figure(text.old ?? ''), figure(text.new ?? '')]
  if (result.new === null) return gfm`${old}${unit}&nbsp;→&nbsp;**none**`
  if (result.old === null) return gfm`**${now}**${unit} new`
  if (result.state === 'same') return gfm`${now}${unit}`
  const difference = text.difference === null ? nothing : gfm` (${measured ?? figure(text.difference)})`
  const word = withWord || text.difference === null ? judgedWord(result) : nothing
  const shown = result.state === 'noise' ? now : gfm`**${now}**`
  const arrow = `${text.old}${text.new}`.length > MAX_UNBROKEN ? gfm` →&nbsp;` : gfm`&nbsp;→&nbsp;`
  return gfm`${old}${arrow}${shown}${unit}${difference}${word}`
}

function judgedWord({ state }: ComparedResult): Markdown {
  if (state === 'worse') return gfm` worse`
  if (state === 'noise') return gfm` within noise`
  return state === 'better' ? gfm` better` : nothing
}

/** Usual units as they are; anything else might be markup. */
export function unitOf(form: FigureForm): Markdown {
  const unit = form.percent ? '' : unitText(form).trim()
  if (unit === '') return nothing
  return gfm`&nbsp;${/^[A-Za-z]+$/.test(unit) ? figure(unit) : code(unit)}`
}

/** One value with its unit. */
export function valueOf(value: number, form: FigureForm): Markdown {
  const { new: text } = figures({
    old: null,
    new: value,
    difference: null,
    relative: null,
    percent: form.percent,
    digits: form.digits ?? null,
  })
  return gfm`${figure(text ?? '')}${unitOf(form)}`
}

/** The results that are no columns: the worst with its figures, the rest counted. */
export function otherResultsCell(row: ComparedModel, columns: readonly ResultColumn[]): Markdown {
  const others = otherResults(row, columns)
  const worst = others.find(({ state }) => state === 'worse' || state === 'missing') ?? others[0]
  if (worst === undefined) return nothing
  const rest = others.filter((result) => result !== worst)
  const first = gfm`${code(worst.name, SHORT_NAME)} ${changeOf(worst, true)}`
  return rest.length === 0 ? first : gfm`${first}, and ${restWords(rest)}`
}

/** Results outside the columns without which the row's state would not be understood. */
export function otherResults(row: ComparedModel, columns: readonly ResultColumn[]): ComparedResult[] {
  if (row.models.length === 0) return []
  const shown = new Set(columns.map(({ name }) => name))
  return row.results.filter((result) => !shown.has(result.name) && explains(result, row))
}

function explains({ state, training, new: value }: ComparedResult, row: ComparedModel): boolean {
  if (row.state === 'changed') return state !== 'same' && state !== 'noise'
  if (training && !Number.isNaN(value)) return false
  return state === 'worse' || state === 'better' || state === 'missing'
}

function restWords(rest: readonly ComparedResult[]): Markdown {
  const number = (state: ComparedResult['state']) => rest.filter((result) => result.state === state).length
  const [worse, gone, better] = [number('worse'), number('missing'), number('better')]
  const others = rest.length - worse - gone - better
  const parts = [
    worse > 0 ? gfm`${worse} worse` : null,
    gone > 0 ? gfm`${gone} gone` : null,
    better > 0 ? gfm`${better} better` : null,
    others > 0 ? gfm`${others} more` : null,
  ]
  return join(parts, gfm`, `)
}

/** The model's name with the link to its page, its dataset where there are several, and what one must know before
 * reading its numbers. One cell, so that a phone shows the numbers beside it. */
export function modelCell(row: ComparedModel, view: NoteView, name: Markdown = code(row.name)): Markdown {
  const facts = join(
    [searchFact(row), repeatsFact(row, view), row.datasetChanged ? gfm`other data` : null],
    gfm`, `,
  )
  const linked = subjectLink(row, view, name)
  return facts.source === '' ? linked : gfm`${linked} (${facts})`
}

/** As `modelLink`, with the dataset where there are several. */
export function subjectLink(row: ComparedModel, view: NoteView, name: Markdown = code(row.name)): Markdown {
  const linked = modelLink(row, view, name)
  return view.soleDataset === null ? gfm`${linked} on ${row.dataset}` : linked
}

/** To the page of what was trained here, or of the baseline where nothing was. */
export function modelLink(
  row: ComparedModel,
  { links }: NoteView,
  name: Markdown = code(row.name),
): Markdown {
  const model = row.models[0] ?? row.baseline?.models[0]
  return link(name, model === undefined ? null : links.model(model))
}

function searchFact({ search }: ComparedModel): Markdown | null {
  if (search === null || search.chosen === null) return null
  const trial = code(search.chosen, 20)
  return search.by === 'result'
    ? gfm`trial ${trial}, best of ${search.trials}`
    : gfm`trial ${trial} of ${search.trials}`
}

function repeatsFact(row: ComparedModel, { repeats }: NoteView): Markdown | null {
  if (repeats !== null) return null
  const counts = repeatCounts(row)
  return counts === null ? null : repeatsWords(counts)
}

/** How many trainings each value is the mean of; null where there is but one on both sides. */
export function repeatCounts({ models, baseline }: ComparedModel): { here: number; before: number } | null {
  const before = baseline?.models.length ?? models.length
  if (models.length === 0 || (models.length === 1 && before === 1)) return null
  return { here: models.length, before }
}

function repeatsWords({ here, before }: { here: number; before: number }): Markdown {
  return before === here
    ? gfm`mean of ${here} repeats`
    : gfm`mean of ${here} ${here === 1 ? gfm`training` : gfm`repeats`}, before of ${before}`
}

/** `accuracy ↑`: the arrow points to where better is; none where nobody knows. */
export function columnHead(column: Pick<ResultColumn, 'name' | 'direction'> & FigureForm): Markdown {
  const { name, direction } = column
  const unit = unitOf(column)
  const head = unit === nothing ? code(name, SHORT_NAME) : gfm`${code(name, SHORT_NAME)},${unit}`
  if (direction === 'unknown') return head
  return direction === 'higher' ? gfm`${head}&nbsp;↑` : gfm`${head}&nbsp;↓`
}

/** An amount or a limit as the rules write it, with a blank before `pp`; anything but a plain one stands in code. */
export function amountWords(text: string): Markdown {
  const [, number, sign] = /^\s*(\d[\d.]*)\s*(pp|%)?\s*$/.exec(text) ?? []
  if (number === undefined) return code(text, SHORT_NAME)
  return sign === 'pp' ? gfm`${figure(number)}&nbsp;pp` : figure(`${number}${sign ?? ''}`)
}
