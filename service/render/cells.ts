import type { ComparedModel, ComparedResult, ResultColumn } from '../domain/comparison.js'
import { code, figure, gfm, join, link, type Markdown, nothing } from './markdown.js'
import type { NoteLinks } from './note-input.js'
import { figures } from './numbers.js'
import { isFromFork } from './verdict.js'

/** Result names stand in heads and sentences, where there is less room than in a list. */
export const SHORT_NAME = 40

export const absent = gfm`–`

/** One result of one row: old → new where it changed, the value alone where it did not. */
export function resultCell(result: ComparedResult | undefined, row: ComparedModel): Markdown {
  if (result === undefined) return absent
  const { old, new: now } = figures(result)
  if (row.state === 'not_run') return figure(old ?? '')
  if (row.baseline === null) return figure(now ?? '')
  return changeOf(result, row.state === 'mixed')
}

/** `93.3 → **91.3%** (−2.0 pp)`, with the state's word where asked for or where no difference can be told. */
export function changeOf(result: ComparedResult, withWord: boolean): Markdown {
  const text = figures(result)
  const [old, now] = [figure(text.old ?? ''), figure(text.new ?? '')]
  if (result.new === null) return gfm`${old}&nbsp;→&nbsp;**none**`
  if (result.old === null) return gfm`**${now}** new`
  if (result.state === 'same') return now
  const difference = text.difference === null ? nothing : gfm` (${figure(text.difference)})`
  const word = withWord || text.difference === null ? judgedWord(result) : nothing
  return gfm`${old}&nbsp;→&nbsp;**${now}**${difference}${word}`
}

function judgedWord({ state }: ComparedResult): Markdown {
  if (state === 'worse') return gfm` worse`
  return state === 'better' ? gfm` better` : nothing
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
  if (row.state === 'changed') return state !== 'same'
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

/** The model's name with the link to its page, and what one must know before reading its numbers. */
export function modelCell(row: ComparedModel, links: NoteLinks): Markdown {
  const facts = join(
    [
      repeatsFact(row),
      row.datasetChanged ? gfm`other data` : null,
      isFromFork(row) ? gfm`from a fork` : null,
    ],
    gfm`, `,
  )
  const name = modelLink(row, links)
  return facts.source === '' ? name : gfm`${name} (${facts})`
}

/** To the page of what was trained here, or of the baseline where nothing was. */
export function modelLink(row: ComparedModel, links: NoteLinks): Markdown {
  const model = row.models[0] ?? row.baseline?.models[0]
  return link(code(row.name), model === undefined ? null : links.model(model))
}

function repeatsFact({ models, baseline }: ComparedModel): Markdown | null {
  const before = baseline?.models.length ?? models.length
  if (models.length === 0 || (models.length === 1 && before === 1)) return null
  return before === models.length
    ? gfm`mean of ${models.length} repeats`
    : gfm`mean of ${models.length} repeats, baseline of ${before}`
}

/** `accuracy ↑`: the arrow points to where better is; none where nobody knows. */
export function columnHead({ name, direction }: Pick<ResultColumn, 'name' | 'direction'>): Markdown {
  if (direction === 'unknown') return code(name, SHORT_NAME)
  return direction === 'higher'
    ? gfm`${code(name, SHORT_NAME)}&nbsp;↑`
    : gfm`${code(name, SHORT_NAME)}&nbsp;↓`
}
