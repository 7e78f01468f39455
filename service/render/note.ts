import { createBudget } from './budget.js'
import { type NoteView, viewOf } from './columns.js'
import { figure, gfm, join, type Markdown, nothing, own } from './markdown.js'
import { renderDetails } from './note-details.js'
import { renderEditedRules, renderWeakerRules } from './note-edits.js'
import { renderGate } from './note-gate.js'
import type { NoteInput } from './note-input.js'
import { renderFewSamples, renderNoiseWords } from './note-noise.js'
import { renderOrigin } from './note-origin.js'
import { renderExclusions, renderNoGate, renderRules } from './note-rules.js'
import {
  renderDirections,
  renderFailedJobs,
  renderFirstReport,
  renderFoldersNotRun,
  renderFork,
  renderLastPush,
  renderMissing,
  renderNothingTrained,
  renderOtherData,
  renderSettings,
  renderSilentJobs,
} from './note-sentences.js'
import { renderTable } from './note-table.js'
import { verdictMark, verdictText } from './verdict.js'

/** GitLab takes a million characters; a note that people read stays far below. */
export const MAX_NOTE_BYTES = 60_000

/**
 * The whole note but its hidden marker, which the caller puts before it as a line of its own. What matters most takes
 * its room first: verdict, origin, broken rules, changed rows. The rest is cut, with a link to the full comparison.
 */
export function renderNote(input: NoteInput): string {
  const view = viewOf(input)
  const budget = createBudget(MAX_NOTE_BYTES)
  const heading = budget.always(renderHeading(view))
  const origin = budget.always(renderOrigin(view))
  const optional = (render: (view: NoteView) => Markdown | null) => budget.optional(render(view))
  const parts = [
    optional(renderRules),
    renderGate(view, budget),
    optional(renderWeakerRules),
    optional(renderFailedJobs),
    optional(renderSilentJobs),
    optional(renderNothingTrained),
    optional(renderFork),
    optional(renderOtherData),
    renderTable(view, budget),
    optional(renderFewSamples),
    optional(renderNoiseWords),
    optional(renderMissing),
    optional(renderFoldersNotRun),
    optional(renderSettings),
    optional(renderLastPush),
    optional(renderExclusions),
    optional(renderEditedRules),
    optional(renderFirstReport),
    optional(renderNoGate),
    optional(renderDirections),
    renderDetails(view, budget),
  ]
  return `${join([heading, ...parts, origin], gfm`\n\n`).source}\n`
}

function renderHeading(input: NoteInput): Markdown {
  const soFar = input.pipeline.state === 'running' ? gfm` so far` : nothing
  return gfm`### ${own(verdictMark(input))} Model results${soFar}: ${figure(verdictText(input))}`
}
