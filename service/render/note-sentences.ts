import { identityOf } from '../domain/baseline.js'
import {
  type ComparedModel,
  type ComparedResult,
  compareWithLastPush,
  type Comparison,
  type ResultColumn,
} from '../domain/compare.js'
import { groupBy } from '../domain/group.js'
import type { SettingChange } from '../domain/settings.js'
import { changeOf, SHORT_NAME } from './cells.js'
import { mainColumns, soleDataset } from './columns.js'
import { code, gfm, join, link, type Markdown, nothing } from './markdown.js'
import type { NoteInput } from './note-input.js'
import { settingChange } from './setting-values.js'
import { isFirstReport } from './verdict.js'

const MAX_SETTINGS = 6

interface Listing {
  separator?: Markdown
  most?: number
}

/** The first few, then how many there are besides. */
export function listed(
  parts: readonly Markdown[],
  { separator = gfm` · `, most = 5 }: Listing = {},
): Markdown {
  const shown = join(parts.slice(0, most), separator)
  return parts.length > most ? gfm`${shown} and ${parts.length - most} more` : shown
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

/** Those of jobs that are named as failed already need no sentence of their own. */
export function renderMissing({ comparison, pipeline }: NoteInput): Markdown | null {
  const failed = new Set(pipeline.failedJobs.map(({ name }) => name))
  const missing = comparison.rows.filter(
    ({ state, baseline }) =>
      state === 'missing' && !baseline?.models.every((model) => failed.has(model.job.name)),
  )
  if (missing.length === 0) return null
  const parts = missing.map((row) => {
    const job = row.baseline?.models[0]?.job.name ?? ''
    return gfm`${nameOf(row, comparison)} (job ${job})`
  })
  return gfm`**Missing:** a job ended without sending what it sent before: ${listed(parts)}`
}

interface SharedChange {
  change: SettingChange
  rows: ComparedModel[]
}

/** Models with the same changes are told of together. */
export function renderSettings({ comparison }: NoteInput): Markdown | null {
  const changed = comparison.rows.flatMap((row) => row.settings.map((change) => ({ change, row })))
  const shared = [...groupBy(changed, ({ change }) => JSON.stringify(change)).values()].flatMap(
    (same): SharedChange[] =>
      same[0] === undefined ? [] : [{ change: same[0].change, rows: same.map(({ row }) => row) }],
  )
  if (shared.length === 0) return null
  shared.sort((a, b) => settingPlace(a) - settingPlace(b))
  const shown = shared.slice(0, MAX_SETTINGS)
  const parts = [...groupBy(shown, ({ rows }) => rows.map(identityOf).join()).values()].map((group) => {
    const changes = group.map(({ change }) => gfm`${code(change.path, 60)} ${settingChange(change)}`)
    return gfm`${whose(group[0]?.rows ?? [], comparison)}: ${join(changes, gfm`, `)}`
  })
  const more = shared.length - shown.length
  return gfm`**Settings changed:** ${join(parts, gfm` · `)}${more > 0 ? gfm` and ${more} more` : nothing}`
}

function settingPlace({ change }: SharedChange): number {
  return change.kind === 'hyperparameter' ? 0 : 1
}

function whose(rows: readonly ComparedModel[], comparison: Comparison): Markdown {
  const [first] = rows
  if (first !== undefined && rows.length === 1) return nameOf(first, comparison)
  return rows.length === comparison.rows.length ? gfm`all ${rows.length} models` : gfm`${rows.length} models`
}

/** With its dataset where there is more than one. */
export function nameOf(
  { name, dataset }: { name: string; dataset: string },
  comparison: Comparison,
): Markdown {
  return soleDataset(comparison) === null ? gfm`${name} on ${dataset}` : code(name)
}

export function renderLastPush({ comparison, previous }: NoteInput): Markdown | null {
  if (previous === null) return null
  const changes = compareWithLastPush(previous.comparison, comparison)
  if (changes.length === 0) return gfm`**Since the last push:** no result changed`
  const parts = [...groupBy(changes, identityOf).values()].map((group) => {
    const results = group.map(({ result }) => gfm`${code(result.name, SHORT_NAME)} ${changeOf(result, true)}`)
    return gfm`${group[0] === undefined ? nothing : nameOf(group[0], comparison)}: ${listed(results, { most: 3, separator: gfm`, ` })}`
  })
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
      ? gfm`Directions are guessed from names: ${listed(guessed.map(guess), { separator: gfm`, ` })}.`
      : null,
    unknown.length > 0 ? gfm`Not judged, as the direction is unknown: ${names(unknown)}.` : null,
  ].filter((sentence) => sentence !== null)
  return sentences.length === 0 ? null : join(sentences, gfm` `)
}

function names(columns: readonly ResultColumn[]): Markdown {
  return listed(
    columns.map(({ name }) => code(name, SHORT_NAME)),
    { separator: gfm`, ` },
  )
}

function isUnjudged({ state, direction }: ComparedResult): boolean {
  return state === 'changed' && direction === 'unknown'
}

function guess({ name, direction }: ResultColumn): Markdown {
  const better = direction === 'higher' ? gfm`↑ higher is better` : gfm`↓ lower is better`
  return gfm`${code(name, SHORT_NAME)} ${better}`
}
