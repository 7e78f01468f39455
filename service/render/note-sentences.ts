import { type ComparedResult, compareWithLastPush, type ResultColumn } from '../domain/compare.js'
import type { SettingChange } from '../domain/settings.js'
import { changeOf, SHORT_NAME } from './cells.js'
import { mainColumns } from './columns.js'
import { code, gfm, join, link, type Markdown } from './markdown.js'
import type { NoteInput } from './note-input.js'
import { settingChange } from './setting-values.js'
import { isFirstReport } from './verdict.js'

const MAX_LISTED = 5

/** The first few, then how many there are besides. */
export function listed(parts: readonly Markdown[], separator = gfm` · `): Markdown {
  const shown = join(parts.slice(0, MAX_LISTED), separator)
  return parts.length > MAX_LISTED ? gfm`${shown} and ${parts.length - MAX_LISTED} more` : shown
}

export function renderFailedJobs({ pipeline }: NoteInput): Markdown | null {
  const jobs = pipeline.failedJobs.map(
    ({ name, status, url }) => gfm`${link(code(name), url)} ${statusWords(status)}`,
  )
  return jobs.length === 0 ? null : gfm`**Jobs without success:** ${listed(jobs)}`
}

function statusWords(status: string): Markdown {
  if (status === 'failed') return gfm`failed`
  return status === 'canceled' || status === 'cancelled' ? gfm`was cancelled` : code(status, SHORT_NAME)
}

export function renderOtherData({ comparison: { rows } }: NoteInput): Markdown | null {
  const datasets = new Set(rows.filter((row) => row.datasetChanged).map(({ dataset }) => dataset))
  if (datasets.size === 0) return null
  const names = listed([...datasets].map((name) => code(name)))
  return gfm`**The data changed:** ${names}. Its numbers here and before are not comparable, so they are not judged.`
}

export function renderMissing({ comparison: { rows } }: NoteInput): Markdown | null {
  const missing = rows.filter(({ state }) => state === 'missing')
  if (missing.length === 0) return null
  const parts = missing.map(({ name, dataset, baseline }) => {
    const job = baseline?.models[0]?.job.name ?? ''
    return gfm`${name} on ${dataset} (job ${job})`
  })
  return gfm`**Missing:** a job ended without sending what it sent before: ${listed(parts)}`
}

interface SharedChange {
  change: SettingChange
  models: Set<string>
}

/** The same change in several models is told once. */
export function renderSettings({ comparison: { rows } }: NoteInput): Markdown | null {
  const shared = new Map<string, SharedChange>()
  for (const { name, settings } of rows) {
    for (const change of settings) {
      const key = JSON.stringify([change.kind, change.path, change.change, change.old, change.new])
      const known = shared.get(key) ?? { change, models: new Set() }
      known.models.add(name)
      shared.set(key, known)
    }
  }
  if (shared.size === 0) return null
  const ordered = [...shared.values()].sort((a, b) => settingPlace(a) - settingPlace(b))
  return gfm`**Settings changed:** ${listed(ordered.map(settingSentence))}`
}

function settingPlace({ change }: SharedChange): number {
  return change.kind === 'hyperparameter' ? 0 : 1
}

function settingSentence({ change, models }: SharedChange): Markdown {
  const [first = ''] = models
  const who = models.size === 1 ? code(first) : gfm`${models.size} models`
  return gfm`${who}: ${code(change.path, 60)} ${settingChange(change)}`
}

export function renderLastPush({ comparison, previous }: NoteInput): Markdown | null {
  if (previous === null) return null
  const changes = compareWithLastPush(previous.comparison, comparison)
  if (changes.length === 0) return gfm`**Since the last push:** no result changed`
  const parts = changes.map(
    ({ name, dataset, result }) =>
      gfm`${name} on ${dataset}, ${code(result.name, SHORT_NAME)} ${changeOf(result, true)}`,
  )
  return gfm`**Since the last push:** ${listed(parts)}`
}

export function renderFirstReport({ comparison, projectUrl, targetBranch }: NoteInput): Markdown | null {
  if (!isFirstReport(comparison)) return null
  const url = `${projectUrl}/-/pipelines/new?ref=${encodeURIComponent(targetBranch.toWellFormed())}`
  const run = link(gfm`run the pipeline on ${targetBranch}`, url)
  return gfm`**To get comparisons,** either merge this (these results become the baseline) or ${run}. This note then updates itself.`
}

/** Said only where it matters: on a first report, and where something changed that nobody can judge. */
export function renderDirections({ comparison }: NoteInput): Markdown | null {
  const isFirst = isFirstReport(comparison)
  const changed = new Set(
    comparison.rows.flatMap(({ results }) => results.filter(isUnjudged).map(({ name }) => name)),
  )
  const unknown = comparison.columns.filter(
    ({ direction, name }) => direction === 'unknown' && (isFirst || changed.has(name)),
  )
  const guessed = isFirst ? mainColumns(comparison).filter(({ direction }) => direction !== 'unknown') : []
  const sentences = [
    guessed.length > 0
      ? gfm`Directions are guessed from names: ${listed(guessed.map(guess), gfm`, `)}.`
      : null,
    unknown.length > 0 ? gfm`Not judged, as the direction is unknown: ${names(unknown)}.` : null,
  ].filter((sentence) => sentence !== null)
  return sentences.length === 0 ? null : join(sentences, gfm` `)
}

function names(columns: readonly ResultColumn[]): Markdown {
  return listed(
    columns.map(({ name }) => code(name, SHORT_NAME)),
    gfm`, `,
  )
}

function isUnjudged({ state, direction }: ComparedResult): boolean {
  return state === 'changed' && direction === 'unknown'
}

function guess({ name, direction }: ResultColumn): Markdown {
  const better = direction === 'higher' ? gfm`↑ higher is better` : gfm`↓ lower is better`
  return gfm`${code(name, SHORT_NAME)} ${better}`
}
