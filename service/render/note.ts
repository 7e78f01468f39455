import { createBudget } from './budget.js'
import { viewOf } from './columns.js'
import { figure, gfm, join, type Markdown, nothing, own } from './markdown.js'
import { renderDetails } from './note-details.js'
import type { NoteInput } from './note-input.js'
import { renderOrigin } from './note-origin.js'
import {
  renderDirections,
  renderFailedJobs,
  renderFirstReport,
  renderLastPush,
  renderMissing,
  renderOtherData,
  renderSettings,
} from './note-sentences.js'
import { renderTable } from './note-table.js'
import { verdictMark, verdictText } from './verdict.js'

/** GitLab takes a million characters; a note that people read stays far below. */
export const MAX_NOTE_BYTES = 60_000

/**
 * The whole note but its hidden marker, which the caller puts before it as a line of its own. What matters most takes
 * its room first: verdict, origin, failed jobs, changed rows. The rest is cut, with a link to the full comparison.
 */
export function renderNote(input: NoteInput): string {
  const view = viewOf(input)
  const budget = createBudget(MAX_NOTE_BYTES)
  const heading = budget.always(renderHeading(view))
  const origin = budget.always(renderOrigin(view))
  const failed = budget.optional(renderFailedJobs(view))
  const otherData = budget.optional(renderOtherData(view))
  const table = renderTable(view, budget)
  const missing = budget.optional(renderMissing(view))
  const settings = budget.optional(renderSettings(view))
  const lastPush = budget.optional(renderLastPush(view))
  const firstReport = budget.optional(renderFirstReport(view))
  const directions = budget.optional(renderDirections(view))
  const details = renderDetails(view, budget)
  const parts = [
    heading,
    failed,
    otherData,
    table,
    missing,
    settings,
    lastPush,
    firstReport,
    directions,
    details,
  ]
  return `${join([...parts, origin], gfm`\n\n`).source}\n`
}

function renderHeading(input: NoteInput): Markdown {
  const soFar = input.pipeline.state === 'running' ? gfm` so far` : nothing
  return gfm`### ${own(verdictMark(input))} Model results${soFar}: ${figure(verdictText(input))}`
}
