import type { ComparedModel } from '../domain/comparison.js'
import { groupBy } from '../domain/group.js'
import { jsonText } from '../domain/json-text.js'
import type { Json, Model, Named } from '../domain/model.js'
import type { Budget } from './budget.js'
import { SHORT_NAME } from './cells.js'
import type { NoteView } from './columns.js'
import { code, codeBlock, gfm, join, link, type Markdown } from './markdown.js'
import { listed, nameOf } from './note-words.js'
import { visibleText } from './text.js'

const MAX_BLOCKS = 10
const MAX_ROWS = 30
const MAX_SETTINGS_LENGTH = 3000

interface Trained {
  row: ComparedModel
  model: Model
  settings: string
}

/** Commit, job and settings of what was trained here, the worst first; models with the same settings together. */
export function renderReproduce(view: NoteView, budget: Budget): Markdown | null {
  const trained = view.comparison.rows.slice(0, MAX_ROWS).flatMap((row): Trained[] => {
    const [model] = row.models
    return model === undefined ? [] : [{ row, model, settings: settingsJson(model) }]
  })
  if (trained.length === 0) return null
  const opening = gfm`**How to reproduce**\n\n${codeBlock([`git checkout ${view.headSha}`])}`
  if (!budget.takes(opening)) return null
  const parts: Markdown[] = []
  for (const group of [...groupBy(trained, ({ settings }) => settings).values()].slice(0, MAX_BLOCKS)) {
    const part = trainedWords(group, view)
    if (!budget.takes(part)) break
    parts.push(part)
  }
  return join([opening, ...parts], gfm`\n\n`)
}

function trainedWords(group: readonly Trained[], view: NoteView): Markdown {
  const names = listed(group, ({ row, model }) => gfm`${nameOf(row, view)} ${jobWords(model)}`, {
    most: 4,
    separator: gfm`, `,
  })
  const settings = group[0]?.settings ?? ''
  if (settings === '') return gfm`No settings were reported, so only the commit is known: ${names}`
  if (settings.length > MAX_SETTINGS_LENGTH) return gfm`With settings too long for here: ${names}`
  return gfm`Settings of ${names}:\n\n${codeBlock([settings])}`
}

function jobWords({ job }: Model): Markdown {
  return gfm`(${link(gfm`job ${code(job.name, SHORT_NAME)}`, job.url)})`
}

/** Empty where there are none. */
function settingsJson({ hyperparameters, parameters }: Model): string {
  const groups = [
    ...(hyperparameters.length === 0 ? [] : [`"hyperparameters": ${mapJson(hyperparameters)}`]),
    ...(parameters.length === 0 ? [] : [`"parameters": ${mapJson(parameters)}`]),
  ]
  if (groups.length === 0) return ''
  const json = `{${groups.join(', ')}}`
  // What would be shown otherwise is written with escapes, so that a copy is exact.
  return visibleText(json, json.length) === json ? json : json.replace(/[^\x20-\x7e]/g, escaped)
}

function mapJson(settings: readonly Named<Json>[]): string {
  const values = new Map(settings.map(({ k, v }) => [k, v]))
  return `{${[...values].map(([name, value]) => `${JSON.stringify(name)}: ${jsonText(value)}`).join(', ')}}`
}

function escaped(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
}
