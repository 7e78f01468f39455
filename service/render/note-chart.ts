import type { ComparedModel, ModelState } from '../domain/comparison.js'
import { SHORT_NAME } from './cells.js'
import type { NoteView } from './columns.js'
import { code, gfm, lineChart, type Markdown } from './markdown.js'
import { nameOf } from './note-words.js'
import { type Trend, trendOf } from './sparkline.js'

/** With the value here at least five points. */
const LIMITS = { least: 4, most: 29 }
const CHANGED = new Set<ModelState>(['worse', 'mixed', 'better', 'changed', 'noise'])

/** The target branch's values of the first changed row, ending here, where this GitLab draws such charts. */
export function renderChart(view: NoteView): Markdown | null {
  const { comparison, drawsCharts, firstColumn } = view
  if (!drawsCharts || firstColumn === null) return null
  const { name, percent } = firstColumn
  for (const row of comparison.rows.filter(({ state }) => CHANGED.has(state))) {
    const trend = trendOf(row, { name }, LIMITS)
    const chart = trend === null ? null : chartOf(trend, percent ? 100 : 1)
    if (chart !== null) return gfm`${titleOf(row, view)}\n\n${chart}`
  }
  return null
}

function titleOf(row: ComparedModel, view: NoteView): Markdown {
  const { firstColumn, targetBranch } = view
  const name = code(firstColumn?.name ?? '', SHORT_NAME)
  const unit = firstColumn?.percent ? gfm` in percent` : gfm``
  return gfm`**${name}${unit}**, ${nameOf(row, view)}: the last trainings on ${targetBranch}, then here`
}

/** Null where too few values are finite, or where they would need an exponent, which Mermaid does not read. */
function chartOf({ values, axis }: Trend, scale: number): Markdown | null {
  const finite = values.filter(Number.isFinite)
  if (axis === null || finite.length <= LIMITS.least) return null
  const shown = [...finite, axis.from, axis.to].map((value) => Number((value * scale).toPrecision(6)))
  if (!shown.every((value) => /^-?\d+(\.\d+)?$/.test(String(value)))) return null
  const [from = 0, to = 0] = shown.slice(-2)
  return lineChart({ values: shown.slice(0, -2), from, to })
}
